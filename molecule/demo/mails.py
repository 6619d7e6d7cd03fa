"""``python -m demo.mails``: send the catalogue through a running lab. Runs inside its namespace."""

from __future__ import annotations

import os
import sys

import click
from rich.console import Console

from demo.table import render
from lab.errors import LabError
from lab.lab import Lab
from lab.paths import DEFAULT_NAME
from mailflow.catalogue import load
from mailflow.trial import Site, Trial, attempt

LOG_WIDTH = 180
"""Columns of the table when nobody watches."""


@click.command()
@click.option("--lab", "name", default=DEFAULT_NAME, show_default=True, help="Name of the lab.")
def mails(name: str) -> None:
    """Send every mail, print the table.

    Exit status 0 only if every mail fared as it should.
    """
    lab = Lab(name)
    console = Console(width=_width())
    try:
        trials = _send_all(lab)
    except LabError as error:
        click.secho(f"demo: {error}", err=True, fg="red")
        sys.exit(1)
    render(trials, console)
    bad = sum(bool(trial.problems) for trial in trials)
    if bad:
        console.print(f"[red]{bad} of {len(trials)} mails did not fare as they should.[/]")
        sys.exit(1)
    sent = [trial for trial in trials if not trial.inapplicable]
    left_out = f" ({len(trials) - len(sent)} not applicable)" if len(sent) < len(trials) else ""
    console.print(f"[green]All {len(sent)} mails fared as they should{left_out}.[/]")


def _width() -> int | None:
    """Columns of the table: the terminal's (None), or what a log file can hold."""
    terminal = "COLUMNS" in os.environ or any(map(os.isatty, (0, 1, 2)))
    return None if terminal else LOG_WIDTH


def _send_all(lab: Lab) -> list[Trial]:
    site = Site(lab)
    entries = load(domain=site.domain)
    trials = []
    for number, mail in enumerate(entries, 1):
        line = f"   mail {number} of {len(entries)}: {mail.name} ({mail.shows})"
        if reason := site.inapplicable(mail):
            click.echo(f"{line}: not applicable: {reason}")
            trials.append(Trial(mail, "", site.host(mail.via), reason, ended="not applicable"))
            continue
        click.echo(line)
        trials.append(attempt(site, mail))
    return trials


if __name__ == "__main__":
    mails()
