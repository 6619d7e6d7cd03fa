"""``filter-engine configdump``: the effective configuration, defaults included."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from filter_engine.cli.completion import complete_section
from filter_engine.cli.loading import load_config, symbol_defaults
from filter_engine.cli.options import config_options, fail
from filter_engine.cli.remote import AskError, Controller, host_options, named_controller
from filter_engine.config import declared
from filter_engine.config.annotate import with_comments
from filter_engine.config.declared import NOWHERE
from filter_engine.config.dump import to_ucl, with_origins
from filter_engine.config.effective import Branch, effective, value_node
from filter_engine.config.layers import Layers
from filter_engine.config.model import Config
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.emitter import emit, emit_json
from filter_engine.ucl.nodes import UclNode, UclObject

_DEFAULT = "DEFAULT"
_TABLES = {"symbols": "-d (--symbol-details)", "symbol": "-d (--symbol-details)", "group": "-g"}
"""Sections that are empty where a site writes nothing into them, and what is likely asked for."""


@frozen
class _Format:
    """How data is written."""

    as_json: bool
    compact: bool
    as_yaml: bool

    @property
    def is_ucl(self) -> bool:
        return not (self.as_json or self.compact or self.as_yaml)

    def write(self, tree: UclObject) -> None:
        if self.as_yaml:
            click.echo(_emit_yaml()(tree).rstrip("\n"))
        elif self.is_ucl:
            click.echo(emit(tree).rstrip("\n"))
        else:
            click.echo(emit_json(tree, compact=self.compact))

    def write_data(self, data: dict[str, object]) -> None:
        """Data that has no other form than JSON, or UCL made of it."""
        self.write(_section(data))


@click.command()
@click.argument("names", metavar="[SECTION]...", nargs=-1, shell_complete=complete_section)
@config_options
@click.option("-j", "--json", "as_json", is_flag=True, help="Print JSON instead of UCL.")
@click.option("-C", "--compact", is_flag=True, help="Print JSON on one line.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print YAML.")
@click.option(
    "--origin", is_flag=True, help="Say of each value which layer, file and line it is from."
)
@click.option("--show-help", is_flag=True, help="Put the meaning of each option before it.")
@click.option("-m", "--modules-state", is_flag=True, help="Print which modules run, and why not.")
@click.option(
    "-g", "--groups", is_flag=True, help="Print the groups with their symbols and scores."
)
@click.option(
    "-d", "--symbol-details", is_flag=True, help="Print all that is known of each symbol."
)
@click.option(
    "--diff-from",
    metavar="DEFAULT|TREE",
    help="Print what differs from the defaults, or from another LOCAL_CONFDIR.",
)
@click.option("--show-secrets", is_flag=True, help="Print passwords as they are.")
@host_options("default: the files of this host.", 70.0)
def configdump(
    names: tuple[str, ...],
    config_file: Path | None,
    variables: dict[str, str],
    as_json: bool,
    compact: bool,
    as_yaml: bool,
    origin: bool,
    show_help: bool,
    modules_state: bool,
    groups: bool,
    symbol_details: bool,
    diff_from: str | None,
    show_secrets: bool,
    **given: Any,
) -> None:
    """Print the configuration as it is used: all of it, or the SECTIONs named (options.dns).

    Exit status 1 when the configuration cannot be used or a section does not exist. With
    --diff-from it is that of diff: 0 no difference, 1 differences, 2 trouble. With --host a
    controller reads the files of its service; secrets stay there.
    """
    chosen = [modules_state, groups, symbol_details, diff_from is not None, origin or show_help]
    if sum(chosen) > 1:
        raise click.UsageError(
            "choose one of --modules-state, --groups, --symbol-details, --diff-from, and"
            " --origin or --show-help"
        )
    form = _Format(as_json, compact, as_yaml)
    if sum((as_json, compact, as_yaml)) > 1:
        raise click.UsageError("choose one of --json, --compact and --yaml")
    if (as_yaml and (origin or diff_from)) or (show_help and not form.is_ucl):
        raise click.UsageError("comments and differences cannot be printed in this format")
    controller = named_controller(given)
    if controller is not None:
        if any(chosen) or show_secrets:
            raise click.UsageError("with --host the values alone are printed")
        _print_theirs(controller, names, form)
        return
    if diff_from is not None:
        sys.exit(_diff(diff_from, names, config_file, variables, form, show_secrets))
    config = load_config(config_file, variables)
    if modules_state:
        _modules_state(config, names, form)
    elif groups or symbol_details:
        _symbols(config, names, form, details=symbol_details)
    else:
        top = effective(config, unwritten=bool(names))
        if show_help:
            _add_unwritten(top, config, names)
        top = _chosen(top, names)
        if show_help or (origin and form.is_ucl):
            text = with_comments(
                top,
                Layers(config.variables),
                origin=origin,
                explained=show_help,
                show_secrets=show_secrets,
            )
            click.echo(text.rstrip("\n"))
        elif origin:
            shown = with_origins(top, show_secrets=show_secrets)
            click.echo(json.dumps(shown, indent=None if compact else 4, ensure_ascii=False))
        else:
            form.write(to_ucl(top, show_secrets=show_secrets))


def _print_theirs(controller: Controller, names: tuple[str, ...], form: _Format) -> None:
    from urllib.parse import urlencode

    try:
        said = controller.get(f"configdump?{urlencode([('section', name) for name in names])}")
    except AskError as error:
        fail(str(error))
    if not isinstance(said, dict):
        fail(f"{controller.name} is not a filter-engine controller")
    form.write_data(said)


def _chosen(top: Branch, names: tuple[str, ...]) -> Branch:
    """The sections named, each under its whole path, ``options.dns`` as ``options { dns { } }``."""
    if not names:
        return top
    picked = Branch(place=top.place)
    for name in names:
        _pick(top, picked, name.split("."), name)
    return picked


def _add_unwritten(top: Branch, config: Config, names: tuple[str, ...]) -> None:
    """Sections of ``names`` that no file has: their options have a meaning all the same."""
    modules = {name: type(section) for name, section in config.modules.items()}
    for name in (name for name in names if name not in top.entries):
        place = declared.top(name, modules)
        if place is not NOWHERE:
            top.entries[name] = [Branch(place=place)]


def _pick(source: Branch, target: Branch, words: list[str], name: str) -> None:
    # a name may have dots in it: the longest that fits counts
    for count in range(len(words), 0, -1):
        key = source.find(".".join(words[:count]))
        if key is not None:
            break
    else:
        if words[0] in _TABLES and source.place is NOWHERE:
            fail(f"no section {name!r}; write configdump {_TABLES[words[0]]}")
        close = difflib.get_close_matches(words[0], list(source.entries), n=1)
        known = ", ".join(list(source.entries)[:40])
        fail(
            f"no section {name!r}; "
            + (f"did you mean {close[0]!r}?" if close else f"known: {known}")
        )
    found, rest = source.entries[key], words[count:]
    if not rest:
        target.entries[key] = found
        return
    for number, entry in enumerate(found):
        if not isinstance(entry, Branch):
            fail(f"no section {name!r}; {'.'.join(words[:count])} is an option")
        inner = target.entries.setdefault(key, [])
        if len(inner) <= number:
            inner.append(Branch(place=entry.place))
        below = inner[number]
        if isinstance(below, Branch) and below is not entry:
            _pick(entry, below, rest, name)


def _modules_state(config: Config, names: tuple[str, ...], form: _Format) -> None:
    from filter_engine.config.modules_state import modules_state  # seldom asked

    _refuse_names(names, "--modules-state")
    state = modules_state(config)
    if not form.is_ucl:
        form.write_data(state.as_dict())
        return
    click.echo(f"Modules enabled: {', '.join(state.enabled)}")
    for title, found in (
        ("disabled (explicitly)", state.disabled_explicitly),
        ("disabled (unconfigured)", state.disabled_unconfigured),
        ("not served by this engine", state.not_served),
    ):
        shown = (f"{name} ({why})" if why else name for name, why in found.items())
        click.echo(f"Modules {title}: {', '.join(shown)}")


def _symbols(config: Config, names: tuple[str, ...], form: _Format, *, details: bool) -> None:
    from filter_engine.cli import symbol_tables  # seldom asked

    if details:
        found = symbol_tables.symbol_details(config, symbol_defaults(config))
    else:
        found = symbol_tables.groups(config)
    for name in names:
        if name not in found:
            close = difflib.get_close_matches(name, list(found), n=1)
            what = "symbol" if details else "group"
            fail(f"no {what} {name!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
    form.write_data({name: found[name] for name in names} if names else found)


def _diff(
    diff_from: str,
    names: tuple[str, ...],
    config_file: Path | None,
    variables: dict[str, str],
    form: _Format,
    show_secrets: bool,
) -> int:
    from filter_engine.config.compare import compare  # seldom asked

    if diff_from == _DEFAULT:
        other_file = None
        other = variables | {"LOCAL_CONFDIR": _NO_SITE, "DBDIR": _NO_SITE}
    elif Path(diff_from).is_dir():
        other_file, other = config_file, variables | {"LOCAL_CONFDIR": diff_from}
    else:
        fail(f"--diff-from: there is no directory {diff_from}; write {_DEFAULT} or a directory", 2)
    old = load_config(other_file, other, status=2)
    new = load_config(config_file, variables, status=2)
    before, after = effective(old, symbol_defaults(old)), effective(new, symbol_defaults(new))
    if names:
        before, after = _existing(before, names), _existing(after, names)
        if not before.entries and not after.entries:
            fail(f"no section {', '.join(names)}", 2)
    changes = compare(before, after)
    if not form.is_ucl:
        shown = [change.as_dict(show_secrets=show_secrets) for change in changes]
        click.echo(json.dumps(shown, indent=None if form.compact else 4, ensure_ascii=False))
    else:
        places = Layers(old.variables), Layers(new.variables)
        for change in changes:
            click.echo(change.text(*places, show_secrets=show_secrets))
    return 1 if changes else 0


_NO_SITE = "/nonexistent"
"""A directory that no system has: neither a site's files nor what a controller saved."""


def _existing(top: Branch, names: tuple[str, ...]) -> Branch:
    """The top-level sections named; of two configurations only one may have a section."""
    wanted = {name.partition(".")[0] for name in names}
    return Branch({key: found for key, found in top.entries.items() if key in wanted})


def _refuse_names(names: tuple[str, ...], option: str) -> None:
    if names:
        raise click.UsageError(f"{option} takes no sections")


def _section(data: dict[str, object]) -> UclObject:
    return UclObject({key: [_node(value)] for key, value in data.items()})


def _node(value: object) -> UclNode:
    return _section(value) if isinstance(value, dict) else value_node(value)


def _emit_yaml() -> Callable[[UclNode], str]:
    """The emitter of YAML."""
    from filter_engine.ucl.yaml_emitter import emit_yaml  # seldom asked

    return emit_yaml
