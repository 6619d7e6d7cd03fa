"""Aggregate reports (RFC 7489, section 7.2 and appendix C): XML, gzip'ed, as a mail."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import uuid4
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from filter_engine.auth.dmarc_record import DmarcRecord
from filter_engine.auth.dmarc_row import ReportRow
from filter_engine.lazy_dataclass import frozen


@frozen
class Reporter:
    """Who reports."""

    org_name: str
    email: str
    """Sender of the mail, and whom to ask."""
    domain: str
    """The submitter: the domain of the host that reports (section 7.2.1.1)."""
    from_name: str = ""
    msgid_from: str = ""
    """Domain of Message-IDs; default ``domain``."""


@frozen
class AggregateReport:
    """What one domain is told of one day."""

    domain: str
    begin: int
    """Seconds since the epoch."""
    end: int
    record: DmarcRecord
    """The policy as published now."""
    rows: tuple[tuple[ReportRow, int], ...]
    """Rows with the number of their messages."""

    @property
    def report_id(self) -> str:
        """The same for the same domain and day, so that a repeated one can be told."""
        return f"{self.domain}.{self.begin}.{self.end}"

    def file_name(self, submitter: str) -> str:
        """Section 7.2.1.1."""
        return f"{submitter}!{self.domain}!{self.begin}!{self.end}.xml.gz"


def report_xml(report: AggregateReport, reporter: Reporter) -> bytes:
    """The XML document (appendix C)."""
    feedback = Element("feedback")
    _text(feedback, "version", "1.0")
    about = SubElement(feedback, "report_metadata")
    _text(about, "org_name", reporter.org_name)
    _text(about, "email", reporter.email)
    _text(about, "report_id", report.report_id)
    period = SubElement(about, "date_range")
    _text(period, "begin", str(report.begin))
    _text(period, "end", str(report.end))
    published = SubElement(feedback, "policy_published")
    record = report.record
    _text(published, "domain", report.domain)
    _text(published, "adkim", "s" if record.strict_dkim else "r")
    _text(published, "aspf", "s" if record.strict_spf else "r")
    _text(published, "p", record.policy.value)
    _text(published, "sp", (record.subdomain_policy or record.policy).value)
    _text(published, "pct", str(record.percent))
    _text(published, "fo", record.failure_options)
    for row, count in report.rows:
        feedback.append(_record(row, count))
    indent(feedback)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(feedback) + b"\n"


def _record(row: ReportRow, count: int) -> Element:
    record = Element("record")
    line = SubElement(record, "row")
    _text(line, "source_ip", row.ip)
    _text(line, "count", str(count))
    evaluated = SubElement(line, "policy_evaluated")
    _text(evaluated, "disposition", row.disposition.value)
    _text(evaluated, "dkim", "pass" if row.dkim_aligned else "fail")
    _text(evaluated, "spf", "pass" if row.spf_aligned else "fail")
    if row.override:
        _text(SubElement(evaluated, "reason"), "type", row.override)
    identifiers = SubElement(record, "identifiers")
    _text(identifiers, "envelope_from", "" if row.helo else row.spf_domain)
    _text(identifiers, "header_from", row.header_from)
    found = SubElement(record, "auth_results")
    for signature in row.signatures:
        dkim = SubElement(found, "dkim")
        _text(dkim, "domain", signature.domain)
        if signature.selector:
            _text(dkim, "selector", signature.selector)
        _text(dkim, "result", signature.result)
    spf = SubElement(found, "spf")
    _text(spf, "domain", row.spf_domain)
    _text(spf, "scope", "helo" if row.helo else "mfrom")
    _text(spf, "result", row.spf_result.value)
    return record


def _text(parent: Element, name: str, text: str) -> None:
    """An element; what XML cannot hold is left out."""
    SubElement(parent, name).text = "".join(c for c in text if c.isprintable())


def report_mail(
    report: AggregateReport,
    reporter: Reporter,
    recipients: Sequence[str],
    now: float,
    *,
    content: bytes | None = None,
) -> bytes:
    """The mail that carries the report (section 7.2.1.1), CRLF throughout.

    ``content`` is the gzip'ed document where it has been made already; ``now`` is seconds since
    the epoch. Raises ValueError for an address that cannot stand in a header.
    """
    name = report.file_name(reporter.domain)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(reporter.from_name or reporter.org_name, addr_spec=reporter.email)
    mail["To"] = [Address(addr_spec=address) for address in recipients]
    mail["Subject"] = (
        f"Report Domain: {report.domain} Submitter: {reporter.domain} "
        f"Report-ID: <{report.report_id}>"
    )
    mail["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    mail["Message-ID"] = f"<{uuid4()}@{reporter.msgid_from or reporter.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notes in return
    mail.set_content(
        f"DMARC aggregate report about {report.domain} by {reporter.org_name},\n"
        f"{_day(report.begin)} to {_day(report.end)}, "
        f"{sum(count for _, count in report.rows)} messages.\n"
    )
    packed = report_gzip(report, reporter) if content is None else content
    mail.add_attachment(packed, maintype="application", subtype="gzip", filename=name)
    return mail.as_bytes()


def report_gzip(report: AggregateReport, reporter: Reporter) -> bytes:
    """The document as it is sent."""
    return gzip.compress(report_xml(report, reporter), mtime=report.end)


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def merged(rows: Iterable[tuple[ReportRow, int]]) -> tuple[tuple[ReportRow, int], ...]:
    """Rows that are equal counted together, the most frequent first."""
    counts: dict[ReportRow, int] = {}
    for row, count in rows:
        counts[row] = counts.get(row, 0) + count
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].ip)))
