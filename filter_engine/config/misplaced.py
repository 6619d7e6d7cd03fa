"""Names that are right elsewhere: braces too many, another section's option, a comment, a macro."""

from __future__ import annotations

import re
from functools import cache

from filter_engine.config.layers import MAIN_FILES
from filter_engine.ucl.nodes import UclNode, UclObject

_KIND = re.compile(r"worker '(\w+)'\Z")


def misplaced(key: str, value: UclNode, name: str) -> str:
    """What to write instead of an unknown ``key`` of the section ``name``; empty when unknown."""
    if key.startswith(("//", "--")):
        return "comments begin with #, or stand between /* and */"
    if key.lstrip(".") in ("include", "load", "priority", "try_include"):
        return f'write a dot before it: .{key} "FILE"'
    if isinstance(value, UclObject):
        return inside_already(key, name)
    homes = [place for place in _homes().get(key, ()) if place[0] != name]
    if homes and (name in _sections() or _KIND.match(name)):
        return f"it is an option of {' and '.join(f'{home} ({file})' for home, file in homes)}"
    return ""


def inside_already(key: str, name: str) -> str:
    """The hint for a section of its own name in itself: ``options { }`` in options.inc."""
    first = name.partition(" ")[0]
    if key not in (name, first, first.rpartition(".")[2]):
        return ""
    shown = name.replace("'", '"')
    return (
        f"the file is already inside {shown} {{ }}: remove these braces and what stands before "
        f"them, or write it so in {MAIN_FILES[0]}"
    )


@cache
def _sections() -> dict[str, tuple[str, type]]:
    """Name in findings -> (file of a site, class) of the engine's own sections."""
    from filter_engine.config.declared import CORE  # it is built on this module

    found: dict[str, tuple[str, type]] = {}
    for core in CORE:
        if not core.named:
            first, _, kind = core.name.partition(".")
            found[f"{first} {kind!r}" if kind else first] = (core.file, core.schema)
    return found


@cache
def _homes() -> dict[str, tuple[tuple[str, str], ...]]:
    """Option -> (section, file) of each of the engine's own sections that has it."""
    from filter_engine.config.schema import options_of

    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for name, (file, cls) in _sections().items():
        for option in options_of(cls):
            for key in (option.key, *option.aliases):
                found[key] = (*found.get(key, ()), (name, file))
    return found
