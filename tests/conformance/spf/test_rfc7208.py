"""The RFC 7208 suite (pyspf): every scenario's zone served from a table."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
import yaml

from conformance_data import DATA
from filter_engine.auth.spf import check_host, checked_identity
from filter_engine.dns.table import TableResolver
from filter_engine.scan.question import ASK, DnsQuestion
from zone_drive import drive

SUITE = DATA / "spf" / "rfc7208-tests.yml"
TYPES = ("A", "AAAA", "MX", "PTR", "TXT", "CNAME")


def table_of(zonedata: dict[str, list[Any]]) -> TableResolver:
    """The suite's zone data; SPF records also serve as TXT unless TXT is given (its header)."""
    table: dict[str, dict[str, list[Any]]] = {}
    failing: list[str | DnsQuestion] = []
    for name, entries in zonedata.items():
        key = name.lower()
        records = table.setdefault(key, {})
        for entry in entries:
            if entry == "TIMEOUT":
                continue
            for rdtype, value in entry.items():
                records.setdefault(rdtype, []).append(value)
        if "TXT" not in records and "SPF" in records:
            records["TXT"] = records["SPF"]
        records.pop("SPF", None)
        for rdtype, values in records.items():
            records[rdtype] = [record(rdtype, v) for v in values if v != "NONE"]
        if "TIMEOUT" in entries:
            failing.extend(DnsQuestion(key, t) for t in TYPES if not records.get(t))
    return TableResolver(table, failing=failing)


def record(rdtype: str, value: Any) -> Any:
    """A record of the suite as ``DnsAnswer.records`` holds it."""
    if rdtype == "TXT":
        parts = value if isinstance(value, list) else [value]
        return "".join(parts).encode("latin-1" if all(map(latin, parts)) else "utf-8")
    if rdtype == "MX":
        return value[0], value[1].rstrip(".").lower()
    if rdtype in ("A", "AAAA"):
        return str(ip_address(value))
    return value.rstrip(".").lower()


def latin(text: str) -> bool:
    return all(ord(c) < 256 for c in text)


def cases() -> list[Any]:
    if not SUITE.exists():
        missing = pytest.mark.skip(
            reason=f"no {SUITE}: set CONFORMANCE_DIR to the conformance data"
        )
        return [pytest.param({}, {}, marks=missing)]
    return [
        pytest.param(scenario["zonedata"], case, id=name)
        for scenario in yaml.safe_load_all(SUITE.read_text(encoding="utf-8"))
        for name, case in scenario["tests"].items()
    ]


@pytest.mark.parametrize(("zonedata", "case"), cases())
def test_rfc7208(zonedata: dict[str, list[Any]], case: dict[str, Any]) -> None:
    domain, sender, _ = checked_identity(case["mailfrom"], case["helo"])
    table = table_of(zonedata)
    ip = ip_address(case["host"])
    result = drive(
        check_host(ASK, ip, domain, sender, case["helo"], receiver="receiver.example"), table
    )
    wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
    assert result.result in wanted, result
    if "explanation" in case:
        expected = "" if case["explanation"] == "DEFAULT" else case["explanation"]
        assert result.explanation == expected


def test_suite_is_complete() -> None:
    if not SUITE.exists():
        pytest.skip(f"no {SUITE}: set CONFORMANCE_DIR to the conformance data")
    assert len(cases()) == 203
