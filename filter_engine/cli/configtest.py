"""``filter-engine configtest``: is the configuration correct?"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from filter_engine import checks
from filter_engine.cli.options import config_options
from filter_engine.config.findings import Finding, Severity
from filter_engine.config.loader import inspect
from filter_engine.scan.declare import REGISTRY
from filter_engine.scanner import sections


@click.command()
@config_options
@click.option("-s", "--strict", is_flag=True, help="Warnings fail as well.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def configtest(
    config_file: Path | None, variables: dict[str, str], strict: bool, as_json: bool
) -> None:
    """Check the configuration; print what is wrong with it, with file and line.

    Prints "syntax OK" and ends with status 0 when it can be used; status 1 when it cannot, with
    --strict also when there are warnings. Touches nothing.
    """
    checks.load()
    found = inspect(
        config_file, variables, modules=sections(REGISTRY), groups=REGISTRY.groups()
    ).findings
    refused = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    failed = any(finding.severity in refused for finding in found)
    if as_json:
        report = {"ok": not failed, "findings": [finding.as_dict() for finding in found]}
        click.echo(json.dumps(report, indent=2))
    else:
        for finding in found:
            click.echo(_shown(finding), err=failed)
        if failed:
            click.echo(_summary(found), err=True)
        else:
            click.echo("syntax OK")
    sys.exit(1 if failed else 0)


def _shown(finding: Finding) -> str:
    """The finding without control characters: its words may come from a hostile file."""
    text = str(finding)
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)


def _summary(findings: tuple[Finding, ...]) -> str:
    counts = [
        (sum(finding.severity is severity for finding in findings), severity.value)
        for severity in (Severity.ERROR, Severity.WARNING)
    ]
    words = [f"{number} {name}{'s' * (number != 1)}" for number, name in counts if number]
    return f"the configuration is refused: {', '.join(words)}"
