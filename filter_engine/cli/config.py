"""``filter-engine config explain``: who said what about an option, and which one counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from filter_engine.cli.completion import complete_key
from filter_engine.cli.loading import load_config, symbol_defaults
from filter_engine.cli.options import config_options, fail
from filter_engine.cli.remote import AskError, Controller, host_options, named_controller
from filter_engine.config.annotate import described, printable
from filter_engine.config.explain import Explanation, Role, explain_all
from filter_engine.config.layers import Layers
from filter_engine.config.resolve import UnknownKeyError
from filter_engine.ucl.nodes import to_python


@click.group()
def config() -> None:
    """Questions about the configuration."""


@config.command()
@click.argument("keys", metavar="KEY...", nargs=-1, required=True, shell_complete=complete_key)
@config_options
@click.option("-j", "--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--show-secrets", is_flag=True, help="Print passwords as they are.")
@host_options("default: the files of this host.", 70.0)
def explain(
    keys: tuple[str, ...],
    config_file: Path | None,
    variables: dict[str, str],
    as_json: bool,
    show_secrets: bool,
    **given: Any,
) -> None:
    """Say why each option KEY has its value: every file that spoke, the strongest first.

    KEY is a dotted name of configdump: actions.reject, options.dns.nameserver,
    worker.proxy.upstream.scan.hosts, symbols.NAME.score. A section explains all its options.
    Exit status 1 when there is no option KEY; the others are explained all the same. With --host a
    controller reads the files of its service; secrets stay there.
    """
    controller = named_controller(given)
    if controller is not None:
        if show_secrets:
            raise click.UsageError("no controller shows secrets: leave out --host")
        _print_theirs(controller, keys, as_json=as_json)
        return
    loaded = load_config(config_file, variables)
    defaults = symbol_defaults(loaded)
    found: list[Explanation] = []
    unknown: list[str] = []
    for key in keys:
        try:
            found += explain_all(loaded, key, defaults, show_secrets=show_secrets)
        except UnknownKeyError as error:
            unknown.append(printable(f"{error}" + (f"; {error.hint}" if error.hint else "")))
    if as_json:
        click.echo(json.dumps([each.as_dict() for each in found], indent=4, ensure_ascii=False))
    elif found:
        layers = Layers(loaded.variables)
        click.echo("\n\n".join(_text(each, layers) for each in found))
    if unknown:
        fail("\nfilter-engine: ".join(unknown))


def _print_theirs(controller: Controller, keys: tuple[str, ...], *, as_json: bool) -> None:
    from urllib.parse import urlencode

    form = "json" if as_json else "text"
    query = urlencode([*(("key", key) for key in keys), ("form", form)])
    try:
        _, content = controller.ask("GET", f"configexplain?{query}", None, {})
    except AskError as error:
        fail(str(error))
    lines = content.decode("utf-8", "replace").splitlines()
    click.echo("\n".join(map(printable, lines)))


def _text(found: Explanation, layers: Layers) -> str:
    if found.served:
        lines = [f"{found.key} = {described(found.value, found.unit)}"]
    else:
        lines = [f"{found.key}: an option of Rspamd's that this engine does not use"]
    if found.doc:
        lines.append(f"    {found.doc}")
    if found.kind:
        has_default = found.served or to_python(found.default) is not None
        default = f", default {described(found.default, found.unit)}" if has_default else ""
        lines.append(f"    {found.kind}{default}")
    rows = [
        (
            str(statement.layer),
            f"{statement.origin.file}:{statement.origin.line}" if statement.origin.line else "-",
            described(statement.value, found.unit),
            str(statement.role)
            if statement.by is None or statement.role is not Role.REPLACED
            else f"replaced by {layers.shown(statement.by)}",
        )
        for statement in found.statements
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for layer, place, value, role in rows:
        lines.append(f"  {layer:{widths[0]}}  {place:{widths[1]}}  {value:{widths[2]}}  {role}")
    return "\n".join(map(printable, lines))
