"""What shells complete: the script of each, which asks the program itself (click).

``filter-engine completion SHELL`` prints one; ``filter-engine manual`` installs all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from filter_engine.cli.program import PROGRAM, VARIABLE

if TYPE_CHECKING:
    from filter_engine.config.model import Config

SHELLS: Final = {
    "bash": "bash-completion/completions/filter-engine",
    "zsh": "zsh/vendor-completions/_filter-engine",
    "fish": "fish/vendor_completions.d/filter-engine.fish",
}
"""Shell -> where it looks for the script, below ``/usr/share`` (Debian)."""


def script(shell: str) -> str:
    """The script of a shell, one of ``SHELLS``."""
    found = get_completion_class(shell)
    assert found is not None
    made: ShellComplete = found(click.Group(), {}, PROGRAM, VARIABLE)
    return made.source_template.lstrip() % made.source_vars()  # source() looks for a shell


def complete_group(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Groups of symbols that the built-in checks have."""
    from filter_engine import checks
    from filter_engine.scan.declare import REGISTRY

    checks.load()
    begin = incomplete.lower()
    names = sorted(REGISTRY.groups(), key=str.lower)
    return [CompletionItem(name) for name in names if name.lower().startswith(begin)]


def complete_key(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Dotted names of options, a section at a time; symbols behind ``symbols.``."""
    names = _symbol_keys() if incomplete.startswith("symbols.") else _option_keys(ctx)
    found = _next(names, incomplete)
    while len(found) == 1 and found[0].endswith("."):  # a shell would put a space behind it
        deeper = _next(names, found[0])
        if not deeper:
            break
        found = deeper
    return [CompletionItem(name) for name in found]


def _next(names: Iterable[str], incomplete: str) -> list[str]:
    """The names that begin so, each up to its next dot."""
    found: dict[str, None] = {}
    for name in names:
        if name.startswith(incomplete) and name != incomplete:
            rest, dot, _ = name[len(incomplete) :].partition(".")
            found[incomplete + rest + dot] = None
    return list(found)


def _symbol_keys() -> list[str]:
    from filter_engine import checks
    from filter_engine.scan.declare import REGISTRY

    checks.load()
    names = {symbol.name for _, symbol in REGISTRY.symbols()}
    return [f"symbols.{name}" for name in sorted(names)]


def _config(ctx: click.Context) -> Config | None:
    """The configuration that the command line names; None where it cannot be used."""
    from filter_engine.cli.loading import load_with_rules
    from filter_engine.config.findings import ConfigError

    try:
        return load_with_rules(ctx.params.get("config_file"), ctx.params.get("variables") or {})
    except ConfigError:
        return None


def _option_keys(ctx: click.Context) -> list[str]:
    return sorted({"symbols.", *(name for name, is_section in _names(ctx) if not is_section)})


def _names(ctx: click.Context) -> Iterator[tuple[str, bool]]:
    """Dotted name of each section and each option, and whether it is a section."""
    from filter_engine.config.effective import Branch, effective

    config = _config(ctx)
    open_ = [("", effective(config))] if config is not None else []
    while open_:
        above, branch = open_.pop()
        for key, entries in branch.entries.items():
            for entry in entries:
                yield f"{above}{key}", isinstance(entry, Branch)
                if isinstance(entry, Branch):
                    open_.append((f"{above}{key}.", entry))


def complete_section(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Dotted names of sections, no deeper than what is begun."""
    depth = incomplete.count(".")
    return _items(
        (n for n, is_section in _names(ctx) if is_section and n.count(".") == depth), incomplete
    )


def complete_page(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Commands, each of which has a manual page."""
    group = ctx.find_root().command
    assert isinstance(group, click.Group)
    return _items(group.list_commands(ctx), incomplete)


def complete_code(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Codes of findings that may be ignored; of a comma list the last."""
    from filter_engine import lint

    before, comma, begun = incomplete.rpartition(",")
    return [
        CompletionItem(f"{before}{comma}{code}")
        for code in lint.ignorable()
        if code.startswith(begun)
    ]


def complete_classifier(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Classifiers of the configuration."""
    from filter_engine.training.teacher import NothingToTeachError, chosen

    config = _config(ctx)
    try:
        known = chosen(config) if config is not None else ()
    except NothingToTeachError:
        known = ()
    return _items((one.options.name for one in known), incomplete)


def complete_rule(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Rules of fuzzy_check."""
    config = _config(ctx)
    rules = getattr(config.modules.get("fuzzy_check"), "rule", {}) if config is not None else {}
    return _items(rules, incomplete)


def _items(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in sorted(set(names)) if name.startswith(incomplete)]


@click.command()
@click.argument("shell", type=click.Choice(tuple(SHELLS)))
def completion(shell: str) -> None:
    """Print the script with which SHELL completes commands, options, files and names.

    For one session of bash: source <(filter-engine completion bash). For all users:
    filter-engine manual --install /usr/share.
    """
    click.echo(script(shell))
