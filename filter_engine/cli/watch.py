"""Commands that show what a running controller says."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from filter_engine.cli.completion import complete_group
from filter_engine.cli.options import fail
from filter_engine.cli.remote import AskError, asked, controller_of, remote_options
from filter_engine.cli.tables import (
    BAD,
    DOUBTFUL,
    GOOD,
    Cell,
    action_cell,
    action_colour,
    duration,
    print_table,
    word,
)

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


@click.command()
@remote_options
def stat(*, as_json: bool, **given: Any) -> None:
    """Show counters of a running filter."""
    said = asked("stat", given, as_json=as_json)
    if said is None:
        return
    up = duration(said["uptime"])
    click.echo(f"version {word(said['version'])}, up {up}, configuration {said['config_id'][:16]}")
    rows: list[tuple[object, object]] = [(text, said.get(key, 0)) for key, text in _COUNTS]
    times = said["scan_times"]
    if times:
        rows.append(("Milliseconds of the last scans", f"{sum(times) / len(times) * 1000:.1f}"))
    rows += [
        (Cell(f"Action {name}", action_colour(name)), count)
        for name, count in said["actions"].items()
    ]
    rows += [(f"Learnt {f['symbol']} ({f['type']})", f["revision"]) for f in said["statfiles"]]
    rows += [(f"Fuzzy hashes {name}", count) for name, count in said["fuzzy_hashes"].items()]
    print_table((), rows, right={1})


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also symbols that were never set.")
@remote_options
def counters(*, everything: bool, as_json: bool, **given: Any) -> None:
    """Show how often each symbol was set."""
    said = asked("counters", given, as_json=as_json)
    if said is None:
        return
    rows = sorted(said, key=lambda row: (-row["hits"], row["symbol"]))
    print_table(
        ("symbol", "score", "hits", "an hour"),
        [
            (row["symbol"], f"{row['weight']:.2f}", row["hits"], f"{row['frequency'] * 3600:.1f}")
            for row in rows
            if everything or row["hits"]
        ],
        right={1, 2, 3},
    )


@click.command()
@click.argument("group", default="", shell_complete=complete_group)
@remote_options
def symbols(group: str, *, as_json: bool, **given: Any) -> None:
    """Show the symbols of a running filter with their scores, those of one GROUP or all."""
    said = asked("symbols", given, as_json=as_json)
    if said is None:
        return
    found = [one for one in said if not group or one["group"].lower() == group.lower()]
    if not found:
        fail(f"there is no group {group!r}")
    print_table(
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
    said = asked(f"history?from=0&to={rows - 1}", given, as_json=as_json)
    if said is None:
        return
    print_table(
        ("time", "action", "score", "from", "to", "subject"),
        [
            (
                time.strftime("%m-%d %H:%M:%S", time.localtime(row.get("unix_time", 0))),
                action_cell(row.get("action", "")),
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
    said = asked("maps", given, as_json=as_json)
    if said is None:
        return
    print_table(
        ("map", "may be changed", "used by"),
        [
            (
                row["uri"],
                Cell("yes", GOOD) if row["editable"] else Cell("no", DOUBTFUL),
                row["description"],
            )
            for row in said
        ],
    )


@click.command()
@remote_options
def errors(*, as_json: bool, **given: Any) -> None:
    """Show the last errors of a running filter, the newest first."""
    said = asked("errors", given, as_json=as_json)
    if said is None:
        return
    print_table(
        ("time", "process", "module", "message"),
        [
            (
                time.strftime("%m-%d %H:%M:%S", time.localtime(row["ts"])),
                f"{row['type']} {row['pid']}",
                row["module"],
                Cell(row["message"], BAD),
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
            done = controller_of(**given).post("undo", b"", Id=str(undo))
        except AskError as error:
            fail(str(error))
        click.echo(json.dumps(done) if as_json else f"change {undo} is taken back")
        return
    said = asked("changes", given, as_json=as_json)
    if said is None:
        return
    print_table(
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
