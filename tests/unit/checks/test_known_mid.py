"""Message-IDs that are odd, or absent, as a signing domain's are (``mid.source``)."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from filter_engine.auth.results import DkimCode, DkimResult, DkimSignatureResult
from filter_engine.config.loader import load
from filter_engine.dns.table import TableResolver
from filter_engine.headers.sections import sections
from filter_engine.scan.declare import REGISTRY, Registry, check
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Outcome
from filter_engine.scanner import Scanner

MAP = """
odd.example /^<[0-9]{4}>$/
none.example
broken.example /(/
slow.example /^(a+)+$/
"""
SIGNED = "DKIM-Signature: v=1; d={}\nFrom: a@{}\n"


def _registry(domain: str, code: DkimCode) -> Registry:
    """The check ``mid`` beside a ``dkim`` that finds the given result."""
    registry = Registry()
    registry.add(REGISTRY["mid"])

    @check("dkim", symbols=(), registry=registry)
    def dkim(_task: object) -> Outcome:
        return Outcome((), DkimResult((DkimSignatureResult(domain=domain, result=code),)))

    return registry


def _scan(tmp_path: Path, domain: str, mid: str, code: DkimCode = DkimCode.PASS) -> set[str]:
    (tmp_path / "mid.inc").write_text(MAP)
    path = tmp_path / "site.conf"
    path.write_text(f'mid {{ source = "{tmp_path}/mid.inc"; }}')
    config = load(path, {}, {}, modules=sections(REGISTRY), groups=REGISTRY.groups())
    registry = _registry(domain, code)
    scanner = Scanner(config, registry=registry, transport=TableResolver({}), server="x")
    message = SIGNED.format(domain, domain) + mid + "\n\nbody\n"
    return {s.name for s in asyncio.run(scanner.scan(message.encode(), Envelope())).symbols}


@pytest.mark.parametrize(
    ("domain", "mid", "expected"),
    [
        ("odd.example", "Message-ID: <1234>", {"INVALID_MSGID_ALLOWED"}),
        ("odd.example", "Message-ID: <12345>", {"INVALID_MSGID"}),
        ("odd.example", "X-Y: z", {"MISSING_MID"}),
        ("none.example", "X-Y: z", {"MISSING_MID_ALLOWED"}),
        ("none.example", "Message-ID: <1234>", {"INVALID_MSGID"}),
        ("else.example", "X-Y: z", {"MISSING_MID"}),
        ("broken.example", "Message-ID: <1234>", {"INVALID_MSGID"}),
        ("slow.example", f"Message-ID: {'a' * 400}!", {"INVALID_MSGID"}),
    ],
)
def test_the_form_a_domain_has(
    tmp_path: Path, domain: str, mid: str, expected: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    found = _scan(tmp_path, domain, mid)
    assert (
        found
        & {
            "INVALID_MSGID",
            "MISSING_MID",
            "INVALID_MSGID_ALLOWED",
            "MISSING_MID_ALLOWED",
        }
        == expected
    )
    told = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert ("mid.inc:4" in caplog.text) is (domain == "broken.example"), told


def test_a_signature_that_fails_allows_nothing(tmp_path: Path) -> None:
    found = _scan(tmp_path, "none.example", "X-Y: z", DkimCode.FAIL)
    assert "MISSING_MID" in found
