"""Commands that show what a running controller says."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from filter_engine.cli.options import fail
from filter_engine.cli.remote import AskError, controller_of, remote_options
from filter_engine.config.annotate import printable

_COUNTS = (
    ("scanned", "Messages scanned"),
    ("spam_count", "of them spam"),
    ("total_learns", "Messages learnt"),
    ("connections", "Connections"),
    ("scan_errors", "Scans that failed"),
    ("scan_timeouts", "Scans out of time"),
    ("unfinished_checks", "Checks cut off or failed"),
    ("store_failures", "Stores that did not answer"),
    ("oversize", "Passed unscanned for their size"),
    ("tempfailed", "Answered temporary failure"),
    ("upstream_errors", "Failed requests to scanners"),
)


def _asked(endpoint: str, given: dict[str, Any], *, as_json: bool) -> Any:
    """What the controller says; printed and None with ``--json``."""
    try:
        said = controller_of(**given).get(endpoint)
    except AskError as error:
        fail(str(error))
    if as_json:
        click.echo(json.dumps(said, indent=2))
        return None
    return said


@click.command()
@remote_options
def stat(*, as_json: bool, **given: Any) -> None:
    """Show counters of a running filter."""
    said = _asked("stat", given, as_json=as_json)
    if said is None:
        return
    seconds = int(said["uptime"])
    up = f"{seconds // 86400} d {seconds % 86400 // 3600} h {seconds % 3600 // 60} min"
    click.echo(f"version {_word(said['version'])}, up {up}, configuration {said['config_id'][:16]}")
    rows = [(text, said.get(key, 0)) for key, text in _COUNTS]
    times = said["scan_times"]
    if times:
        rows.append(("Milliseconds of the last scans", f"{sum(times) / len(times) * 1000:.1f}"))
    rows += [(f"Action {name}", count) for name, count in said["actions"].items()]
    rows += [(f"Learnt {f['symbol']} ({f['type']})", f["revision"]) for f in said["statfiles"]]
    rows += [(f"Fuzzy hashes {name}", count) for name, count in said["fuzzy_hashes"].items()]
    _table((), rows, right={1})


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also symbols that were never set.")
@remote_options
def counters(*, everything: bool, as_json: bool, **given: Any) -> None:
    """Show how often each symbol was set."""
    said = _asked("counters", given, as_json=as_json)
    if said is None:
        return
    rows = sorted(said, key=lambda row: (-row["hits"], row["symbol"]))
    _table(
        ("symbol", "score", "hits", "an hour"),
        [
            (row["symbol"], f"{row['weight']:.2f}", row["hits"], f"{row['frequency'] * 3600:.1f}")
            for row in rows
            if everything or row["hits"]
        ],
        right={1, 2, 3},
    )


@click.command()
@click.argument("group", default="")
@remote_options
def symbols(group: str, *, as_json: bool, **given: Any) -> None:
    """Show the symbols of a running filter with their scores, those of one GROUP or all."""
    said = _asked("symbols", given, as_json=as_json)
    if said is None:
        return
    found = [one for one in said if not group or one["group"].lower() == group.lower()]
    if not found:
        fail(f"there is no group {group!r}")
    _table(
        ("group", "symbol", "score", "description"),
        [
            (one["group"], row["symbol"], f"{row['weight']:.2f}", row.get("description", ""))
            for one in sorted(found, key=lambda one: one["group"])
            for row in sorted(one["rules"], key=lambda row: row["symbol"])
        ],
        right={2},
    )


@click.command()
@click.option("-n", "--rows", default=20, show_default=True, type=click.IntRange(1, 10_000))
@remote_options
def history(rows: int, *, as_json: bool, **given: Any) -> None:
    """Show the last scans of a running filter, the newest first."""
    said = _asked(f"history?from=0&to={rows - 1}", given, as_json=as_json)
    if said is None:
        return
    _table(
        ("time", "action", "score", "from", "to", "subject"),
        [
            (
                time.strftime("%m-%d %H:%M:%S", time.localtime(row.get("unix_time", 0))),
                row.get("action", ""),
                f"{row.get('score', 0.0):.2f}",
                row.get("sender_smtp", ""),
                ", ".join(row.get("rcpt_smtp", ())[:3]),
                row.get("subject", ""),
            )
            for row in said["rows"]
        ],
        right={2},
    )


@click.command()
@remote_options
def maps(*, as_json: bool, **given: Any) -> None:
    """Show the files that maps of a running filter are read from."""
    said = _asked("maps", given, as_json=as_json)
    if said is None:
        return
    _table(
        ("map", "may be changed", "used by"),
        [(row["uri"], "yes" if row["editable"] else "no", row["description"]) for row in said],
    )


@click.command()
@remote_options
def errors(*, as_json: bool, **given: Any) -> None:
    """Show the last errors of a running filter, the newest first."""
    said = _asked("errors", given, as_json=as_json)
    if said is None:
        return
    _table(
        ("time", "process", "module", "message"),
        [
            (
                time.strftime("%m-%d %H:%M:%S", time.localtime(row["ts"])),
                f"{row['type']} {row['pid']}",
                row["module"],
                row["message"],
            )
            for row in said
        ],
    )


@click.command()
@click.option("--undo", type=click.IntRange(1), metavar="NUMBER", help="Take this change back.")
@remote_options
def changes(undo: int | None, *, as_json: bool, **given: Any) -> None:
    """Show what was changed through the controller: who, what, before and after."""
    if undo is not None:
        try:
            controller_of(**given).post("undo", b"", Id=str(undo))
        except AskError as error:
            fail(str(error))
        click.echo(f"change {undo} is taken back")
        return
    said = _asked("changes", given, as_json=as_json)
    if said is None:
        return
    _table(
        ("number", "time", "who", "what", "before", "after"),
        [
            (
                row["id"],
                time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row["time"])),
                row["who"],
                f"{row['what']} {row['target']}",
                _short(row["before"]),
                _short(row["after"]),
            )
            for row in said
        ],
        right={0},
    )


def _short(value: object) -> str:
    if isinstance(value, str):
        return f"{len(value)} characters"
    if isinstance(value, dict):
        return ", ".join(f"{name} = {'off' if v is None else v}" for name, v in value.items())
    return str(value)


def _word(value: object) -> str:
    return printable(str(value))


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[int] = ()
) -> None:
    """Rows for people: a table on a terminal, tabs in a pipe."""
    if not sys.stdout.isatty():
        for row in (heads, *rows) if heads else rows:
            click.echo("\t".join(_word(cell) for cell in row))
        return
    table = Table(box=None, pad_edge=False, header_style="dim", show_header=bool(heads))
    columns = heads or ("", "")
    for number, head in enumerate(columns):
        justify = "right" if number in set(right) else "left"
        table.add_column(head, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(Text(_word(cell)) for cell in row))
    Console().print(table)
