"""``filter-engine dmarc report``: aggregate reports about finished days, built and sent."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filter_engine.cli.loading import load_config
from filter_engine.cli.options import config_options, fail

if TYPE_CHECKING:
    from filter_engine.checks.dmarc_reporting_options import DmarcReporting
    from filter_engine.config.model import Config


@click.group()
def dmarc() -> None:
    """Reports to the domains whose mail was checked (RFC 7489)."""


def _server(
    _ctx: click.Context, _param: click.Parameter, given: str | None
) -> tuple[str, int] | None:
    if given is None:
        return None
    host, colon, port = given.rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 65536:
        raise click.BadParameter(f"{given!r} is not HOST:PORT, e.g. 127.0.0.1:25")
    return host.strip("[]"), int(port)


def _days(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    from filter_engine.auth.dmarc_report_store import period

    for day in given:
        try:
            period(day)
        except ValueError:
            raise click.BadParameter(f"{day!r} is no day, e.g. 20261121") from None
    return given


@dmarc.command()
@click.argument("days", nargs=-1, metavar="[YYYYMMDD]...", callback=_days)
@config_options
@click.option("--server", callback=_server, metavar="HOST:PORT", help="Send through this server.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the mails into this directory, send nothing and forget nothing.",
)
@click.option("-j", "--json", "as_json", is_flag=True, help="Print JSON.")
def report(
    days: tuple[str, ...],
    config_file: Path | None,
    variables: dict[str, str],
    server: tuple[str, int] | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Send the reports about DAYS (UTC); default: the two days before today.

    What was sent is forgotten; what could not be sent is kept for the next run. Exit status 1 when
    something could not be sent or the store does not answer.
    """
    from filter_engine.checks.dmarc import DmarcOptions
    from filter_engine.cli.dmarc_reports import ReportError, last_days, send_reports

    config = load_config(config_file, variables)
    options = config.modules.get("dmarc")
    assert isinstance(options, DmarcOptions)
    wanted = options.reporting
    if not wanted.email or not wanted.domain:
        why = _uncounted(config, wanted)
        said = "dmarc.reporting: email and domain say who reports; write both in local.d/dmarc.conf"
        fail(f"{said}\n{why}" if why else said)
    if why := _uncounted(config, wanted):
        click.echo(f"filter-engine: {why}", err=True)
    now = time.time()
    try:
        outcome = asyncio.run(
            send_reports(config, wanted, days or last_days(now), now, server, output)
        )
    except ReportError as error:
        fail(str(error))
    if as_json:
        click.echo(json.dumps({"reports": outcome.lines, "failed": outcome.failed}))
    else:
        for line in outcome.lines:
            click.echo(line)
    if outcome.failed:
        fail(f"{outcome.failed} reports were not sent; the next run tries again")


def _uncounted(config: Config, options: DmarcReporting) -> str:
    """Why no mail is counted any more; empty if it is. What was counted before is reported."""
    if not config.is_enabled("dmarc"):
        return "no mail is being counted: the module dmarc is off"
    if not options.enabled:
        return (
            "no mail is being counted: dmarc.reporting is off; write reporting { enabled = true; } "
            "in local.d/dmarc.conf"
        )
    return ""
