"""Names of symbols and groups."""

from __future__ import annotations

from collections.abc import Iterator

from filter_engine.config.findings import Finding, Severity
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Place, Situation

_APPLIED = ("scores", "symbols_enabled", "symbols_disabled")


@rule(
    "unknown-symbol",
    doc="No check, composite or rule sets a symbol of this name: a score for it, a composite or a "
    "settings rule with it has no effect. A note where it is a symbol of Rspamd's that this "
    "engine does not set.",
)
def unknown_symbol(situation: Situation) -> Iterator[Finding]:
    """Scores, composites and what settings apply; misspelt names above all."""
    for name, at, where in _symbols(situation):
        # of a site that names none the symbols need not be known
        if situation.is_shipped(at):
            continue
        names = situation.names
        if names is None:
            return
        if names.has_symbol(name):
            continue
        if names.is_foreign(name):
            yield situation.finding(
                "unknown-symbol",
                at,
                f"{where}: {name} is Rspamd's; nothing in this engine sets it",
                "it may stay: it does no harm",
                Severity.INFO,
            )
            continue
        near = names.near_symbol(name)
        yield situation.finding(
            "unknown-symbol",
            at,
            f"{where}: nothing sets a symbol {name!r}",
            f"did you mean {near!r}?" if near else _LIST.format("--symbol-details"),
        )


@rule(
    "unknown-group",
    doc="No symbol is in a group of this name: switching it off, a limit for it, a composite or a "
    "settings rule with it has no effect.",
)
def unknown_group(situation: Situation) -> Iterator[Finding]:
    """A group that a site makes by putting symbols into it is known."""
    for name, at, where in _groups(situation):
        if situation.is_shipped(at):
            continue
        names = situation.names
        if names is None:
            return
        if not names.has_group(name):
            near = names.near_group(name)
            yield situation.finding(
                "unknown-group",
                at,
                f"{where}: no symbol is in a group {name!r}",
                f"did you mean {near!r}?" if near else _LIST.format("--groups"),
            )


_LIST = "filter-engine configdump {} lists them"


def _symbols(situation: Situation) -> Iterator[tuple[str, Place, str]]:
    """(name, where it is written, in what) of each symbol that a site names."""
    config = situation.config
    for name, said in config.symbols.items():
        for at in said.origins.values():
            yield name, at, "symbols"
            break
    for name, composite in config.composites.items():
        for atom in composite.expression.atoms if composite.expression else ():
            if not atom.group:
                yield atom.name, composite.origin("expression"), f"composite {name!r}"
    for module in config.modules.values():
        for expression, at, where in module.expressions():
            for atom in expression.atoms:
                if not atom.group:
                    yield atom.name, at, where
    for name, rule_ in config.settings.items():
        for option in _APPLIED:
            for symbol in getattr(rule_.apply, option):
                yield symbol, rule_.apply.origin(option), f"settings.{name}"


def _groups(situation: Situation) -> Iterator[tuple[str, Place, str]]:
    """(name, where it is written, in what) of each group that a site names."""
    config = situation.config
    for name, group in config.groups.items():
        for at in group.origins.values():
            yield name, at, "group"
            break
    for name, composite in config.composites.items():
        for atom in composite.expression.atoms if composite.expression else ():
            if atom.group:
                yield atom.name, composite.origin("expression"), f"composite {name!r}"
    for module in config.modules.values():
        for expression, at, where in module.expressions():
            for atom in expression.atoms:
                if atom.group:
                    yield atom.name, at, where
    for name, rule_ in config.settings.items():
        for option in ("groups_enabled", "groups_disabled"):
            for word in getattr(rule_.apply, option):
                yield word, rule_.apply.origin(option), f"settings.{name}"
