"""``serve --env``: the site's files from the environment, written before the first start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from filter_engine.cli.options import fail
from filter_engine.config import Finding
from filter_engine.config.variables import SITE_DIRECTORY
from filter_engine.headers.sections import sections
from filter_engine.importers.environment import import_environment
from filter_engine.importers.outcome import ImportFaultError, Outcome
from filter_engine.importers.seed import seed
from filter_engine.importers.site_files import site_files
from filter_engine.importers.staging import inspect_staged
from filter_engine.scan.declare import REGISTRY


def seed_configuration(config_file: Path | None, variables: dict[str, str]) -> None:
    """Write the configuration from the environment where that was not done yet."""
    directory = Path(variables.setdefault("LOCAL_CONFDIR", str(SITE_DIRECTORY))).absolute()
    modules, groups = sections(REGISTRY), REGISTRY.groups()

    def import_environ() -> Outcome:
        return import_environment(os.environ, "environment", site_files(modules, groups))

    def inspect(files: Mapping[str, str], place: Path) -> tuple[Finding, ...]:
        return inspect_staged(files, place, variables, os.environ, modules, groups, config_file)

    try:
        seeding = seed(directory, os.environ, import_environ, inspect)
    except ImportFaultError as fault:
        fail(str(fault))
    for change in seeding.changes:
        click.echo(f"{directory / change.path}: {change.state}", err=True)
        if change.diff:
            click.echo(change.diff, err=True)
    for backup in seeding.backups:
        click.echo(f"kept: {backup}", err=True)
    for remark in seeding.remarks:
        click.echo(str(remark), err=True)
