"""``filter-engine configdump``: the effective configuration, defaults included."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from filter_engine.cli.options import config_options, fail
from filter_engine.cli.scan import load_config
from filter_engine.config.dump import dump
from filter_engine.ucl import UclNode, UclObject, emit, emit_json


@click.command()
@click.argument("names", metavar="[SECTION]...", nargs=-1)
@config_options
@click.option("-j", "--json", "as_json", is_flag=True, help="Print JSON instead of UCL.")
@click.option("--show-secrets", is_flag=True, help="Print passwords as they are.")
def configdump(
    names: tuple[str, ...],
    config_file: Path | None,
    variables: dict[str, str],
    as_json: bool,
    show_secrets: bool,
) -> None:
    """Print the configuration as it is used: all of it, or the SECTIONs named.

    Exit status 1 when the configuration cannot be used or a section does not exist.
    """
    tree = dump(load_config(config_file, variables), show_secrets=show_secrets)
    if names:
        tree = UclObject({name: _section(tree, name) for name in names})
    click.echo(emit_json(tree) if as_json else emit(tree).rstrip("\n"))


def _section(tree: UclObject, name: str) -> list[UclNode]:
    if name not in tree:
        close = difflib.get_close_matches(name, list(tree), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(tree)}"
        fail(f"no section {name!r}; {hint}")
    return tree.all(name)
