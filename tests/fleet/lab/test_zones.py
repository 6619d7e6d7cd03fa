"""The zones, read back by dnspython as a name server would."""

import base64

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdatatype
import dns.reversename
import dns.zone
import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from lab.dnssec import zone_key
from lab.internet import load_internet
from lab.keys import dkim_key_pair
from lab.site import Site, SiteHost
from lab.zones import render_zones, txt

SITE = Site(
    ("example.net", "example.org"),
    (
        SiteHost("keep", "keep.example.net", ("mas",), ("203.0.113.10", "2001:db8:48d1::10")),
        SiteHost("edge", "edge.example.net", ("mx",), ("203.0.113.20", "2001:db8:48d1::20")),
        SiteHost("rim", "rim.elsewhere.example", ("mx",), ("203.0.113.30",)),
    ),
)
KEYS = {
    (domain, selector): dkim_key_pair(kind).public
    for domain, facts in load_internet().domains.items()
    for selector, kind in facts.dkim.items()
}
ZONE_KEY = zone_key()


@pytest.fixture(scope="module")
def zones():
    rendered = render_zones(load_internet(), SITE, KEYS, ZONE_KEY.public)
    return {
        zone.origin: dns.zone.from_text(zone.text(), origin=zone.origin, relativize=False)
        for zone in rendered
    }


def values(zones, owner, kind):
    """All rdata of an owner and type, from the deepest zone that holds the owner."""
    name = dns.name.from_text(owner)
    zone = max(
        (zone for zone in zones.values() if name.is_subdomain(zone.origin)),
        key=lambda zone: len(zone.origin),
    )
    rdataset = zone.get_rdataset(name, kind)
    return sorted(rdata.to_text() for rdata in rdataset) if rdataset else []


def text(zones, owner):
    """The TXT values of an owner, strings joined as a verifier joins them."""
    name = dns.name.from_text(owner)
    return [
        b"".join(rdata.strings).decode()
        for zone in zones.values()
        for rdata in (zone.get_rdataset(name, "TXT") or ())
    ]


def test_every_zone_is_delegated_from_the_root(zones):
    root = zones["."]
    for origin, zone in zones.items():
        assert zone.get_rdataset(origin, "SOA") is not None
        assert [str(rdata.target) for rdata in root.find_rdataset(origin, "NS")] == [
            "root.lab.example."
        ]


def test_the_one_key_fits_the_ds_record_of_every_zone_but_a_bogus_one(zones):
    key = dns.rdata.from_text("IN", "DNSKEY", ZONE_KEY.public.decode())
    broken = set()
    for origin in zones.keys() - {"."}:
        (ds,) = zones["."].find_rdataset(origin, "DS")
        if ds != dns.dnssec.make_ds(dns.name.from_text(origin), key, "SHA256"):
            broken.add(origin)
    bogus = {name for name, facts in load_internet().domains.items() if facts.bogus}
    assert broken == {f"{name}." for name in bogus} != set()


def test_a_name_for_each_verdict_is_published(zones):
    assert text(zones, "fail.spf.example") == ["v=spf1 exp=why.spf.example -all"]
    assert len(text(zones, "twice.spf.example")) == 2
    assert text(zones, "gone._domainkey.dkim.example") == ["v=DKIM1; k=rsa; p="]
    assert text(zones, "ed._domainkey.dkim.example")[0].startswith("v=DKIM1; k=ed25519; p=")
    assert text(zones, "_dmarc.strict.dmarc.example") == ["v=DMARC1; p=reject; adkim=s; aspf=s"]


def test_the_root_server_has_glue_in_the_root_and_an_address_in_its_zone(zones):
    for origin in (".", "lab.example."):
        found = zones[origin].find_rdataset("root.lab.example.", "A")
        assert [rdata.address for rdata in found] == ["198.51.100.53"]


def test_what_the_site_says_of_its_mail_is_left_to_the_site(zones):
    for domain in SITE.domains:
        assert {rdataset.rdtype for _, rdataset in zones[f"{domain}."].iterate_rdatasets()} <= {
            dns.rdatatype.from_text(kind) for kind in ("SOA", "NS", "A", "AAAA")
        }


def test_the_site_may_change_its_own_zones_and_no_others():
    rendered = render_zones(load_internet(), SITE, KEYS, ZONE_KEY.public)
    mine = {zone.origin for zone in rendered if zone.of_site}
    assert mine == {
        "example.net.",
        "example.org.",
        "elsewhere.example.",
        "113.0.203.in-addr.arpa.",
        "8.b.d.0.1.0.0.2.ip6.arpa.",
    }


def test_every_public_address_has_matching_forward_and_reverse_names(zones):
    for host in SITE.hosts:
        for address in host.addresses:
            reverse = dns.reversename.from_address(address).to_text()
            assert values(zones, reverse, "PTR") == [f"{host.fqdn}."]
            assert address in values(zones, host.fqdn, "AAAA" if ":" in address else "A")


def test_the_well_kept_sender_is_well_kept(zones):
    assert text(zones, "goodcorp.example") == ["v=spf1 ip4:198.51.100.10 ip6:2001:db8:51a::10 -all"]
    assert text(zones, "_dmarc.goodcorp.example")[0].startswith("v=DMARC1; p=reject")
    assert values(zones, "10.100.51.198.in-addr.arpa", "PTR") == ["mail.goodcorp.example."]
    tags = dict(
        tag.strip().split("=", 1)
        for tag in text(zones, "s1._domainkey.goodcorp.example")[0].split(";")
    )
    assert tags["v"] == "DKIM1"
    assert load_der_public_key(base64.b64decode(tags["p"])).key_size == 2048


def test_the_spammer_has_neither_name_nor_policy(zones):
    assert values(zones, "66.2.0.192.in-addr.arpa", "PTR") == []
    assert values(zones, "dhcp66.spammer.example", "A") == []
    assert values(zones, "spammer.example", "MX") == []
    assert text(zones, "spammer.example") == []


def test_every_published_spf_record_is_the_only_one_of_its_owner(zones):
    for zone in zones.values():
        for name, rdataset in zone.iterate_rdatasets("TXT"):
            spf = [rdata for rdata in rdataset if rdata.strings[0].startswith(b"v=spf1")]
            assert len(spf) <= 1 or name.to_text().startswith("twice."), name


@pytest.mark.parametrize("length", [0, 1, 255, 256, 600])
def test_long_text_is_cut_into_strings_that_join_again(length):
    value = "".join(chr(33 + n % 90) for n in range(length))
    zone = dns.zone.from_text(
        f"@ 60 IN SOA a. b. 1 1 1 1 1\n@ 60 IN NS a.\nx 60 IN TXT {txt(value)}\n", origin="t."
    )
    (rdata,) = zone.find_rdataset("x", dns.rdatatype.TXT)
    assert b"".join(rdata.strings).decode() == value
    assert all(len(string) <= 255 for string in rdata.strings)
