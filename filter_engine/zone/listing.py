"""Expected records and findings, as people read them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

from filter_engine.auth.spf import MAX_LOOKUPS
from filter_engine.zone.check import Report
from filter_engine.zone.compare import Finding
from filter_engine.zone.document import Document, Record
from filter_engine.zone.spf_lookups import MAX_UDP, survey

_WIDTH = 100


def zone_text(records: Iterable[Record]) -> str:
    """Master file format (RFC 1035, section 5): absolute names, the reasons as comments."""
    lines: list[str] = []
    for domain, of_it in groupby(records, key=lambda record: record.domain):
        lines.append(f"\n; {domain}" if lines else f"; {domain}")
        for record in of_it:
            lines += [f"; {record.reason}"] if record.reason else []
            lines.append(record.line)
    return "".join(f"{line}\n" for line in lines)


def table(document: Document) -> str:
    """Every record with its reason, by domain; what SPF costs; the policies to be served."""
    lines: list[str] = []
    for domain, of_it in groupby(document.records, key=lambda record: record.domain):
        lines += ["", domain] if lines else [domain]
        for record in of_it:
            lines.append(f"  {record.type:<5} {record.name}  ({record.ttl} s)")
            lines += textwrap.wrap(
                record.value,
                _WIDTH,
                initial_indent=" " * 8,
                subsequent_indent=" " * 8,
                break_on_hyphens=False,
            )
            lines += [f"        -- {record.reason}"] if record.reason else []
            lines += [f"        -- {note}" for note in notes(record)]
    for domain, text in document.mta_sts.items():
        lines += ["", f"https://mta-sts.{domain}/.well-known/mta-sts.txt"]
        lines += [f"        {line}" for line in text.splitlines()]
    return "".join(f"{line}\n" for line in lines)


def notes(record: Record) -> Iterator[str]:
    """What a record says of itself without asking anybody."""
    if record.type != "TXT" or not record.value.lower().startswith("v=spf1"):
        return
    found = survey(record.name, record.value)
    yield from found.problems
    nested = any(term.text.lower().startswith(("include:", "redirect")) for term in found.terms)
    more = ", and what the included ones ask (dns check counts them)" if nested else ""
    yield f"{found.lookups} of {MAX_LOOKUPS} lookups{more}"
    if len(record.value) > MAX_UDP:
        yield f"{len(record.value)} octets: may not fit an answer over UDP (RFC 7208, 3.4)"


def report_text(report: Report) -> str:
    """The findings by name, then a line that sums up."""
    lines: list[str] = []
    for one in report.differences:
        lines += list(_finding(one))
    for one in report.unasked:
        lines.append(f"not asked: {one.text}")
    lines.append(_sum(report))
    return "".join(f"{_printable(line)}\n" for line in lines)


def _sum(report: Report) -> str:
    who = ", ".join(report.servers) or "any server"
    differences = f"{len(report.differences)} differences" if report.differences else ""
    unasked = f"{len(report.unasked)} could not be had" if report.unasked else ""
    if report.asked:
        said, found = f"{report.asked} answers of {who}", differences or "no difference"
    else:
        said, found = f"no answer of {who}", differences or "nothing was compared"
    return f"{said}: {', '.join(filter(None, (found, unasked)))}"


def _printable(line: str) -> str:
    """A line as a terminal may have it: what others publish can hold its control characters."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)


def _finding(one: Finding) -> Iterator[str]:
    at = f" at {one.server}" if one.server else ""
    yield f"{one.fault}: {one.name} {one.type}{at}: {one.text}"
    if one.advice:
        yield f"    {one.advice}"
    if one.reason:
        yield f"    it is there because: {one.reason}"
