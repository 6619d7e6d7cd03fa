"""The demo's table."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mailflow.trial import Trial

LEADING = 3
"""Symbols shown of each mail."""


def render(trials: Iterable[Trial], console: Console) -> None:
    """Print one row a mail, and what is wrong with those that fared otherwise than they should."""
    table = Table(title="What became of each mail", title_justify="left", header_style="bold")
    for name in ("mail", "what it shows", "via", "SMTP reply", "action"):
        table.add_column(name, overflow="fold")
    table.add_column("score", justify="right")
    for name in ("leading symbols", "where it ended up", ""):
        table.add_column(name, overflow="fold")
    trials = list(trials)
    for trial in trials:
        table.add_row(*_cells(trial))
    console.print(table)
    for trial in trials:
        for problem in trial.problems:
            console.print(Text(f"{trial.mail.name}: {problem}", style="red"))


def _cells(trial: Trial) -> list[Text]:
    result = trial.result
    score, symbols = "", ""
    if result is not None:
        score = f"{result.score:.2f}"
        symbols = ", ".join(
            f"{name}({result.symbols[name]:g})" for name in result.leading[:LEADING]
        )
    mark = Text("as it should", style="green") if not trial.problems else Text("WRONG", style="red")
    plain = (
        trial.mail.name,
        trial.mail.shows,
        trial.mail.via,
        f"{trial.code} {trial.text}".splitlines()[0],
        trial.action,
        score,
        symbols,
        trial.ended,
    )
    return [*map(Text, plain), mark]
