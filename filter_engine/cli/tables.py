"""Tables for people: columns and colours on a terminal, tabs in a pipe.

Colours follow the environment: none with NO_COLOR, or where the output is no terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from filter_engine.config.annotate import printable

if TYPE_CHECKING:
    from rich.text import Text

GOOD: Final = "green"
DOUBTFUL: Final = "yellow"
BAD: Final = "red"
_ACTIONS: Final = {
    "no action": GOOD,
    "greylist": DOUBTFUL,
    "soft reject": DOUBTFUL,
    "add header": DOUBTFUL,
    "rewrite subject": DOUBTFUL,
}


class Cell(NamedTuple):
    """A value and its colour."""

    value: object
    colour: str = ""


def action_colour(name: str) -> str:
    """The colour of an action, by its name in verdicts."""
    return _ACTIONS.get(name, BAD)


def action_cell(name: str) -> Cell:
    """An action in its colour."""
    return Cell(name, action_colour(name) if name else "")


def word(value: object) -> str:
    """A value without what a terminal would obey."""
    return printable(str(value.value if isinstance(value, Cell) else value))


def duration(seconds: float) -> str:
    """Seconds as days, hours and minutes."""
    whole = int(seconds)
    return f"{whole // 86400} d {whole % 86400 // 3600} h {whole % 3600 // 60} min"


def print_table(
    heads: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[int] = ()
) -> None:
    """Print rows of values or ``Cell``s; ``right`` are the columns that hold numbers.

    Without ``heads`` there are two columns and no line of headings.
    """
    if not sys.stdout.isatty():
        for row in (heads, *rows) if heads else rows:
            click.echo("\t".join(word(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table

    numbers = set(right)
    table = Table(box=None, pad_edge=False, header_style="dim", show_header=bool(heads))
    for number, head in enumerate(heads or ("", "")):
        table.add_column(head, justify="right" if number in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row))
    Console().print(table)


def _text(cell: object) -> Text:
    from rich.text import Text

    return Text(word(cell), cell.colour if isinstance(cell, Cell) else "")
