"""``filter-engine scan``: the verdict on message files, for people or as ``/checkv2`` JSON."""

from __future__ import annotations

import asyncio
import math
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from filter_engine.cli.loading import load_config
from filter_engine.cli.options import config_options, fail
from filter_engine.config.model import Config
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.task import client_ip
from filter_engine.scan.verdict import Action, Verdict
from filter_engine.scanner import Scanner
from filter_engine.wire.checkv2 import reply_json

_COLOURS = {
    Action.NO_ACTION: "green",
    Action.GREYLIST: "yellow",
    Action.SOFT_REJECT: "yellow",
    Action.ADD_HEADER: "yellow",
    Action.REWRITE_SUBJECT: "yellow",
}


def _address(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and client_ip(value) is None:
        raise click.BadParameter(f"{value!r} is not an IP address")
    return value


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@config_options
@click.option(
    "-i",
    "--ip",
    callback=_address,
    help="Address of the client; without it the mail counts as local.",
)
@click.option("--helo", help="What the client said in HELO.")
@click.option("--hostname", help="The client's verified host name.")
@click.option("-F", "--from", "mail_from", help="Envelope sender.")
@click.option("-r", "--rcpt", "rcpt_to", multiple=True, help="Envelope recipient; repeatable.")
@click.option("-u", "--user", help="Authenticated user.")
@click.option("--json", "as_json", is_flag=True, help="Print the /checkv2 reply, one line a file.")
def scan(
    files: tuple[Path, ...],
    config_file: Path | None,
    variables: dict[str, str],
    ip: str | None,
    helo: str | None,
    hostname: str | None,
    mail_from: str | None,
    rcpt_to: tuple[str, ...],
    user: str | None,
    as_json: bool,
) -> None:
    """Scan message FILES ("-" is standard input) and print the verdict.

    Needs no configuration, no Redis and no network. Exit status 1 when a file cannot be read.
    """
    envelope = Envelope(
        ip=ip,
        helo=helo,
        hostname=hostname,
        mail_from=None if mail_from is None else mail_from.strip("<>"),
        rcpt_to=tuple(rcpt.strip("<>") for rcpt in rcpt_to),
        user=user,
    )
    messages = [(path, _read(path)) for path in files]
    config = load_config(config_file, variables)
    for path, verdict in asyncio.run(_scan_all(config, messages, envelope)):
        if as_json:
            sys.stdout.buffer.write(reply_json(verdict) + b"\n")
        else:
            _print(path, verdict, Console())


def _read(path: Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}")


async def _scan_all(
    config: Config, messages: list[tuple[Path, bytes]], envelope: Envelope
) -> list[tuple[Path, Verdict]]:
    scanner = Scanner.from_config(config)
    scanner.open(asyncio.get_running_loop())
    try:
        return [(path, await scanner.scan(raw, envelope)) for path, raw in messages]
    finally:
        scanner.close()


def _print(path: Path, verdict: Verdict, console: Console) -> None:
    colour = _COLOURS.get(verdict.action, "red")
    limit = "off" if math.isnan(verdict.required_score) else f"{verdict.required_score:.2f}"
    console.print(
        f"[bold]{path}[/]: [{colour}]{verdict.action.value}[/], score {verdict.score:.2f} "
        f"(reject at {limit}), {verdict.time_real * 1000:.1f} ms",
        highlight=False,
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("score", justify="right")
    table.add_column("symbol")
    table.add_column("why", overflow="fold")
    for symbol in sorted(verdict.symbols, key=lambda s: (-abs(s.score), s.name)):
        why = symbol.description
        if symbol.options:
            why = f"{why} [{', '.join(symbol.options)}]" if why else ", ".join(symbol.options)
        table.add_row(f"{symbol.score:.2f}", symbol.name, _plain(why))
    console.print(table)
    for name in verdict.unfinished:
        console.print(f"[yellow]check {name} did not finish[/]")


def _plain(text: str) -> str:
    """Text that holds no markup and no control characters."""
    return "".join(c if c.isprintable() else "?" for c in text).replace("[", "\\[")
