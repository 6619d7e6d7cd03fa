"""Why a regexp rule of a site is left out."""

from __future__ import annotations

from typing import Final

from filter_engine.checks.taken_symbols import owner_of
from filter_engine.ucl.nodes import UclNode, UclObject

_MODULE: Final = "regexp"


def fault_of(name: str, *, has_expression: bool, written: list[UclNode]) -> tuple[str, str] | None:
    """What is wrong with a rule as a whole, and what to write; None for one that can be used."""
    keys = {key for node in written if isinstance(node, UclObject) for key in node.entries}
    if "condition" in keys:
        return (
            "its condition is Lua, which is not run, and without it the rule would fit mail it is "
            "not meant for",
            "write the condition as functions in re, or the rule in Python (rules.d)",
        )
    if not has_expression:
        if keys & {"re", "expression"}:
            return None  # told where it was read
        if "lua" in keys:
            return "it is written in Lua, which is not run", "write re = '/pattern/i{mime}'"
        return "it has no re", "write re = 'Subject=/pattern/i'"
    owner = owner_of(name, _MODULE)
    if owner is not None:
        return (
            f"{name} is the symbol of the check {owner}",
            "give the rule a name of its own",
        )
    return None
