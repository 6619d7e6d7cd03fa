"""Rmilter's configuration (rmilter.conf) as a tree of local.d files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import replace

from filter_engine.importers.outcome import Outcome
from filter_engine.importers.rmilter import (
    copies,
    general,
    policies,
    rules,
    scanners,
    signing,
    stores,
)
from filter_engine.importers.rmilter.directives import DIRECTIVES, SECTIONS
from filter_engine.importers.rmilter.grammar import (
    Block,
    Read,
    Setting,
    Statement,
    Unread,
    parse,
)
from filter_engine.importers.rmilter.site import Site

_SECTION_OF = {name: main for main, others in SECTIONS.items() for name in (main, *others)}


def import_rmilter(text: str, file: str, *, read: Read | None = None) -> Outcome:
    """Carry an rmilter.conf over.

    ``read`` gives the text of a file that ``.include`` names; without it each include is reported
    as lost. Raises ``ImportFaultError`` with file, line and column where the text has not rmilter's
    form, a directive is unknown or a value does not fit.
    """
    site = Site(file)
    statements = parse(text, file, read)
    settings: dict[tuple[str, str], Setting] = {}
    _collect(site, statements, "", settings)
    site.said = settings
    for (section, name), setting in settings.items():
        DIRECTIVES[section, name].handle(site, setting)
    for complete in (
        general.complete,
        scanners.complete,
        stores.complete,
        policies.complete,
        signing.complete,
        copies.complete,
    ):
        complete(site)
    return site.outcome()


def _collect(
    site: Site,
    statements: Iterable[Statement],
    section: str,
    settings: dict[tuple[str, str], Setting],
) -> None:
    """Put together what is written several times; the last counts, ``+=`` adds."""
    number = 0
    for statement in statements:
        if isinstance(statement, Setting):
            directive = DIRECTIVES.get((section, statement.name))
            if directive is None:
                _unknown(statement, section)
                continue
            key = (section, directive.name)
            before = settings.pop(key, None)
            if before is not None and statement.adds:
                both = (*before.values, *statement.values)
                settings[key] = replace(statement, name=directive.name, values=both)
                continue
            if before is not None:
                site.lost(before, f"written again in line {statement.place.line}, which counts")
            settings[key] = replace(statement, name=directive.name)
        elif isinstance(statement, Block):
            number += statement.name == "rule"
            _section(site, statement, section, settings, number)
        elif isinstance(statement, Unread):
            site.lost(statement, statement.reason)


def _section(
    site: Site,
    block: Block,
    outer: str,
    settings: dict[tuple[str, str], Setting],
    number: int,
) -> None:
    if outer == "dkim" and block.name == "domain":
        signing.domain(site, block)
        return
    name = _SECTION_OF.get(block.name)
    if outer or name is None:
        known = "domain" if outer == "dkim" else ", ".join(SECTIONS)
        where = f"in {outer}" if outer else "here"
        raise block.place.fault(f"unknown section {block.name} {where}", f"known: {known}")
    if name == "rule":
        rules.rule(site, block, number)
        return
    site.sections[name] = block
    _collect(site, block.statements, name, settings)


def _unknown(setting: Setting, section: str) -> None:
    names = sorted(name for where, name in DIRECTIVES if where == section)
    elsewhere = sorted(where or "the top" for where, name in DIRECTIVES if name == setting.name)
    close = difflib.get_close_matches(setting.name, names, n=1)
    if elsewhere:
        hint = f"it belongs to {', '.join(elsewhere)}"
    else:
        hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(names)}"
    where = f" in {section}" if section else ""
    raise setting.place.fault(f"unknown directive {setting.name}{where}", hint)


__all__ = ["Read", "import_rmilter"]
