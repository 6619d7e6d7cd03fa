"""Options of spf, dkim and dmarc that read maps or set limits."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from filter_engine.auth.dkim_key import parse_key_record
from filter_engine.auth.results import SpfCode, SpfResult
from filter_engine.auth.spf import Limits, check_host
from filter_engine.auth.spf_record import keep, parse_record
from filter_engine.checks.dkim import DkimOptions
from filter_engine.checks.dmarc import DmarcOptions
from filter_engine.checks.spf import SpfOptions
from filter_engine.config.map_definition import MapDefinition, define_text
from filter_engine.config.model import Config
from filter_engine.config.schema import Section
from filter_engine.dns.table import TableResolver
from filter_engine.maps.maps import Maps
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.question import ASK
from filter_engine.scan.setup import Setup
from policy_scan import RAW, Sink, from_, scan
from zone_drive import drive

SPF_ZONE: dict[str, dict[str, list[Any]]] = {
    "a.example": {"TXT": [b"v=spf1 include:b.example -all"]},
    "b.example": {"TXT": [b"v=spf1 include:c.example -all"]},
    "c.example": {"TXT": [b"v=spf1 ip4:192.0.2.1 a:host.example -all"]},
    "wide.example": {"TXT": [b"v=spf1 include:n1.example include:n2.example include:c.example"]},
    "n1.example": {"TXT": [b"v=spf1 -all"]},
    "n2.example": {"TXT": [b"v=spf1 -all"]},
    "host.example": {"A": ["192.0.2.2"], "AAAA": ["2001:db8::2"]},
    "mx.example": {"TXT": [b"v=spf1 mx -all"], "MX": [(10, "host.example")]},
    "local.example": {"TXT": [b"v=spf1 exists:%{l}.u.example include:%{s}.x ip4:192.0.2.1 -all"]},
    "xn--bcher-kva.example": {"TXT": [b"v=spf1 exists:%{o}.ok.example -all"]},
    "xn--bcher-kva.example.ok.example": {"A": ["127.0.0.2"]},
}


def spf(domain: str, ip: str = "192.0.2.1", sender: str = "", **limits: Any) -> SpfResult:
    result = drive(
        check_host(
            ASK, ip_address(ip), domain, sender or f"al@{domain}", "h", limits=Limits(**limits)
        ),
        TableResolver(SPF_ZONE),
    )
    assert isinstance(result, SpfResult)
    return result


def test_records_inside_each_other() -> None:
    assert spf("a.example", nesting=2).result is SpfCode.PASS
    assert spf("a.example", nesting=1).result is SpfCode.PERMERROR
    assert spf("wide.example", nesting=1).result is SpfCode.PASS  # beside each other, not inside


def test_questions_in_all() -> None:
    assert spf("a.example", requests=3).result is SpfCode.PASS
    assert "more than 2 DNS questions" in spf("a.example", requests=2).problem


@pytest.mark.parametrize("domain", ["c.example", "mx.example"])
def test_without_ipv6_no_address_is_looked_up(domain: str) -> None:
    assert spf(domain, "2001:db8::2").result is SpfCode.PASS
    assert spf(domain, "2001:db8::2", ipv6=False).result is SpfCode.FAIL


def test_a_local_part_that_no_name_can_hold_matches_nothing() -> None:
    """RFC 8616, section 4: terms with %{l} or %{s} are passed over, not an error."""
    assert spf("local.example", sender="ål@local.example").mechanism == "+ip4:192.0.2.1"
    assert spf("local.example", "192.0.2.9", "ål@local.example").result is SpfCode.FAIL


def test_a_domain_in_macros_is_in_ascii() -> None:
    assert spf("bücher.example", sender="al@bücher.example").result is SpfCode.PASS


def test_the_number_of_kept_records() -> None:
    text = b"v=spf1 ip4:192.0.2.77 -all"
    keep(0)
    assert parse_record(text) is not parse_record(text)
    keep(2048)
    assert parse_record(text) is parse_record(text)


def test_the_number_of_kept_keys() -> None:
    text = b"p=MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=; k=ed25519"
    run("dkim", DkimOptions(dkim_cache_size=0))
    assert parse_key_record(text) is not parse_key_record(text)
    run("dkim", DkimOptions())
    assert parse_key_record(text) is parse_key_record(text)


def prepared(name: str, options: Section) -> Any:
    prepare = REGISTRY[name].prepare
    assert prepare is not None
    return prepare(options, Setup(Config(), Maps()))


def listed(directory: Path, *lines: str) -> MapDefinition:
    (directory / "map").write_text("\n".join(lines) + "\n")
    return define_text(str(directory / "map"))


def run(name: str, options: Section, raw: bytes = RAW, **given: Any) -> Sink:
    return scan(raw, sections=(options,), states={name: prepared(name, options)}, **given)


def test_spf_options_reach_the_evaluation() -> None:
    sink = run("spf", SpfOptions(max_dns_requests=1), from_("a.example"), zone=SPF_ZONE,
               mail_from="al@a.example")  # fmt: skip
    assert "R_SPF_PERMFAIL" in sink.symbols


SIGNATURE = b"DKIM-Signature: v=1; a=rsa-sha256; d=%s; s=s; h=from; bh=AAAA; b=AAAA\r\n"


def weight(sink: Sink, symbol: str) -> list[float]:
    return [f.weight for o in sink.outcomes.values() for f in o.findings if f.symbol == symbol]


@pytest.mark.parametrize(
    ("line", "factor"), [("bank.example", 4.0), ("bank.example 2:3", 1.0), ("other.example", 1.0)]
)
def test_signatures_of_trusted_domains_weigh_more(tmp_path: Path, line: str, factor: float) -> None:
    options = DkimOptions(trusted_domains=listed(tmp_path, line), strict_multiplier=4.0)
    sink = run("dkim", options, SIGNATURE % b"bank.example" + RAW)
    if line.endswith("2:3"):
        factor = 3.0
    assert weight(sink, "R_DKIM_PERMFAIL") == [factor]


def test_only_signatures_of_trusted_domains(tmp_path: Path) -> None:
    options = DkimOptions(trusted_domains=listed(tmp_path, "bank.example"), trusted_only=True)
    raw = SIGNATURE % b"other.example" + SIGNATURE % b"bank.example" + RAW
    sink = run("dkim", options, raw)
    assert sink.symbols["DKIM_TRACE"] == ("bank.example:~",)


def test_clients_whose_signatures_are_not_looked_at(tmp_path: Path) -> None:
    options = DkimOptions(whitelist=listed(tmp_path, "192.0.2.0/24"))
    assert "dkim" not in run("dkim", options, SIGNATURE % b"a.example" + RAW).outcomes
    assert "dkim" in run("dkim", options, SIGNATURE % b"a.example" + RAW, ip="203.0.113.1").outcomes


def test_domains_whose_pct_is_not_obeyed(tmp_path: Path) -> None:
    zone = {"_dmarc.soft.example": {"TXT": [b"v=DMARC1; p=reject; pct=0"]}}
    options = DmarcOptions(no_sampling_domains=listed(tmp_path, "soft.example"))
    given: dict[str, Any] = {"zone": zone, "mail_from": "al@soft.example"}
    assert "DMARC_POLICY_REJECT" in run("dmarc", options, from_("soft.example"), **given).symbols
    spared = run("dmarc", DmarcOptions(), from_("soft.example"), **given)
    assert "DMARC_POLICY_QUARANTINE" in spared.symbols


def test_the_sites_own_mail_is_checked_where_it_is_asked_for() -> None:
    assert "dmarc" not in run("dmarc", DmarcOptions(), user="al").outcomes
    assert "dmarc" in run("dmarc", DmarcOptions(auth_and_local_conf=True), user="al").outcomes
