"""Options that several commands share: which configuration, which variables."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from filter_engine.config.variables import IN_ENVIRONMENT, VARIABLES
from filter_engine.ucl.near import closest

_DIRECTORIES = frozenset({"CONFDIR", "LOCAL_CONFDIR"})
"""Variables whose directory is read: a misspelt one would be ignored in silence."""
_LIKENESS = 0.8
"""How alike a variable's name must be to one that is known to count as misspelt."""

F = TypeVar("F", bound=Callable[..., Any])


def _variables(
    ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    variables = _of_environment()
    for item in given:
        name, sep, value = item.partition("=")
        if not sep or not name:
            raise click.BadParameter(f"{item!r} is not NAME=VALUE, e.g. LOCAL_CONFDIR=/etc/site")
        variables[name] = value
    for name, value in variables.items():
        is_made = name == "LOCAL_CONFDIR" and ctx.params.get("from_environment")
        if name in _DIRECTORIES and not is_made and not Path(value).is_dir():
            raise click.BadParameter(f"{name}: there is no directory {value}")
        if name in VARIABLES:
            continue
        close = closest(name.upper(), VARIABLES, cutoff=_LIKENESS)
        if close:
            raise click.BadParameter(f"{name}: did you mean {close[0]}?")
    return variables


def _of_environment() -> dict[str, str]:
    """The variables of ``FILTER_ENGINE_VARIABLES``; a complaint about it shows no value."""
    text = os.environ.get(IN_ENVIRONMENT, "")
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise click.BadParameter(
            f'{IN_ENVIRONMENT} in the environment is not {{"NAME": "value", ...}} (JSON)'
        )
    return found


def config_options(command: F) -> F:
    """Add ``-c FILE`` and ``--var NAME=VALUE`` (arguments ``config_file`` and ``variables``)."""
    command = click.option(
        "--var",
        "variables",
        multiple=True,
        callback=_variables,
        metavar="NAME=VALUE",
        help="Set a variable: LOCAL_CONFDIR, DBDIR, RUNDIR, LOGDIR. May be repeated; "
        f'for secrets write {IN_ENVIRONMENT}=\'{{"NAME": "value"}}\' in the environment.',
    )(command)
    return click.option(
        "-c",
        "--config",
        "config_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Main configuration file; default: the shipped one.",
    )(command)


def fail(message: str, status: int = 1) -> NoReturn:
    """Print an error for people and end with ``status``."""
    click.echo(f"filter-engine: {message}", err=True)
    sys.exit(status)
