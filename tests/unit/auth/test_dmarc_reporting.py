"""What the check dmarc_reporting keeps of a mail, and of which it keeps nothing."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from filter_engine import checks
from filter_engine.auth.arc import ArcResult, ArcSigner
from filter_engine.auth.dmarc_row import decode_row
from filter_engine.auth.results import DmarcCode, DmarcPolicy, DmarcResult, SpfCode, SpfResult
from filter_engine.checks.dmarc import DmarcOptions
from filter_engine.checks.dmarc_reporting import dmarc_reporting
from filter_engine.checks.dmarc_reporting_options import DmarcReporting
from filter_engine.config.map_definition import MapDefinition, define_text
from filter_engine.config.model import Config
from filter_engine.maps.maps import Maps
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import StoreQuestion
from filter_engine.scan.task import Task
from policy_scan import NOW, RAW

checks.load()
FAILED = DmarcResult(
    DmarcCode.FAIL,
    "sub.example.com",
    "example.com",
    DmarcPolicy.REJECT,
    DmarcPolicy.REJECT,
    aggregate=("mailto:r@example.com",),
)
SPF = SpfResult(SpfCode.PASS, domain="other.example")


def kept(
    reporting: DmarcReporting,
    rcpt: str = "bo@example.net",
    ip: str | None = "192.0.2.7",
    old_name: MapDefinition | None = None,
    **found: Any,
) -> StoreQuestion | None:
    options = DmarcOptions(reporting=reporting, no_reporting_domains=old_name)
    prepare = REGISTRY["dmarc_reporting"].prepare
    assert prepare is not None
    task = Task(
        Message(RAW),
        Envelope(rcpt_to=(rcpt,)),
        {DmarcOptions: options},
        float(NOW),
        "mx",
        ip=ip_address(ip) if ip else None,
        results={"dmarc": FAILED, "spf": SPF, **found},
        states={"dmarc_reporting": prepare(options, Setup(Config(), Maps()))},
    )
    outcome = dmarc_reporting(task)
    if outcome is None:
        return None
    assert not outcome.findings
    (notice,) = outcome.notices
    assert isinstance(notice, StoreQuestion)
    return notice


def test_a_mail_is_counted_for_its_domain() -> None:
    question = kept(DmarcReporting(enabled=True, max_entries=7, keys_expire=60.0))
    assert question is not None
    assert question.keys == (
        b"dmarc_idx;20261121",
        b"dmarc_rpt;example.com;mailto:r@example.com;20261121",
    )
    name, row, most, seconds = question.args
    assert (name, most, seconds) == (question.keys[1], b"7", b"60")
    found = decode_row(row.decode())
    assert (found.ip, found.header_from, found.disposition) == (
        "192.0.2.7",
        "sub.example.com",
        DmarcPolicy.REJECT,
    )


def test_a_trusted_forwarder_is_named() -> None:
    vouching = ArcSigner(1, "example.net", "arc")
    question = kept(DmarcReporting(enabled=True), arc=ArcResult(vouching=vouching))
    assert question is not None
    assert decode_row(question.args[1].decode()).override == "trusted_forwarder"


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({"enabled": False}, {}),
        ({}, {"ip": None}),
        ({}, {"dmarc": None}),
        ({}, {"dmarc": DmarcResult(DmarcCode.NONE, "example.com")}),
        ({"exclude_domains": "example.com"}, {}),
        ({"only_domains": "other.example"}, {}),
        ({"exclude_recipients": "secret@example.net"}, {"rcpt": "Secret@example.net"}),
    ],
)
def test_what_is_not_counted(
    tmp_path: Path, options: dict[str, Any], given: dict[str, Any]
) -> None:
    made: dict[str, Any] = {"enabled": True}
    for name, value in options.items():
        made[name] = value
        if isinstance(value, str):
            (tmp_path / name).write_text(f"{value}\n")
            made[name] = define_text(str(tmp_path / name))
    assert kept(DmarcReporting(**made), **given) is None


def test_the_older_name_of_exclude_domains_counts_too(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("example.com\n")
    (tmp_path / "new").write_text("other.example\n")
    old, new = (define_text(str(tmp_path / name)) for name in ("old", "new"))
    assert kept(DmarcReporting(enabled=True), old_name=old) is None
    assert kept(DmarcReporting(enabled=True, exclude_domains=new), old_name=old) is not None


def test_a_domain_that_is_listed_is_counted(tmp_path: Path) -> None:
    (tmp_path / "only").write_text("example.com\n")
    only = define_text(str(tmp_path / "only"))
    assert kept(DmarcReporting(enabled=True, only_domains=only)) is not None
