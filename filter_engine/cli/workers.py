"""``filter-engine workers``: the processes of a running filter."""

from __future__ import annotations

from typing import Any, Final

import click

from filter_engine.cli.remote import asked, remote_options
from filter_engine.cli.tables import DOUBTFUL, GOOD, Cell, duration, print_table

_SILENT: Final = 30
"""Seconds without a sign of life that are shown."""


@click.command()
@remote_options
def workers(*, as_json: bool, **given: Any) -> None:
    """Show the processes of a running filter and what each takes.

    Memory is PSS: what several processes share is divided between them. Scans are those of the
    process, not of those before it. A process that is ending belongs to an older configuration and
    finishes what is under way.
    """
    said = asked("workers", given, as_json=as_json)
    if said is None:
        return
    print_table(
        ("worker", "pid", "state", "up", "scans", "memory", "processor", "listens on"),
        [
            (
                row["name"],
                row["pid"],
                _state(row),
                _or_dash(row.get("uptime"), duration),
                _or_dash(row.get("scans"), str),
                _or_dash(row.get("pss"), lambda octets: f"{octets / 1e6:.1f} MB"),
                _or_dash(row.get("cpu"), lambda seconds: f"{seconds:.1f} s"),
                " ".join(map(str, row["sockets"])),
            )
            for row in said
        ],
        right={1, 4, 5, 6},
    )


def _or_dash(value: Any, shown: Any) -> str:
    return str(shown(value)) if isinstance(value, int | float) else "-"


def _state(row: dict[str, Any]) -> Cell:
    silent = row.get("silent")
    if isinstance(silent, int) and silent > _SILENT:
        return Cell(f"silent for {silent} s", DOUBTFUL)
    return Cell(row["state"], GOOD if row["state"] == "serving" else DOUBTFUL)
