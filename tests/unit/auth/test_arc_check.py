"""The check ``arc`` around the verifier, which the validation suite tests."""

from __future__ import annotations

import pytest

from filter_engine import checks
from filter_engine.auth.arc import ArcCode
from filter_engine.checks.arc import arc
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.question import ASK
from filter_engine.scan.task import Task, client_ip
from zone_drive import drive

checks.load()
SEAL = "i=1; a=rsa-sha256; cv={cv}; d=example.org; s=k; t=1; b=AAAA"
SIGNATURE = "i=1; a=rsa-sha256; d=example.org; s=k; h=from; bh=AAAA; b=AAAA"
RESULTS = "i=1; mx.example.org; spf=pass"


def _outcome(*fields: str, user: str | None = None, failing: bool = False):  # type: ignore[no-untyped-def]
    raw = "\r\n".join((*fields, "From: a@example.org", "", "Hello", "")).encode()
    task = Task(
        Message(raw), Envelope(ip="192.0.2.1", user=user), {}, 1e9, "mx", ip=client_ip("192.0.2.1")
    )
    name = "k._domainkey.example.org"
    return drive(arc(task, ASK), TableResolver({}, failing=(name,) if failing else ()))


def _chain(cv: str = "none") -> tuple[str, str, str]:
    return (
        f"ARC-Seal: {SEAL.format(cv=cv)}",
        f"ARC-Message-Signature: {SIGNATURE}",
        f"ARC-Authentication-Results: {RESULTS}",
    )


def _chain_of(written: str, changed: str) -> tuple[str, ...]:
    return tuple(field.replace(written, changed) for field in _chain())


@pytest.mark.parametrize(
    ("fields", "symbol", "code"),
    [
        ((), "ARC_NA", ArcCode.NONE),
        (_chain(), "ARC_REJECT", ArcCode.FAIL),
        (_chain("pass"), "ARC_REJECT", ArcCode.FAIL),
        (_chain("fail"), "ARC_REJECT", ArcCode.FAIL),
        (_chain()[:2], "ARC_INVALID", ArcCode.INVALID),
        ((*_chain(), *_chain()), "ARC_INVALID", ArcCode.INVALID),
        ((*_chain()[:2], "ARC-Authentication-Results: mx"), "ARC_INVALID", ArcCode.INVALID),
        (("ARC-Seal: " + "x" * 40_000, *_chain()[1:]), "ARC_INVALID", ArcCode.INVALID),
        (_chain_of("s=k", f"s={'k' * 300}"), "ARC_INVALID", ArcCode.INVALID),
        (_chain_of("d=example.org", f"d={'x' * 300}.org"), "ARC_INVALID", ArcCode.INVALID),
    ],
)
def test_symbol_of_a_chain(fields: tuple[str, ...], symbol: str, code: ArcCode) -> None:
    outcome = _outcome(*fields)
    assert [f.symbol for f in outcome.findings] == [symbol]
    assert outcome.value.code is code
    assert code is ArcCode.NONE or outcome.findings[0].evidence


def test_a_key_that_cannot_be_fetched() -> None:
    outcome = _outcome(*_chain(), failing=True)
    assert [f.symbol for f in outcome.findings] == ["ARC_DNSFAIL"]


def test_mail_of_the_sites_own_people_is_left_alone() -> None:
    assert _outcome(*_chain(), user="alice") is None
