"""Asking every server for every record that should stand, and telling what differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from filter_engine.auth.spf import MAX_LOOKUPS
from filter_engine.zone.answers import Answer, Asker, Authorities, Kind, Server, ask_first
from filter_engine.zone.compare import Fault, Finding, compare
from filter_engine.zone.document import Document, RecordSet
from filter_engine.zone.spf_lookups import survey

WORKERS = 16
"""Questions on their way at once."""


@dataclass
class Report:
    """What came of a comparison."""

    findings: list[Finding] = field(default_factory=list)
    asked: int = 0
    """Answers compared."""
    servers: list[str] = field(default_factory=list)

    @property
    def differences(self) -> list[Finding]:
        """What is not as it should be."""
        return [one for one in self.findings if one.fault is not Fault.UNASKED]

    @property
    def unasked(self) -> list[Finding]:
        """What nobody told."""
        return [one for one in self.findings if one.fault is Fault.UNASKED]

    @property
    def status(self) -> int:
        """0: all is as it should be; 1: something differs; 2: somebody could not be asked."""
        return 1 if self.differences else 2 if self.unasked else 0


def check(
    document: Document,
    resolvers: Sequence[Server],
    *,
    asker: Asker,
    kinds: Iterable[Kind] = tuple(Kind),
    ttl: bool = True,
) -> Report:
    """Compare a document with what resolvers and the zones' authoritative servers answer.

    ``kinds`` says who is compared; the resolvers are asked for the zones' servers all the same.
    """
    kinds = set(kinds)
    report = Report()
    sets = document.sets()
    authorities = Authorities(asker, resolvers)
    work: list[tuple[RecordSet, Server]] = []
    for wanted in sets:
        if Kind.RESOLVER in kinds:
            work += [(wanted, server) for server in resolvers]
        if Kind.AUTHORITATIVE in kinds:
            servers, problem = authorities.of(wanted.name)
            work += [(wanted, server) for server in servers]
            if problem:
                report.findings.append(
                    Finding(Fault.UNASKED, wanted.name, wanted.type, "", text=problem)
                )
    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(lambda one: asker.ask(one[1], one[0].name, one[0].type), work))
    for (wanted, server), answer in zip(work, answers, strict=True):
        report.findings += compare(wanted, server, answer, ttl=ttl)
    report.asked = sum(not answer.failure for answer in answers)
    report.servers = list(dict.fromkeys(server.label for _, server in work))
    report.findings += _spf(sets, resolvers, asker)
    report.findings = _told_once(report.findings)
    return report


def _spf(sets: Iterable[RecordSet], resolvers: Sequence[Server], asker: Asker) -> Iterator[Finding]:
    """What the expected SPF records cost whoever checks them, as the world is now."""

    def look_up(name: str, kind: str) -> Answer:
        return ask_first(asker, resolvers, name, kind)

    for wanted in sets:
        for text, record in wanted.texts.items():
            if wanted.type != "TXT" or not Answer(data=(text,)).spf:
                continue
            found = survey(wanted.name, text, look_up)
            place = (wanted.name, "TXT", "")
            for problem in found.unasked:
                yield Finding(Fault.UNASKED, *place, (text,), text=problem, reason=record.reason)
            for problem in found.problems:
                yield Finding(Fault.SYNTAX, *place, (text,), text=problem, reason=record.reason)
            if found.excessive:
                told = (
                    f"SPF costs {found.lookups} lookups, more than {MAX_LOOKUPS}"
                    if found.lookups > MAX_LOOKUPS
                    else f"SPF asks {found.void} times for what is not there"
                )
                yield Finding(
                    Fault.LOOKUPS,
                    *place,
                    (text,),
                    text=f"{told}: receivers give up and nothing passes (RFC 7208, 4.6.4)",
                    advice=found.advice(),
                    reason=record.reason,
                )


def _told_once(findings: Iterable[Finding]) -> list[Finding]:
    """One line for what nobody tells for the same cause, not one a record."""
    kept: dict[tuple[str, ...], list[Finding]] = {}
    for one in findings:
        place = ("", "") if one.fault is Fault.UNASKED else (one.name, one.type)
        kept.setdefault((one.fault, *place, one.server, one.text), []).append(one)
    return [
        replace(first, text=f"{first.text} ({first.name} {first.type}{_more(len(alike) - 1)})")
        if first.fault is Fault.UNASKED
        else first
        for first, *alike in ([one[0], *one] for one in kept.values())
    ]


def _more(count: int) -> str:
    return f" and {count} more" if count else ""
