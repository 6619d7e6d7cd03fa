"""Lists in DNS: what is asked."""

from __future__ import annotations

from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest

from filter_engine.auth.results import DkimCode, DkimResult, DkimSignatureResult
from filter_engine.config.model import OptionsConfig
from filter_engine.scan.verdict import Finding

from .rbl_session import CLIENT, REVERSED, Asked, a, rbl

# -- what is asked -------------------------------------------------------------------------------


def test_the_clients_address_is_reversed() -> None:
    asked = rbl("checks = [from];", {f"{REVERSED}.bl.example": a("127.0.0.2")})
    assert asked.found == {"ONE": [f"{CLIENT}:from"]}
    (finding,) = asked.all["ONE"]
    assert finding.evidence == f"{REVERSED}.bl.example A: 127.0.0.2"


def test_an_ipv6_address_is_asked_by_its_digits() -> None:
    digits = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.a.2"
    asked = rbl("checks = [from];", {f"{digits}.bl.example": a("127.0.0.2")}, ip="2a01:db8::1")
    assert asked.found == {"ONE": ["2a01:db8::1:from"]}


def test_a_rule_may_leave_out_a_family() -> None:
    assert rbl("checks = [from]; ipv4 = false;", {}).names == []


def test_a_rule_without_checks_asks_for_the_client() -> None:
    assert f"{REVERSED}.bl.example" in rbl("", {}).names


RECEIVED = [
    "from a ([198.18.0.3]) by b with ESMTPS; Mon, 1 Jan 2024 00:00:00 +0000",
    "from a ([10.1.2.3]) by b with ESMTP; Mon, 1 Jan 2024 00:00:00 +0000",
    "from a ([198.18.0.1]) by b with ESMTPA; Mon, 1 Jan 2024 00:00:00 +0000",
]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("", ["3.0.18.198", "1.0.18.198"]),
        ("exclude_private_ips = false; exclude_local = false;",
         ["3.0.18.198", "3.2.1.10", "1.0.18.198"]),
        ("received_min_pos = 2;", ["1.0.18.198"]),
        ("received_min_pos = -1;", ["1.0.18.198"]),
        ("received_max_pos = 1;", ["3.0.18.198"]),
        ("received_flags = [ssl];", ["3.0.18.198"]),
        ("received_flags = [authenticated];", ["1.0.18.198"]),
        ("received_nflags = [ssl, authenticated];", []),
    ],
)  # fmt: skip
def test_which_received_fields_count(rule: str, expected: list[str]) -> None:
    asked = rbl(
        f"checks = [received]; disable_monitoring = true; {rule}", {},
        headers={"Received": RECEIVED},
    )  # fmt: skip
    assert [name.removesuffix(".bl.example") for name in asked.names] == expected


def test_an_address_by_two_ways_is_asked_once_and_named_twice() -> None:
    asked = rbl(
        "checks = [received, from]; symbols_prefixes { from = F; received = R; }",
        {f"{REVERSED}.bl.example": a("127.0.0.2")},
        headers={"Received": f"from a ([{CLIENT}]) by b with SMTP; Mon, 1 Jan 2024 00:00:00 +0000"},
    )
    assert asked.names.count(f"{REVERSED}.bl.example") == 1
    assert asked.found == {"F_ONE": [f"{CLIENT}:from"], "R_ONE": [f"{CLIENT}:received"]}


def test_urls_by_registered_domain_once() -> None:
    body = "http://a.b.bad.example/1 http://c.bad.example/2 http://198.18.0.9/x\n"
    asked = rbl("checks = [urls]; disable_monitoring = true;", {}, body=body)
    assert asked.names == ["bad.example.bl.example", "9.0.18.198.bl.example"]
    asked = rbl("checks = [urls]; no_ip = true; disable_monitoring = true;", {}, body=body)
    assert asked.names == ["bad.example.bl.example"]
    asked = rbl("checks = [numeric_urls]; disable_monitoring = true;", {}, body=body)
    assert asked.names == ["9.0.18.198.bl.example"]


def test_a_whole_host_name_where_the_list_wants_it() -> None:
    asked = rbl("checks = [urls]; url_full_hostname = true; disable_monitoring = true;", {},
                body="http://a.b.bad.example/1\n")  # fmt: skip
    assert asked.names == ["a.b.bad.example.bl.example"]


def test_more_labels_by_a_compose_map(tmp_path: Path) -> None:
    lines = tmp_path / "compose"
    lines.write_text("*.deep.example.com # all of it\n!not.deep.example.com\none.example.com\n")
    body = " ".join(
        f"http://{host}/"
        for host in ("x.y.deep.example.com", "not.deep.example.com", "a.b.one.example.com")
    )
    asked = rbl(f'checks = [urls]; disable_monitoring = true; url_compose_map = "{lines}";', {},
                body=body + "\n")  # fmt: skip
    assert [name.removesuffix(".bl.example") for name in asked.names] == [
        "x.y.deep.example.com", "example.com", "b.one.example.com",
    ]  # fmt: skip


def test_pictures_only_where_a_rule_wants_them() -> None:
    headers = {"Content-Type": "text/html"}
    body = '<a href="http://one.example/">x</a><img src="http://two.example/x.png">'
    plain = rbl("checks = [urls]; disable_monitoring = true;", {}, headers=headers, body=body)
    assert plain.names == ["one.example.bl.example"]
    images = rbl("checks = [images]; disable_monitoring = true;", {}, headers=headers, body=body)
    assert images.names == ["two.example.bl.example"]


def test_mail_addresses_as_hashes() -> None:
    # printf 'badone@gmail.com' | sha1sum
    asked = rbl(
        "checks = [emails]; hash = sha1; disable_monitoring = true;", {},
        body="write to Bad.One+tag@googlemail.com\n",
    )  # fmt: skip
    assert asked.names == [f"{sha1(b'badone@gmail.com').hexdigest()}.bl.example"]


def test_mail_addresses_by_domain_and_by_delimiter() -> None:
    body = "a.b@x.bad.example, c@y.bad.example\n"
    domains = rbl("checks = [emails]; emails_domainonly = true; disable_monitoring = true;", {},
                  body=body)  # fmt: skip
    assert domains.names == ["bad.example.bl.example"]
    whole = rbl("checks = [emails]; disable_monitoring = true;", {}, body=body)
    assert whole.names == ["a.b.x.bad.example.bl.example", "c.y.bad.example.bl.example"]


def test_reply_to() -> None:
    asked = rbl("checks = [replyto]; disable_monitoring = true;",
                {"c.bad.example.bl.example": a("127.0.0.2")},
                headers={"Reply-To": "C <c@bad.example>"})  # fmt: skip
    assert asked.found == {"ONE": ["c.bad.example:replyto"]}


def signed(*domains: str) -> dict[str, DkimResult]:
    good = tuple(DkimSignatureResult(DkimCode.PASS, domain) for domain in domains)
    return {"dkim": DkimResult((*good, DkimSignatureResult(DkimCode.FAIL, "forged.example")))}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("", ["example.com", "other.example"]),
        ("dkim_domainonly = false;", ["mail.example.com", "other.example"]),
        ("dkim_match_from = true; dkim_domainonly = false;", ["example.com"]),
    ],
)
def test_domains_of_good_signatures(rule: str, expected: list[str]) -> None:
    asked = rbl(f"checks = [dkim]; disable_monitoring = true; {rule}", {},
                results=signed("mail.example.com", "other.example"))  # fmt: skip
    assert [name.removesuffix(".bl.example") for name in asked.names] == expected


def test_helo_and_host_name() -> None:
    asked = rbl("checks = [helo, rdns]; disable_monitoring = true;", {})
    assert asked.names == ["mx.bad.example.bl.example", "h.bad.example.bl.example"]


@pytest.mark.parametrize("envelope", [{"helo": None}, {"hostname": None}, {"hostname": "unknown"}])
def test_a_rule_on_names_waits_for_them_as_rspamd_does(envelope: dict[str, Any]) -> None:
    rule = "checks = [helo, rdns, from]; disable_monitoring = true;"
    assert rbl(rule, {}, **envelope).names == []
    later = rbl(rule, {}, more="names_required = false;", **envelope)
    assert f"{REVERSED}.bl.example" in later.names


def test_selectors() -> None:
    asked = rbl(
        'disable_monitoring = true; selector { who = "from(\'smtp\'):domain"; hi = "helo()"; }',
        {"mx.bad.example.bl.example": a("127.0.0.2")},
        mail_from="x@sender.example",
    )
    assert asked.names == ["sender.example.bl.example", "mx.bad.example.bl.example"]
    assert asked.found == {"ONE": ["mx.bad.example:hi"]}


def test_addresses_of_names() -> None:
    asked = rbl(
        "checks = [urls]; resolve_ip = true; disable_monitoring = true;",
        {"bad.example": {"A": ("198.18.0.7",)}, "7.0.18.198.bl.example": a("127.0.0.2")},
        body="http://bad.example/\n",
    )
    assert asked.found == {"ONE": ["198.18.0.7:bad.example:url"]}


def test_the_number_of_names_is_bounded() -> None:
    body = " ".join(f"http://n{number}.example/" for number in range(200))
    asked = rbl("checks = [urls]; requests_limit = 5; disable_monitoring = true;", {}, body=body)
    assert len(asked.names) == 5
    config = OptionsConfig(dns_max_requests=7)
    asked = rbl("checks = [urls]; disable_monitoring = true;", {}, body=body, config=config)
    assert len(asked.names) == 7


def test_what_one_message_asks_for_is_shared_by_all_lists() -> None:
    body = " ".join(f"http://n{number}.example/" for number in range(20))
    text = """rbls {
        one { rbl = "one.example"; checks = [urls]; disable_monitoring = true; }
        two { rbl = "two.example"; checks = [urls, from]; disable_monitoring = true; }
    }"""
    listed = {f"{REVERSED}.two.example": a("127.0.0.2"), "n0.example.one.example": a("127.0.0.2")}
    asked = Asked("rbl", text, listed, body=body, config=OptionsConfig(dns_max_requests=6))
    first = {
        f"n{number}.example.{zone}" for number in (0, 1) for zone in ("one.example", "two.example")
    }
    assert {f"{REVERSED}.two.example", *first} < set(asked.names)
    assert len(asked.names) == 6
    assert asked.found == {"TWO": [f"{CLIENT}:from"], "ONE": ["n0.example:url"]}


@pytest.mark.parametrize(
    ("check", "name"),
    [("from", REVERSED), ("helo", "mx.client.example"), ("rdns", "host.client.example")],
)
def test_the_client_is_asked_for_whatever_the_mail_holds(check: str, name: str) -> None:
    rule = f"checks = [urls, {check}]; disable_monitoring = true;"
    body = " ".join(f"http://n{number}.example/" for number in range(20))
    asked = rbl(rule, {}, body=body, config=OptionsConfig(dns_max_requests=1),
                helo="mx.client.example", hostname="host.client.example")  # fmt: skip
    assert asked.names == [f"{name}.bl.example"]


def test_no_number_of_names_before_it_keeps_a_list_from_being_asked() -> None:
    lists = "".join(
        f'l{number} {{ rbl = "l{number}.example"; checks = [urls]; disable_monitoring = true; }}'
        for number in range(20)
    )
    last = 'z { rbl = "z.example"; checks = [from, urls]; disable_monitoring = true; }'
    body = " ".join(f"http://n{number}.example/" for number in range(100))
    asked = Asked("rbl", f"rbls {{ {lists} {last} }}", {}, body=body)
    assert len(asked.names) == 64
    assert {name.partition(".")[2] for name in asked.names if name.startswith("n0.")} == {
        *(f"example.l{number}.example" for number in range(20)),
        "example.z.example",
    }
    assert f"{REVERSED}.z.example" in asked.names


def test_names_to_resolve_and_their_addresses_count_as_well() -> None:
    answers = {
        f"n{number}.example": {"A": tuple(f"198.18.{number}.{last}" for last in range(8))}
        for number in range(20)
    }
    body = " ".join(f"http://n{number}.example/" for number in range(20))
    text = """rbls {
        one { rbl = "one.example"; checks = [urls]; resolve_ip = true; disable_monitoring = true; }
        two { rbl = "two.example"; checks = [urls]; disable_monitoring = true; }
    }"""
    asked = Asked("rbl", text, answers, body=body, config=OptionsConfig(dns_max_requests=12))
    resolved = [name for name in asked.names if name.count(".") == 1]
    of_lists = [name for name in asked.names if name.endswith(".two.example")]
    assert (len(resolved), len(of_lists)) == (6, 6)
    assert len(asked.names) == 12
    asked = Asked("rbl", text.replace("urls]; disable", "from]; disable"), answers, body=body,
                  config=OptionsConfig(dns_max_requests=50))  # fmt: skip
    assert len(asked.names) == 50
    assert asked.names[0] == f"{REVERSED}.two.example"


def test_equal_names_of_two_rules_are_asked_once() -> None:
    text = """rbls {
        one { rbl = "bl.example"; returncodes { A2 = "127.0.0.2"; } disable_monitoring = true; }
        two { rbl = "bl.example"; returncodes { B2 = "127.0.0.2"; } disable_monitoring = true; }
    }"""
    asked = Asked("rbl", text, {f"{REVERSED}.bl.example": a("127.0.0.2")})
    assert asked.names == [f"{REVERSED}.bl.example"]
    assert asked.found == {"A2": [f"{CLIENT}:from"], "B2": [f"{CLIENT}:from"]}


# -- who is looked up at all -----------------------------------------------------------------------


def test_neither_users_nor_the_sites_own_clients() -> None:
    rule = "checks = [from]; disable_monitoring = true;"
    assert rbl(rule, {}, user="bob").names == []
    assert rbl(rule + "exclude_users = false;", {}, user="bob").names != []
    assert rbl(rule, {}, ip="192.168.1.1").names == []
    assert rbl(rule + "exclude_local = false;", {}, ip="192.168.1.1").names != []
    assert rbl(rule, {}, more=f'local_exclude_ip_map = ["{CLIENT}"];').names == []


def test_ignored_defaults_leave_all_off() -> None:
    asked = rbl("checks = [urls, from]; ignore_defaults = true; disable_monitoring = true;", {},
                body="http://bad.example/\n", user="bob")  # fmt: skip
    assert asked.names == ["bad.example.bl.example"]


def test_names_that_are_not_looked_up() -> None:
    rule = "checks = [urls, emails]; emails_domainonly = true; disable_monitoring = true;"
    body = "http://www.good.example/ x@good.example http://bad.example/\n"
    assert rbl(rule, {}, more='url_whitelist = ["good.example"];', body=body).names == [
        "bad.example.bl.example"
    ]
    text = rule + "ignore_url_whitelist = true;"
    assert len(rbl(text, {}, more='url_whitelist = ["good.example"];', body=body).names) == 2


def test_a_whitelist_of_an_ending_says_nothing_of_the_mail_domains_below_it() -> None:
    rule = "checks = [emails]; emails_domainonly = true; disable_monitoring = true;"
    asked = rbl(rule, {}, more='url_whitelist = ["example"];', body="to ann@one.example\n")
    assert asked.names == ["one.example.bl.example"]


def test_disabled_zones_and_rules() -> None:
    assert rbl("", {}, more='disabled_rbl_suffixes_map = ["bl.example"];').names == []
    assert rbl("enabled = false;", {}).names == []
    assert rbl("", {}, more="default_exclude_checks = [from];").names != []
    assert rbl("checks = [from];", {}, more="default_exclude_checks = [from];").names == []


def test_rules_that_wait_for_symbols() -> None:
    text = (
        """rbls { one { rbl = "bl.example"; require_symbols = "A"; disable_monitoring = true; } }"""
    )
    dns = {f"{REVERSED}.bl.example": a("127.0.0.2")}
    assert Asked("rbl_late", text, dns).names == []
    assert Asked("rbl_late", text, dns, findings=(Finding("A"),)).found == {
        "ONE": [f"{CLIENT}:from"]
    }
    assert Asked("rbl", text, dns, findings=(Finding("A"),)).names == []
