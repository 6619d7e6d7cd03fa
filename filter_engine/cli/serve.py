"""``filter-engine serve``: proxy, scanner and controller until a signal stops them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from filter_engine import checks
from filter_engine.cli.exit_status import REFUSED
from filter_engine.cli.loading import load_with_rules
from filter_engine.cli.options import config_options, fail
from filter_engine.config import Config, ConfigError, Finding
from filter_engine.config.variables import SITE_DIRECTORY
from filter_engine.headers.sections import sections
from filter_engine.importers.environment import import_environment
from filter_engine.importers.outcome import ImportFaultError, Outcome
from filter_engine.importers.seed import seed
from filter_engine.importers.site_files import site_files
from filter_engine.importers.staging import inspect_staged
from filter_engine.scan.declare import REGISTRY
from filter_engine.workers.sockets import BindError
from filter_engine.workers.supervisor import Supervisor


@click.command()
@config_options
@click.option(
    "--foreground/--no-foreground",
    default=True,
    hidden=True,
    help="Always in the foreground; accepted for Rspamd's sake (-f).",
)
@click.option(
    "--env",
    "from_environment",
    is_flag=True,
    is_eager=True,
    help="The first time, write LOCAL_CONFDIR from the environment; FORCE_CONFIG: again.",
)
def serve(
    config_file: Path | None, variables: dict[str, str], foreground: bool, from_environment: bool
) -> None:
    """Serve milter (11332), scans over HTTP (11333) and the controller (11334).

    Without any configuration these listen on loopback only. SIGHUP loads the configuration anew,
    SIGTERM stops after what is under way. Exit status 1 when it cannot start, 78
    when that is for the configuration, which another start will not mend.

    With --env a variable such as WORKER_CONTROLLER='password="secret";' becomes the file
    local.d/worker-controller.inc, once: later starts leave the files as they are.
    """
    if not foreground:
        fail("serve stays in the foreground: let systemd or a container keep it running", 2)
    checks.load()
    if from_environment:
        _seed(config_file, variables)

    def load_config() -> Config:
        return load_with_rules(config_file, variables)

    try:
        sys.exit(Supervisor(load_config).run())
    except ConfigError as error:
        fail(f"the configuration cannot be used:\n{error}", REFUSED)
    except BindError as error:
        fail(str(error))


def _seed(config_file: Path | None, variables: dict[str, str]) -> None:
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
