"""The records of a site: what follows from its description, and what cannot be meant."""

from __future__ import annotations

import datetime
import hashlib
from typing import Any

import dns.zone
import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_record import txt_value
from ansible_collections.mailfleet.filter.plugins.plugin_utils.dns_expected import (
    expected,
    zone_fragment,
)
from ansible_collections.mailfleet.filter.plugins.plugin_utils.dns_site import (
    DnsSiteError,
    read_site,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .test_site_variables import variables

HOSTS = variables("three_hosts", "charlotte")["site_hosts"]
SITE: dict[str, Any] = {"domains": ["example.net", "example.org"], "hosts": HOSTS, "ttl": 60}
KEY = txt_value("rsa", "A" * 400)


def document(**more: Any) -> dict[str, Any]:
    return expected(read_site({**SITE, **more}))


def values(made: dict[str, Any], name: str, kind: str) -> list[str]:
    return [r["value"] for r in made["records"] if (r["name"], r["type"]) == (name, kind)]


def test_what_a_site_has_without_a_word_of_policy() -> None:
    made = document()
    for domain in SITE["domains"]:
        assert values(made, domain, "MX") == ["10 dolores.example.net.", "10 maeve.example.net."]
        assert values(made, domain, "TXT") == [
            "v=spf1 ip4:203.0.113.54 ip6:2001:db8:48d1::54 ip4:203.0.113.142 "
            "ip6:2001:db8:48d1::142 ip4:203.0.113.47 ip6:2001:db8:48d1::47 -all"
        ]
        assert values(made, f"_dmarc.{domain}", "TXT") == ["v=DMARC1; p=none"]
    assert values(made, "maeve.example.net", "A") == ["203.0.113.47"]
    assert values(made, "maeve.example.net", "AAAA") == ["2001:db8:48d1::47"]
    assert values(made, "maeve.example.net", "TXT") == ["v=spf1 a -all"]
    assert values(made, "47.113.0.203.in-addr.arpa", "PTR") == ["maeve.example.net."]
    assert {r["type"] for r in made["records"]} == {"A", "AAAA", "PTR", "MX", "TXT"}
    assert all(r["reason"] and r["ttl"] == 60 for r in made["records"])


def test_a_site_without_exchangers_takes_mail_on_every_host() -> None:
    made = document(hosts=[{"fqdn": "solo.example.net", "public_addresses": ["203.0.113.9"]}])
    assert values(made, "example.net", "MX") == ["10 solo.example.net."]


def test_policy_and_what_one_domain_has_instead() -> None:
    made = document(
        spf={"includes": ["_spf.news.example"], "addresses": ["198.51.100.0/24"], "ending": "~all"},
        dmarc={"policy": "reject", "adkim": "s", "rua": ["dmarc@example.net"]},
        tls_rpt=["tls@example.net", "https://reports.example.net/tls"],
        overrides={"example.org": {"dmarc": {"policy": "none"}, "spf": {"ending": ""}}},
    )
    (spf,) = values(made, "example.net", "TXT")
    assert spf.endswith(" ip4:198.51.100.0/24 include:_spf.news.example ~all")
    assert values(made, "example.org", "TXT") == []
    rua = "rua=mailto:dmarc@example.net"
    assert values(made, "_dmarc.example.net", "TXT") == [f"v=DMARC1; p=reject; adkim=s; {rua}"]
    assert values(made, "_dmarc.example.org", "TXT") == [f"v=DMARC1; p=none; adkim=s; {rua}"]
    assert values(made, "example.org._report._dmarc.example.net", "TXT") == ["v=DMARC1"]
    assert values(made, "_smtp._tls.example.org", "TXT") == [
        "v=TLSRPTv1; rua=mailto:tls@example.net,https://reports.example.net/tls"
    ]


def test_the_id_of_mta_sts_changes_with_the_policy_alone() -> None:
    sts = {"mode": "testing", "max_age": 86400, "host": "charlotte.example.net"}
    made = document(mta_sts=sts)
    assert made["mta_sts"]["example.net"] == (
        "version: STSv1\r\nmode: testing\r\nmx: dolores.example.net\r\n"
        "mx: maeve.example.net\r\nmax_age: 86400\r\n"
    )
    assert values(made, "mta-sts.example.org", "CNAME") == ["charlotte.example.net."]
    (record,) = values(made, "_mta-sts.example.net", "TXT")
    assert record.startswith("v=STSv1; id=")
    assert record.removeprefix("v=STSv1; id=").isalnum()
    name = ("_mta-sts.example.net", "TXT")
    assert values(document(mta_sts=sts, ttl=5), *name) == [record]
    assert values(document(mta_sts={**sts, "mode": "enforce"}), *name) != [record]


def test_tlsa_is_the_key_of_the_certificate_and_only_of_exchangers() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mx")])
    now = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)
    pem = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now.replace(year=2030))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    known = {"dolores.example.net": pem, "charlotte.example.net": pem, "maeve.example.net": ""}
    made = document(tlsa_ports=[25], certificates=known)
    tlsa = [r for r in made["records"] if r["type"] == "TLSA"]
    assert [(r["name"], r["value"]) for r in tlsa] == [
        ("_25._tcp.dolores.example.net", f"3 1 1 {hashlib.sha256(spki).hexdigest()}")
    ]
    with pytest.raises(DnsSiteError, match=r"certificates: maeve\.example\.net: not a certificate"):
        document(tlsa_ports=[25], certificates={"maeve.example.net": "rubbish"})


def test_records_of_keys_come_as_the_calendar_has_them() -> None:
    key = {
        "name": "mail._domainkey.example.org",
        "type": "TXT",
        "ttl": 300,
        "value": KEY,
        "reason": "DKIM key mail of example.org (rsa): active since 2026-11-21",
        "domain": "example.org",
        "selector": "mail",
        "use": "dkim",
        "algorithm": "rsa",
        "state": "active",
    }
    (record,) = [r for r in document(keys=[key])["records"] if "_domainkey" in r["name"]]
    assert record == {
        **{k: key[k] for k in ("name", "type", "ttl", "value", "domain")},
        "reason": "rsa key mail, which signatures are checked with (RFC 6376, 3.6)",
        "rivals": "",
    }
    seen = {**key, "state": "published", "reason": "DKIM key mail of example.org: published"}
    assert document(keys=[seen]) == document(keys=[key])  # a second run changes nothing
    gone = {**key, "state": "revoked", "value": "v=DKIM1; k=rsa; p="}
    assert "revoked" in document(keys=[gone])["records"][-1]["reason"]


def test_what_may_stand_beside_a_record() -> None:
    made = document(
        further=[
            {"name": "example.net", "type": "TXT", "value": "some-site-verification=1"},
            {"name": "www.example.net", "type": "A", "value": "192.0.2.80"},
        ]
    )
    rivals = {(r["name"], r["value"]): r["rivals"] for r in made["records"]}
    assert rivals["example.net", "some-site-verification=1"] is None
    assert rivals["example.net", values(made, "example.net", "TXT")[0]] == "v=spf1"
    assert rivals["_dmarc.example.net", "v=DMARC1; p=none"] == ""
    assert rivals["www.example.net", "192.0.2.80"] == ""


def test_a_host_named_like_a_domain_has_that_domains_spf_alone() -> None:
    made = document(hosts=[{"fqdn": "example.net", "public_addresses": ["203.0.113.9"]}])
    assert values(made, "example.net", "TXT") == ["v=spf1 ip4:203.0.113.9 -all"]


def test_a_name_server_reads_the_fragment_as_it_was_meant() -> None:
    made = document(
        keys=[{"name": "mail._domainkey.example.net", "type": "TXT", "value": KEY}],
        mta_sts={"mode": "testing", "host": "charlotte.example.net"},
    )
    zone = dns.zone.from_text(zone_fragment(made), ".", relativize=False, check_origin=False)
    assert len(list(zone.iterate_rdatas())) == len(made["records"])
    (key,) = zone.find_rdataset("mail._domainkey.example.net.", "TXT")
    assert b"".join(key.strings).decode() == KEY
    assert max(map(len, key.strings)) == 255


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"domains": ["Example.net"]}, "upper case"),
        ({"domains": ["example.net", "example.net"]}, "given twice"),
        ({"domain": []}, 'unknown key "domain"'),
        ({"dmarc": {"police": "none"}}, 'did you mean "policy"'),
        ({"dmarc": {"policy": "drop"}}, 'policy is "drop"; write one of "", none, quarantine'),
        ({"dmarc": {"rua": ["a@example.net,b@example.net"]}}, "is no address to report to"),
        ({"spf": {"ending": "+all"}}, 'ending is "\\+all"'),
        ({"spf": {"addresses": ["10.0.0.1/8"]}}, "has host bits set"),
        ({"spf": "v=spf1 -all"}, "spf is not a mapping"),
        ({"overrides": {"example.com": {}}}, 'unknown key "example.com" in overrides'),
        ({"ttl": -1}, "ttl is -1"),
        ({"ttl": True}, "ttl is True"),
        ({"tlsa_ports": [0]}, "tlsa_ports is 0"),
        ({"hosts": ["mx.example.net"]}, "each is a mapping"),
        ({"hosts": [{"fqdn": "mx.example.net", "public_addresses": ["x"]}]}, "write a plain addr"),
        ({"keys": [{"name": "x.example.net"}]}, "a record needs type"),
        ({"further": [{"nam": "x"}]}, "unknown key 'nam'"),
        (
            {"further": [{"name": "example.net", "type": "TXT", "value": "v=spf1 -all"}]},
            "two SPF records",
        ),
        (
            {"further": [{"name": "example.net", "type": "MX", "ttl": 5, "value": "20 a."}]},
            "two lifetimes",
        ),
        (
            {"further": [{"name": "x.example.net", "type": "TXT", "value": "a\nb"}]},
            "printable ASCII",
        ),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_key(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(DnsSiteError, match=told):
        document(**wrong)
