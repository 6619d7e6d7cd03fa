"""``filter-engine serve``: proxy, scanner and controller until a signal stops them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from filter_engine import checks
from filter_engine.cli.exit_status import REFUSED
from filter_engine.cli.loading import load_with_rules
from filter_engine.cli.options import config_options, fail
from filter_engine.config import Config, ConfigError
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
        from filter_engine.cli.seeding import seed_configuration  # the first start, if ever

        seed_configuration(config_file, variables)

    def load_config() -> Config:
        return load_with_rules(config_file, variables)

    try:
        sys.exit(Supervisor(load_config).run())
    except ConfigError as error:
        fail(f"the configuration cannot be used:\n{error}", REFUSED)
    except BindError as error:
        fail(str(error))
