"""``filter-engine diff``: which verdicts two configurations give otherwise, over many messages."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson

from filter_engine.cli.envelope import envelope_options
from filter_engine.cli.exit_status import DIFFERENT
from filter_engine.cli.loading import load_config
from filter_engine.cli.options import fail
from filter_engine.cli.scanning import read_message, scan_messages
from filter_engine.config.annotate import printable
from filter_engine.config.model import Config
from filter_engine.scan.verdict import SymbolResult, Verdict

_ROUNDED = 0.005
"""Scores that are as near are the same: sums of floating-point numbers."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One message and its two verdicts."""

    path: Path
    old: Verdict
    new: Verdict

    def symbols(self) -> Iterator[tuple[str, SymbolResult | None, SymbolResult | None]]:
        """The symbols that only one verdict has, or with another score, by name."""
        old = {symbol.name: symbol for symbol in self.old.symbols}
        new = {symbol.name: symbol for symbol in self.new.symbols}
        for name in sorted(old.keys() | new.keys()):
            before, after = old.get(name), new.get(name)
            if before is None or after is None or abs(before.score - after.score) > _ROUNDED:
                yield name, before, after

    @property
    def is_one(self) -> bool:
        """Whether the verdicts differ at all."""
        return (
            self.old.action is not self.new.action
            or abs(self.old.score - self.new.score) > _ROUNDED
            or any(True for _ in self.symbols())
        )

    def text(self) -> str:
        """For people: action and score, then a line for each symbol."""
        lines = [f"{printable(str(self.path))}: {_verdict(self.old)} -> {_verdict(self.new)}"]
        for name, before, after in self.symbols():
            mark = "+" if before is None else "-" if after is None else "~"
            scores = " -> ".join(f"{side.score:.2f}" for side in (before, after) if side)
            lines.append(f"  {mark} {printable(name)} {scores}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        sides = {"old": self.old, "new": self.new}
        return {
            "file": str(self.path),
            "differs": self.is_one,
            **{
                name: {"action": side.action.value, "score": round(side.score, 4)}
                for name, side in sides.items()
            },
            "symbols": {
                name: {"old": before and before.score, "new": after and after.score}
                for name, before, after in self.symbols()
            },
        }


def _verdict(verdict: Verdict) -> str:
    return f"{verdict.action.value} {verdict.score:.2f}"


@click.command()
@click.argument("old", type=click.Path(exists=True, path_type=Path))
@click.argument("new", type=click.Path(exists=True, path_type=Path))
@click.argument("messages", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@envelope_options
@click.option(
    "--replay",
    type=click.Path(path_type=Path),
    help="Take clock, envelope and all answers from FILE (scan --record); nothing is asked.",
    metavar="FILE",
)
@click.option("-j", "--json", "as_json", is_flag=True, help="Print JSON, one line a message.")
@click.option("--exit-code", is_flag=True, help=f"Exit status {DIFFERENT} when a verdict differs.")
def diff(
    old: Path,
    new: Path,
    messages: tuple[Path, ...],
    replay: Path | None,
    as_json: bool,
    exit_code: bool,
    **given: Any,
) -> None:
    """Scan MESSAGES by the configurations OLD and NEW and print the verdicts that differ.

    OLD and NEW are directories with local.d, override.d and rules.d, or main configuration files;
    MESSAGES are files, or directories with files. A summary of the actions comes last.

    Exit status 0, or see --exit-code; 1 when a file or a configuration cannot be read, 2 for wrong
    usage, 3 when a recording does not hold what a replay needs.
    """
    files = [file for path in messages for file in _files(path)]
    if not files:
        fail("there is no message in " + ", ".join(map(str, messages)))
    read = [(path, read_message(path)) for path in files]
    first, second = (
        scan_messages(_config(place), read, given, replay=replay) for place in (old, new)
    )
    actions = Counter[tuple[str, str]]()
    different = 0
    for before, after in zip(first, second, strict=True):
        found = Difference(before.path, before.verdict, after.verdict)
        actions[found.old.action.value, found.new.action.value] += 1
        different += found.is_one
        if as_json:
            sys.stdout.buffer.write(orjson.dumps(found.as_dict()) + b"\n")
        elif found.is_one:
            click.echo(found.text())
    if not as_json:
        click.echo(_summary(actions, different))
    if exit_code and different:
        sys.exit(DIFFERENT)


def _files(path: Path) -> list[Path]:
    return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def _config(place: Path) -> Config:
    if place.is_dir():
        return load_config(None, {"LOCAL_CONFDIR": str(place)})
    return load_config(place, {})


def _summary(actions: Counter[tuple[str, str]], different: int) -> str:
    total = sum(actions.values())
    plural = "" if total == 1 else "s"
    lines = [f"{different} of {total} message{plural} differ{'s' if different == 1 else ''}"]
    for (old, new), count in sorted(actions.items(), key=lambda item: (-item[1], item[0])):
        lines.append(f"  {count} {old}" if old == new else f"  {count} {old} -> {new}")
    return "\n".join(lines)
