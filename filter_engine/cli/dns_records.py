"""``filter-engine dns``: the records a site's mail needs in DNS, and what the world answers."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click
import orjson

from filter_engine.cli.options import fail
from filter_engine.dns.system import system_nameservers
from filter_engine.zone.answers import Asker, Kind, Server, read_server
from filter_engine.zone.check import check as compare_all
from filter_engine.zone.document import Document, DocumentError, read_document
from filter_engine.zone.listing import notes, report_text, table, zone_text

DEFAULT_FILE = Path("/etc/mailfleet/dns/records.json")
MAX_RESOLVERS = 16

_file = click.option(
    "-f",
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_FILE,
    show_default=True,
    help="The records that should stand, as JSON (docs/dns.md).",
)
_domains = click.option(
    "-d", "--domain", "domains", multiple=True, help="Only of this domain or host. May be repeated."
)
_json = click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def dns() -> None:
    """The records that a site's mail needs in DNS, and what the world answers."""


@dns.command()
@_file
@_domains
@click.option("--zone", "as_zone", is_flag=True, help="Print them as a zone file has them.")
@_json
def show(path: Path, domains: tuple[str, ...], as_zone: bool, as_json: bool) -> None:
    """Print every record that should stand, with the reason it exists. Nobody is asked.

    Also what each SPF record costs by itself, and the MTA-STS policies that a web server must
    serve. Exit status 2 when the file cannot be read.
    """
    if as_zone and as_json:
        raise click.UsageError("--zone or --json, not both")
    document = _document(path, domains)
    if as_json:
        _print_json(
            {
                "records": [
                    {
                        "name": record.name,
                        "type": record.type,
                        "ttl": record.ttl,
                        "value": record.value,
                        "domain": record.domain,
                        "reason": record.reason,
                        "zone": record.line,
                        "notes": list(notes(record)),
                    }
                    for record in document.records
                ],
                "mta_sts": document.mta_sts,
            }
        )
    else:
        click.echo(zone_text(document.records) if as_zone else table(document), nl=False)


@dns.command()
@_file
@_domains
@click.option(
    "-s",
    "--server",
    "servers",
    multiple=True,
    metavar="ADDRESS[:PORT]",
    help="Ask this resolver in place of those of the file or of the system. May be repeated.",
)
@click.option(
    "--only",
    type=click.Choice([kind.value for kind in Kind]),
    help="Compare only what these servers answer.",
)
@click.option("--ignore-ttl", is_flag=True, help="Lifetimes may differ.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 60),
    default=3.0,
    show_default=True,
    help="Seconds to wait for an answer; every address is asked twice.",
)
@_json
def check(
    path: Path,
    domains: tuple[str, ...],
    servers: tuple[str, ...],
    only: str | None,
    ignore_ttl: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Compare what the world answers with what should stand.

    Asked are the site's resolvers and the authoritative servers of each zone, found through them.

    Exit status 0 when all is as it should be, 1 when something differs, 2 when nothing differs and
    a server could not be asked (or the file not be read).
    """
    document = _document(path, domains)
    kinds = tuple(Kind) if only is None else (Kind(only),)
    resolvers = _resolvers(servers, document)
    report = compare_all(document, resolvers, asker=Asker(timeout), kinds=kinds, ttl=not ignore_ttl)
    if as_json:
        _print_json(
            {
                "status": report.status,
                "asked": report.asked,
                "servers": report.servers,
                "findings": [finding.as_dict() for finding in report.findings],
            }
        )
    else:
        click.echo(report_text(report), nl=False)
    sys.exit(report.status)


def _document(path: Path, domains: Iterable[str]) -> Document:
    try:
        return read_document(path).of(domains)
    except DocumentError as error:
        fail(str(error), 2)


def _resolvers(given: Iterable[str], document: Document) -> list[Server]:
    try:
        found = [read_server(text) for text in given]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--server") from error
    if not found:
        found = [Server(one, Kind.RESOLVER, (one,)) for one in document.resolvers]
    if not found:
        found = [
            Server(one.host, Kind.RESOLVER, (one.host,), one.port or 53)
            for one in system_nameservers().upstreams
        ]
    if not found:
        fail("no resolver to ask: name one with --server", 2)
    return found[:MAX_RESOLVERS]


def _print_json(data: object) -> None:
    click.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())
