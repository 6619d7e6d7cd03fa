"""The demo's table: wide where there is room, else a few lines a mail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mailflow.trial import Trial

LEADING = 3
"""Symbols shown of each mail."""
WIDE = 150
"""Columns from which on the table is a table."""
_INDENT = 4
_TITLE = "What became of each mail"


def render(trials: Iterable[Trial], console: Console) -> None:
    """Print what became of each mail, and what is wrong with those that fared otherwise."""
    trials = list(trials)
    if console.width >= WIDE:
        console.print(_table(trials))
    else:
        _print_narrow(trials, console)
    for trial in trials:
        for problem in trial.problems:
            console.print(Text(f"{trial.mail.name}: {problem}", style="red"))


def _table(trials: Iterable[Trial]) -> Table:
    table = Table(title=_TITLE, title_justify="left", header_style="bold")
    for name in ("mail", "what it shows", "host", "SMTP reply", "action"):
        table.add_column(name, overflow="fold")
    table.add_column("score", justify="right")
    for name in ("leading symbols", "where it ended up", "as expected"):
        table.add_column(name, overflow="fold")
    for trial in trials:
        plain = (
            trial.mail.name,
            trial.mail.shows,
            trial.host,
            trial.inapplicable or trial.reply,
            trial.action,
            _score(trial),
            _symbols(trial),
            trial.ended,
        )
        table.add_row(*map(Text, plain), _mark(trial, ("yes", "NO", "-")))
    return table


def _print_narrow(trials: Sequence[Trial], console: Console) -> None:
    """A line a mail, and one or two below it with the reply and the symbols."""
    rows = [(t.mail.name, t.host, t.action, _score(t), t.ended) for t in trials]
    names = ("mail", "host", "action", "score", "where it ended up")
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        cells = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        return "  ".join(cells).rstrip()

    console.print(Text(_TITLE, style="italic"))
    console.print(Text(f"    {line(names)}", style="bold"))
    for trial, row in zip(trials, rows, strict=True):
        mark = _mark(trial, ("ok  ", "BAD ", "-   "))
        console.print(mark + Text(line(row)))
        for detail in (trial.inapplicable, trial.reply, _symbols(trial)):
            if detail:
                console.print(Padding(Text(detail, style="dim"), (0, 0, 0, _INDENT)))


def _mark(trial: Trial, words: tuple[str, str, str]) -> Text:
    """`words`: for a mail that fared as it should, one that did not, one that was left out."""
    good, bad, left_out = words
    if trial.inapplicable:
        return Text(left_out, style="yellow")
    return Text(bad, style="red") if trial.problems else Text(good, style="green")


def _score(trial: Trial) -> str:
    return "" if trial.result is None else f"{trial.result.score:.2f}"


def _symbols(trial: Trial) -> str:
    result = trial.result
    if result is None:
        return ""
    return ", ".join(f"{name}({result.symbols[name]:g})" for name in result.leading[:LEADING])
