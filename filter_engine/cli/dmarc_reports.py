"""Rows out of the store, reports out of rows, mails to whoever asked for them."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from filter_engine.auth.dmarc import DmarcDiscovery, discover
from filter_engine.auth.dmarc_report import (
    AggregateReport,
    Reporter,
    merged,
    report_gzip,
    report_mail,
)
from filter_engine.auth.dmarc_report_store import (
    DAY,
    Collection,
    ReportStore,
    day_of,
    period,
    read_rows,
)
from filter_engine.auth.dmarc_rua import ReportAddress, authorised
from filter_engine.checks.dmarc_reporting import report_store
from filter_engine.checks.dmarc_reporting_options import DmarcReporting
from filter_engine.config.map_definition import MapKind
from filter_engine.config.model import Config
from filter_engine.dns.addresses import Asked
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.maps import Maps
from filter_engine.scan.question import ASK, All, DnsAnswer, DnsQuestion, Question
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import StoreQuestion
from filter_engine.store.client import StoreClient
from filter_engine.store.session import open_stores

T = TypeVar("T")
_DNS_TIMEOUT: Final = 30.0
"""Seconds for the questions about one domain."""


class ReportError(RuntimeError):
    """No report can be sent; the text says why."""


@dataclass(slots=True)
class Sent:
    """What became of all reports."""

    lines: list[str] = field(default_factory=list)
    """One a report, for people."""
    failed: int = 0


@frozen
class _Way:
    """How mails leave."""

    options: DmarcReporting
    server: tuple[str, int]
    output: Path | None


def last_days(now: float) -> tuple[str, str]:
    """The two days before today; data lasts two days."""
    return day_of(now - 2 * DAY), day_of(now - DAY)


async def send_reports(
    config: Config,
    options: DmarcReporting,
    days: Iterable[str],
    now: float,
    server: tuple[str, int] | None = None,
    output: Path | None = None,
) -> Sent:
    """Build and send the reports about ``days`` (``YYYYMMDD``). Raises ReportError."""
    kept = report_store(Setup(config), options)
    way = _Way(options, server or (options.smtp, options.smtp_port), output)
    done = Sent()
    with open_stores(config) as (resolver, store):
        for day in days:
            listed = await _ask(store, kept.names(day))
            by_domain: dict[str, list[Collection]] = {}
            for one in kept.collections(listed):
                by_domain.setdefault(one.domain, []).append(one)
            for domain in sorted(by_domain):
                await _report(resolver, store, kept, day, by_domain[domain], way, config, now, done)
    if not done.lines:
        done.lines.append("nothing to report")
    return done


async def _report(
    resolver: Asked,
    store: StoreClient,
    kept: ReportStore,
    day: str,
    collections: Sequence[Collection],
    way: _Way,
    config: Config,
    now: float,
    done: Sent,
) -> None:
    """The report about one domain and day."""
    domain = collections[0].domain
    rows = [row for one in collections for row in read_rows(await _ask(store, kept.rows(one)))]
    try:
        async with asyncio.timeout(_DNS_TIMEOUT):
            found, addresses, refused = await _wanted(domain, resolver)
    except TimeoutError:
        done.failed += 1
        done.lines.append(f"{domain} {day}: no report: DNS took more than {_DNS_TIMEOUT:g} s")
        return
    if found.record is None:
        done.lines.append(f"{domain} {day}: no report: {found.problem or 'no DMARC record'}")
        if not found.detail:  # DNS answered: nobody wants it any more
            await _forget(store, kept, day, collections, way)
        else:
            done.failed += 1
        return
    done.lines.extend(f"{domain} {day}: {reason}" for reason in refused)
    addresses = _not_excluded(addresses, way.options, config)
    if not addresses or not rows:
        done.lines.append(f"{domain} {day}: no report: nobody takes it")
        await _forget(store, kept, day, collections, way)
        return
    begin, end = period(day)
    report = AggregateReport(domain, begin, end, found.record, merged(rows))
    problem = await asyncio.to_thread(_deliver, report, addresses, way, now)
    if problem:
        done.failed += 1
        done.lines.append(f"{domain} {day}: not sent: {problem}")
        return
    to = ", ".join(one.address for one in addresses)
    done.lines.append(f"{domain} {day}: {len(report.rows)} rows to {to}")
    await _forget(store, kept, day, collections, way)


async def _wanted(
    domain: str, resolver: Asked
) -> tuple[DmarcDiscovery, tuple[ReportAddress, ...], tuple[str, ...]]:
    """The record, who takes reports, and why others do not."""
    found = await _answered(discover(ASK, domain), resolver)
    if found.record is None:
        return found, (), ()
    addresses, refused = await _answered(authorised(ASK, domain, found.record), resolver)
    return found, tuple(addresses), tuple(refused)


async def _forget(
    store: StoreClient, kept: ReportStore, day: str, collections: Iterable[Collection], way: _Way
) -> None:
    if way.output is None:
        for one in collections:
            await _ask(store, kept.remove(day, one))


def _not_excluded(
    addresses: Sequence[ReportAddress], options: DmarcReporting, config: Config
) -> tuple[ReportAddress, ...]:
    listed = Maps(config).of(
        options.exclude_rua_addresses, MapKind.SET, "dmarc.reporting.exclude_rua_addresses"
    )
    return tuple(one for one in addresses if one.address.lower() not in listed)


def _deliver(
    report: AggregateReport, addresses: Sequence[ReportAddress], way: _Way, now: float
) -> str:
    """Send or write one report; why it failed, ``""`` if it did not."""
    options = way.options
    reporter = Reporter(
        options.org_name or options.domain,
        options.email,
        options.domain,
        options.from_name,
        options.msgid_from,
    )
    packed = report_gzip(report, reporter)
    try:
        mail = report_mail(
            report, reporter, [one.address for one in addresses], now, content=packed
        )
    except (ValueError, IndexError) as error:
        return f"an address cannot stand in a header: {error}"
    fitting = [one.address for one in addresses if one.limit is None or len(mail) <= one.limit]
    if not fitting:
        return ""  # nobody takes one as large: it will not shrink
    if way.output is not None:
        way.output.mkdir(parents=True, exist_ok=True)
        name = report.file_name(reporter.domain).replace("/", "_")
        (way.output / f"{name}.eml").write_bytes(mail)
        return ""
    problem = ""
    for _ in range(options.retries + 1):
        problem = _send(mail, [*fitting, *options.bcc_addrs], way)
        if not problem:
            break
    return problem


def _send(mail: bytes, recipients: Sequence[str], way: _Way) -> str:
    """One attempt over SMTP (RFC 5321)."""
    options, (host, port) = way.options, way.server
    helo = options.helo or options.domain
    try:
        with smtplib.SMTP(
            host, port, local_hostname=helo, timeout=options.smtp_timeout
        ) as connection:
            refused: Mapping[str, Any] = connection.sendmail(options.email, recipients, mail)
    except (smtplib.SMTPException, OSError) as error:
        return f"{host}:{port}: {error}"
    return "" if len(refused) < len(recipients) else f"{host}:{port} takes no recipient"


async def _ask(store: StoreClient, question: StoreQuestion) -> Any:
    answer = await store.answer(question)
    if not answer.ok:
        raise ReportError(f"the store does not answer: {answer.evidence}")
    return answer.value


async def _answered(coroutine: Coroutine[Any, Any, T], resolver: Asked) -> T:
    """Run a coroutine that asks DNS, outside a scan."""
    answer: Any = None
    while True:
        try:
            question: Question[Any] = coroutine.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        if isinstance(question, All):
            several = (_dns(one, resolver) for one in question.questions)
            answer = tuple(await asyncio.gather(*several))
        else:
            answer = await _dns(question, resolver)


async def _dns(question: Question[Any], resolver: Asked) -> DnsAnswer:
    assert isinstance(question, DnsQuestion)
    future: asyncio.Future[DnsAnswer] = asyncio.get_running_loop().create_future()

    def take(answer: DnsAnswer) -> None:
        if not future.done():
            future.set_result(answer)

    resolver.ask(question, take)
    return await future
