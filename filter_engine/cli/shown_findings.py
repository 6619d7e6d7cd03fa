"""Findings of ``configtest`` for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Final

import click

from filter_engine.cli.tables import BAD, DOUBTFUL
from filter_engine.config.findings import Finding, Severity

_COLOURS: Final = {Severity.ERROR: BAD, Severity.WARNING: DOUBTFUL}


def print_findings(findings: Iterable[Finding], *, err: bool) -> None:
    """Print findings, an empty line between files; on standard error with ``err``."""
    for number, (_, group) in enumerate(groupby(findings, key=lambda finding: finding.file)):
        if number:
            click.echo(err=err)
        for finding in group:
            click.echo(_shown(finding), err=err)


def count(findings: Iterable[Finding]) -> str:
    """``2 errors, 1 warning``; empty when there is neither."""
    severities = [finding.severity for finding in findings]
    counts = [(severities.count(one), one.value) for one in (Severity.ERROR, Severity.WARNING)]
    return ", ".join(f"{number} {name}{'s' * (number != 1)}" for number, name in counts if number)


def read_finding(said: Mapping[str, Any]) -> Finding:
    """The opposite of ``Finding.as_dict``; raises ``ValueError`` for anything else."""
    try:
        return Finding(
            str(said["file"]),
            int(said["line"]),
            Severity(said["severity"]),
            str(said["code"]),
            str(said["message"]),
            str(said["hint"]),
            int(said["column"]),
            str(said["source"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError("no finding") from error


def _shown(finding: Finding) -> str:
    """The finding without control characters: its words may come from a hostile file."""
    text = str(finding)
    plain = "".join(char if char.isprintable() or char == "\n" else "?" for char in text)
    severity = finding.severity
    coloured = click.style(severity.value, fg=_COLOURS.get(severity))
    return plain.replace(f": {severity.value}: ", f": {coloured}: ", 1)
