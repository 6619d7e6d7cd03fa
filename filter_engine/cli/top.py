"""``filter-engine top``: what a running filter does, as it does it."""

from __future__ import annotations

import json
import time
from typing import Any

import click
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from filter_engine.cli.options import fail
from filter_engine.cli.remote import AskError, Controller, controller_of, remote_options
from filter_engine.cli.tables import action_colour
from filter_engine.config.annotate import printable

_SYMBOLS = 15


@click.command()
@click.option(
    "--interval",
    type=click.FloatRange(0.2, 60.0),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks.",
)
@click.option("--times", type=click.IntRange(1), metavar="NUMBER", help="End after so many looks.")
@remote_options
def top(*, interval: float, times: int | None, as_json: bool, **given: Any) -> None:
    """Show rates, actions and the symbols set most, until interrupted.

    With --json each look is a line: what stat and counters say, and the time.
    """
    controller = controller_of(**given)
    if as_json:
        _print_looks(controller, interval, times)
        return
    before: dict[str, int] = {}
    began = time.monotonic()
    try:
        stat, hits = _look(controller)
        with Live(_view(controller.name, stat, hits, before, 0.0), screen=False) as live:
            look = 1
            while times is None or look < times:
                before = {row["symbol"]: row["hits"] for row in hits} | _counts(stat)
                time.sleep(interval)
                stat, hits = _look(controller)
                now = time.monotonic()
                live.update(_view(controller.name, stat, hits, before, now - began))
                began, look = now, look + 1
    except AskError as error:
        fail(str(error))
    except KeyboardInterrupt:
        return


def _print_looks(controller: Controller, interval: float, times: int | None) -> None:
    look = 0
    try:
        while times is None or look < times:
            if look:
                time.sleep(interval)
            stat, hits = _look(controller)
            click.echo(json.dumps({"time": time.time(), "stat": stat, "counters": hits}))
            look += 1
    except AskError as error:
        fail(str(error))
    except KeyboardInterrupt:
        return


def _look(controller: Controller) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return controller.get("stat"), controller.get("counters")


def _counts(stat: dict[str, Any]) -> dict[str, int]:
    return {f"action {name}": int(count) for name, count in stat["actions"].items()}


def _view(
    host: str,
    stat: dict[str, Any],
    hits: list[dict[str, Any]],
    before: dict[str, int],
    seconds: float,
) -> Group:
    """``before``: what was counted ``seconds`` ago; nothing at the first look."""

    def rate(key: str, count: int) -> str:
        return f"{max(count - before[key], 0) / seconds:.2f}/s" if key in before else ""

    times = stat["scan_times"]
    mean = sum(times) / len(times) * 1000 if times else 0.0
    head = Text(
        printable(
            f"{host}: {stat['scanned']} scanned, {mean:.1f} ms, {stat['total_learns']} learnt, "
            f"{stat['scan_errors']} failed, {stat['store_failures']} store failures"
        ),
        "bold",
    )
    actions = Table(box=None, header_style="dim")
    for column in ("action", "messages", "now"):
        actions.add_column(column, justify="left" if column == "action" else "right")
    for key, count in _counts(stat).items():
        name = key.removeprefix("action ")
        actions.add_row(Text(printable(name), action_colour(name)), str(count), rate(key, count))
    symbols = Table(box=None, header_style="dim")
    for column in ("symbol", "score", "hits", "now"):
        symbols.add_column(column, justify="left" if column == "symbol" else "right")
    for row in sorted(hits, key=lambda row: -row["hits"])[:_SYMBOLS]:
        symbols.add_row(
            Text(printable(row["symbol"])),
            f"{row['weight']:.2f}",
            str(row["hits"]),
            rate(row["symbol"], row["hits"]),
        )
    return Group(head, actions, symbols)
