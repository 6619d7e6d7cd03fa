"""``filter-engine serve``: proxy, scanner and controller until a signal stops them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from filter_engine import checks
from filter_engine.cli.options import config_options, fail
from filter_engine.config import Config, ConfigError, load
from filter_engine.scan.declare import REGISTRY
from filter_engine.scanner import sections
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
def serve(config_file: Path | None, variables: dict[str, str], foreground: bool) -> None:
    """Serve milter (11332), scans over HTTP (11333) and the controller (11334).

    Without any configuration these listen on loopback only. SIGHUP loads the configuration anew,
    SIGTERM stops after what is under way. Exit status 1 when it cannot start.
    """
    if not foreground:
        fail("serve stays in the foreground: let systemd or a container keep it running", 2)
    checks.load()

    def load_config() -> Config:
        return load(config_file, variables, modules=sections(REGISTRY), groups=REGISTRY.groups())

    try:
        sys.exit(Supervisor(load_config).run())
    except ConfigError as error:
        fail(f"the configuration cannot be used:\n{error}")
    except BindError as error:
        fail(str(error))
