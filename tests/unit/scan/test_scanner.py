"""The scanner as a whole: configuration in, verdicts out, whatever fails in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filter_engine import checks
from filter_engine.scan.declare import REGISTRY, Registry, Symbol, check
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.question import DnsAnswer, DnsQuestion
from filter_engine.scan.trace import Trace
from filter_engine.scan.verdict import Action, Finding, Verdict
from filter_engine.scanner import Scanner

CLEAN = (Path(__file__).resolve().parents[2] / "mail" / "clean.eml").read_bytes()
ENVELOPE = Envelope(
    ip="198.51.100.10",
    helo="mail.goodcorp.example",
    hostname="mail.goodcorp.example",
    mail_from="carol@goodcorp.example",
    rcpt_to=("alice@example.net",),
)


class SilentTransport:
    """A resolver that never answers."""

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
        pass


def scan(scanner: Scanner, raw: bytes = CLEAN, envelope: Envelope = ENVELOPE) -> Verdict:
    return asyncio.run(scanner.scan(raw, envelope))


def test_slow_dns_gives_temporary_failure_symbols(make: Callable[..., Scanner]) -> None:
    scanner = make(transport=SilentTransport(), options__inc="task_timeout = 500ms;")
    verdict = scan(scanner)
    assert verdict.timed_out
    assert verdict.symbol("R_SPF_DNSFAIL") is not None
    assert verdict.action is not Action.SOFT_REJECT
    assert scanner.statistics.timeouts == 1


def test_slow_dns_is_a_soft_reject_where_the_site_wants_it(make: Callable[..., Scanner]) -> None:
    options = "task_timeout = 500ms; soft_reject_on_timeout = true;"
    verdict = scan(make(transport=SilentTransport(), options__inc=options))
    assert verdict.action is Action.SOFT_REJECT
    assert verdict.messages["smtp_message"]
    assert verdict.symbol("R_SPF_DNSFAIL") is not None


def test_plain_checks_end_at_the_deadline_too(make: Callable[..., Scanner]) -> None:
    registry = Registry()

    @check("slow", symbols=[Symbol("SLOW", 1.0, "")], registry=registry, priority=9)
    def slow(_task: Any) -> list[Finding]:
        time.sleep(1.1)  # work that a deadline cannot interrupt, only follow
        return [Finding("SLOW")]

    @check("late", symbols=[Symbol("LATE", 1.0, "")], registry=registry)
    def late(_task: Any) -> list[Finding]:
        return [Finding("LATE")]

    verdict = scan(make(registry, options__inc="task_timeout = 1s;"))
    assert [symbol.name for symbol in verdict.symbols] == ["SLOW"]
    assert verdict.unfinished == ("late",)
    assert verdict.timed_out


def test_a_check_that_raises_costs_itself_and_is_logged_once(
    make: Callable[..., Scanner], caplog: pytest.LogCaptureFixture
) -> None:
    registry = Registry()

    @check("broken", symbols=[Symbol("BROKEN", 9.0, "")], registry=registry)
    def broken(_task: Any) -> list[Finding]:
        raise RuntimeError("boom")

    @check("sound", symbols=[Symbol("SOUND", 1.0, "")], registry=registry)
    def sound(_task: Any) -> list[Finding]:
        return [Finding("SOUND")]

    scanner = make(registry)
    for _ in range(3):
        verdict = scan(scanner)
        assert [symbol.name for symbol in verdict.symbols] == ["SOUND"]
        assert verdict.unfinished == ("broken",)
    assert scanner.statistics.check_errors["broken"] == 3
    assert len([r for r in caplog.records if "boom" in r.getMessage()]) == 1


def test_a_site_changes_scores_and_switches_checks_off(make: Callable[..., Scanner]) -> None:
    before = scan(make())
    assert before.symbol("R_SPF_NA") is not None
    groups = 'symbols { "FROM_HAS_DN" { score = 7.5; } }'
    after = scan(make(groups__conf=groups, spf__conf="enabled = false;"))
    assert after.symbol("R_SPF_NA") is None
    assert after.symbol("FROM_HAS_DN").score == 7.5  # type: ignore[union-attr]  # it fires
    assert after.action is Action.ADD_HEADER


def test_the_score_is_the_sum_of_the_symbols(make: Callable[..., Scanner]) -> None:
    verdict = scan(make())
    assert verdict.score == pytest.approx(sum(symbol.score for symbol in verdict.symbols))


def test_a_rewritten_subject(make: Callable[..., Scanner]) -> None:
    actions = 'rewrite_subject = -100; add_header = null; greylist = null; subject = "[%d] %s";'
    verdict = scan(make(actions__conf=actions))
    assert verdict.action is Action.REWRITE_SUBJECT
    assert verdict.subject == f"[{verdict.score:.2f}] Minutes of Thursday's meeting"


def test_only_what_its_network_says_is_local(make: Callable[..., Scanner]) -> None:
    scanner = make(options__inc='local_networks = ["198.51.100.0/24"];')
    assert scan(scanner).symbol("R_SPF_NA") is None
    assert scan(make(options__inc="local_networks = [];")).symbol("R_SPF_NA") is not None


def test_without_a_transport_nothing_is_scanned(make: Callable[..., Scanner]) -> None:
    scanner = make()
    scanner.transport = None
    with pytest.raises(RuntimeError, match="no transport"):
        scan(scanner)


def test_every_declared_symbol_has_a_group_and_a_description() -> None:
    checks.load()
    bare = [s.name for _, s in REGISTRY.symbols() if not s.groups or not s.description]
    assert bare == []


@pytest.mark.parametrize(
    ("given", "written", "expected"),
    [
        (None, "<bob@example.com>", "bob@example.com"),
        (None, "bob@example.com", "bob@example.com"),
        (None, "<>", ""),
        (None, "bob at example.com", None),
        (None, "x" * 400, None),
        ("", "<bob@example.com>", ""),
        ("eve@example.org", "<bob@example.com>", "eve@example.org"),
    ],
)
def test_the_sender_of_a_file_is_its_return_path(
    make: Callable[..., Scanner], given: str | None, written: str, expected: str | None
) -> None:
    seen: list[Trace] = []
    raw = f"Return-Path: {written}\r\nSubject: x\r\n\r\nHello\r\n".encode()
    asyncio.run(make(Registry()).scan(raw, Envelope(mail_from=given), trace=seen.append))
    assert seen[0].task.envelope.mail_from == expected
