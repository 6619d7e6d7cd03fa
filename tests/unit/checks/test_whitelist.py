"""Lists of domains confirmed by SPF, DKIM and DMARC, by the values other checks give."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from filter_engine.auth.results import (
    DkimCode,
    DkimResult,
    DkimSignatureResult,
    DmarcCode,
    DmarcResult,
    SpfCode,
    SpfResult,
)
from filter_engine.checks.whitelist import WhitelistOptions, WhitelistRule, prepare, whitelist
from filter_engine.config.model import Config
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.driver import Driver
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task, client_ip
from filter_engine.scan.verdict import Finding

from .conftest import Collected

RAW = b"From: Bob <bob@mail.good.example>\r\n\r\nHello\r\n"
PASSED, FAILED = (DkimCode.PASS, "good.example"), (DkimCode.FAIL, "good.example")


def _found(tmp_path: Any, lines: str, rule: dict[str, Any], **mail: Any) -> dict[str, Finding]:
    file = tmp_path / "domains.list"
    file.write_text(lines)
    written = WhitelistRule(domains=str(file), score=-2.0, **rule)  # type: ignore[arg-type]
    options = WhitelistOptions(rules=MappingProxyType({"LIST": written}))
    user = mail.get("user")
    task = Task(
        Message(RAW),
        Envelope(ip="192.0.2.1", mail_from="bob@bounce.good.example", user=user),
        {WhitelistOptions: options},
        1e9,
        "mx",
        ip=client_ip("192.0.2.1"),
        states={"whitelist": prepare(options, Setup(Config()))},
    )
    task.results |= {
        "spf": SpfResult(SpfCode.PASS if mail.get("spf") else SpfCode.FAIL),
        "dkim": DkimResult(
            tuple(DkimSignatureResult(code, domain, "s") for code, domain in mail.get("dkim", ()))
        ),
        "dmarc": DmarcResult(DmarcCode.PASS if mail.get("dmarc") else DmarcCode.FAIL),
    }
    sink = Collected(options)
    check = REGISTRY["whitelist"]
    assert check.run is whitelist
    Driver(task, None, sink).start([check])  # type: ignore[arg-type]  # it asks results only
    return {name: found[0] for name, found in sink.findings.items()}


def _weights(found: dict[str, Finding]) -> dict[str, float]:
    return {name: finding.weight for name, finding in found.items()}


INVERSE = {"inverse_symbol": "AGAINST"}


@pytest.mark.parametrize(
    ("lines", "rule", "mail", "wanted"),
    [
        ("good.example\n", {"valid_spf": True}, {"spf": True}, {"LIST": 1.0}),
        ("good.example 2.5\n", {"valid_spf": True}, {"spf": True}, {"LIST": 2.5}),
        ("good.example\n", {"valid_spf": True}, {"spf": False}, {}),
        ("other.example\n", {"valid_spf": True}, {"spf": True}, {}),
        ("good.example both:2\n", {"valid_spf": True} | INVERSE, {}, {"AGAINST": 2.0}),
        ("good.example both:2\n", {"valid_spf": True}, {}, {"LIST": -2.0}),
        ("good.example bl:2\n", {"valid_spf": True} | INVERSE, {"spf": True}, {}),
        (
            "good.example bl:2\n",
            {"valid_spf": True, "inverse_multiplier": 3.0} | INVERSE,
            {},
            {"AGAINST": 6.0},
        ),
        ("good.example\n", {"valid_dkim": True}, {"dkim": [PASSED]}, {"LIST": 1.0}),
        ("good.example\n", {"valid_dkim": True}, {"dkim": [FAILED]}, {}),
        (
            "good.example\n",
            {"valid_dkim": True, "strict": True},
            {"dkim": [FAILED]},
            {"LIST": -1.0},
        ),
        (
            "good.example\n",
            {"valid_dkim": True, "blacklist": True},
            {"dkim": [FAILED]},
            {"LIST": 1},
        ),
        ("good.example\n", {"valid_dmarc": True}, {"dmarc": True}, {"LIST": 1.0}),
        ("mail.good.example\n", {"valid_dmarc": True}, {"dmarc": True}, {"LIST": 1.0}),
        (
            "good.example\n",
            {"valid_spf": True, "valid_dkim": True},
            {"spf": True, "dkim": [PASSED]},
            {"LIST": 1.0},
        ),
        ("good.example\n", {"valid_spf": True, "valid_dkim": True}, {"spf": True}, {}),
        (
            "good.example\n",
            {"valid_dmarc": True, "valid_dkim": True, "strict": True},
            {"dmarc": True},
            {"LIST": -1.0},
        ),
        ("good.example both:2\n", {"valid_spf": True} | INVERSE, {"user": "bob"}, {}),
    ],
)
def test_what_a_list_says(
    tmp_path: Any, lines: str, rule: dict[str, Any], mail: dict[str, Any], wanted: dict[str, float]
) -> None:
    assert _weights(_found(tmp_path, lines, rule, **mail)) == wanted


def test_options_and_evidence_name_the_domain_and_the_line(tmp_path: Any) -> None:
    found = _found(
        tmp_path,
        "# trusted\ngood.example\n",
        {"valid_spf": True, "valid_dkim": True},
        spf=True,
        dkim=[PASSED],
    )
    assert found["LIST"].options == ("good.example:d:+", "good.example:s:+")
    assert "domains.list:2" in found["LIST"].evidence


def test_a_sites_file_feeds_the_stock_rule(tmp_path: Any) -> None:
    maps = tmp_path / "local.d" / "maps.d"
    maps.mkdir(parents=True)
    (maps / "spf_dkim_whitelist.inc.local").write_text("good.example\n")
    setup = Setup(Config(variables={"LOCAL_CONFDIR": str(tmp_path)}))
    assert [one.symbol for one in prepare(WhitelistOptions(), setup)] == ["WHITELIST_SPF_DKIM"]
