"""``filter-engine scan``: the verdict on message files, for people or as ``/checkv2`` JSON."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from filter_engine.cli.envelope import envelope_of, envelope_options, request_headers
from filter_engine.cli.loading import load_config
from filter_engine.cli.options import config_options, fail
from filter_engine.cli.remote import AskError, Controller, host_options, named_controller
from filter_engine.cli.scanning import read_message, recording_options, scan_messages
from filter_engine.cli.tables import action_colour
from filter_engine.config.annotate import printable
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Verdict
from filter_engine.wire.checkv2 import reply_json


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@config_options
@envelope_options
@recording_options
@host_options("default: scan here.")
@click.option("--json", "as_json", is_flag=True, help="Print the /checkv2 reply, one line a file.")
def scan(
    files: tuple[Path, ...],
    config_file: Path | None,
    variables: dict[str, str],
    record: Path | None,
    replay: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Scan message FILES ("-" is standard input) and print the verdict.

    Needs no configuration, no Redis and no network, and changes nothing of what the site remembers.
    With --host a controller or a scanner does it, as of any other mail. Exit status 1 when a file
    cannot be read, 3 when a recording does not hold what a replay needs.
    """
    controller = named_controller(given)
    messages = [(path, read_message(path)) for path in files]
    if controller is not None:
        if record is not None or replay is not None:
            raise click.UsageError("--record and --replay are for scans here: leave out --host")
        _scan_there(controller, messages, envelope_of(given), as_json=as_json)
        return
    config = load_config(config_file, variables)
    for scanned in scan_messages(config, messages, given, record=record, replay=replay):
        if as_json:
            sys.stdout.buffer.write(reply_json(scanned.verdict) + b"\n")
        else:
            _print(scanned.path, scanned.verdict, Console())


def _scan_there(
    controller: Controller,
    messages: list[tuple[Path, bytes]],
    envelope: Envelope,
    *,
    as_json: bool,
) -> None:
    from filter_engine.wire.checkv2 import ReplyError, parse_reply

    for path, raw in messages:
        try:
            _, content = controller.ask("POST", "checkv2", raw, request_headers(envelope))
            verdict = parse_reply(content)
        except (AskError, ReplyError) as error:
            fail(f"{path}: {error}")
        if as_json:
            sys.stdout.buffer.write(content + b"\n")
            sys.stdout.buffer.flush()
        else:
            _print(path, verdict, Console())


def _print(path: Path, verdict: Verdict, console: Console) -> None:
    limit = "off" if math.isnan(verdict.required_score) else f"{verdict.required_score:.2f}"
    console.print(
        Text.assemble(
            _text(str(path), "bold"),
            ": ",
            _text(verdict.action.value, action_colour(verdict.action.value)),
            f", score {verdict.score:.2f} (reject at {limit}), {verdict.time_real * 1000:.1f} ms",
        )
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("score", justify="right")
    table.add_column("symbol")
    table.add_column("why", overflow="fold")
    for symbol in sorted(verdict.symbols, key=lambda s: (-abs(s.score), s.name)):
        why = symbol.description
        if symbol.options:
            why = f"{why} [{', '.join(symbol.options)}]" if why else ", ".join(symbol.options)
        table.add_row(f"{symbol.score:.2f}", _text(symbol.name), _text(why))
    console.print(table)
    for name in verdict.unfinished:
        console.print(_text(f"check {name} did not finish", "yellow"))


def _text(text: str, style: str = "") -> Text:
    """What a terminal neither obeys nor takes for markup: recordings and mail name these things."""
    return Text(printable(text), style)
