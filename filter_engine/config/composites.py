"""``composites { NAME { ... } }``: symbols made of other symbols."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from filter_engine.config.expression import Expression, ExpressionError, parse_expression
from filter_engine.config.findings import Severity
from filter_engine.config.kinds import BOOLEAN, NUMBER, STRING, merged_object, one_of, text_of
from filter_engine.config.misplaced import inside_already
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import (
    Binder,
    Kind,
    MisfitError,
    Section,
    bind,
    option,
)
from filter_engine.ucl.nodes import UclNode, UclObject

GROUP = "composite"
"""The group of a composite that names none."""


def _expression(nodes: list[UclNode], _binder: Binder) -> Expression:
    try:
        return parse_expression(text_of(nodes[0]))
    except ExpressionError as error:
        raise MisfitError(str(error), "write for example A & !(B | g:GROUP)") from None


EXPRESSION: Kind[Expression] = Kind("expression", _expression)


@options_class
class CompositeConfig(Section):
    """``composites.NAME``: when it is set, what it weighs, and what becomes of its parts."""

    anchor: ClassVar[str] = "configuration/composites"

    expression: Expression | None = option(EXPRESSION, None, doc="when the composite is set")
    score: float = option(NUMBER, 0.0, doc="score of the composite")
    group: str = option(STRING, GROUP, doc="its group", aliases=("groups",))
    description: str = option(STRING, "", doc="what it means")
    policy: str = option(
        one_of("default", "remove_all", "remove_symbol", "remove_weight", "leave"),
        "remove_all",
        doc="what becomes of the symbols that made it: default is remove_all",
    )
    enabled: bool = option(BOOLEAN, True, doc="whether it is looked at")


def bind_composites(root: UclObject, binder: Binder) -> Mapping[str, CompositeConfig]:
    """The composites of ``composites { }`` and of ``composite "NAME" { }``, by name."""
    found: dict[str, CompositeConfig] = {}
    for key in ("composites", "composite"):
        try:
            named = merged_object(root.values(key)) if key in root else UclObject()
        except MisfitError as misfit:
            at = misfit.node or root.values(key)[0]
            binder.report(Severity.ERROR, "wrong-type", at, f"{key}: {misfit}", misfit.hint)
            continue
        for name, values in named.entries.items():
            made = _bind_one(name, values, binder)
            if made is not None:
                found[name] = made
    _report_loops(found, root, binder)
    return MappingProxyType(found)


def _bind_one(name: str, values: list[UclNode], binder: Binder) -> CompositeConfig | None:
    where = f"composite {name!r}"
    if name in ("enabled", "disabled"):  # the switch of the module, which is none here
        return None
    try:
        node = merged_object(values)
    except MisfitError as misfit:
        at = misfit.node or values[0]
        binder.report(Severity.ERROR, "wrong-type", at, f"{where}: {misfit}", misfit.hint)
        return None
    if "expression" not in node and (braces := inside_already(name, "composites")):
        binder.report(
            Severity.WARNING,
            "no-effect",
            values[0],
            "composites in composites: none is set",
            braces,
        )
        return None
    made = bind(CompositeConfig, node, binder, where)
    if "expression" not in node:
        binder.report(
            Severity.WARNING,
            "no-effect",
            values[0],
            f"{where} has no expression: it is never set",
            'write expression = "A & B";',
        )
        return None
    return made


def _report_loops(found: Mapping[str, CompositeConfig], root: UclObject, binder: Binder) -> None:
    """A composite that needs itself could never be settled."""
    for name in found:
        path = _loop(name, found)
        if path:
            at = next(node for key in ("composites", "composite") for node in root.values(key))
            for section in root.values("composites"):
                if isinstance(section, UclObject) and name in section:
                    at = section.all(name)[0]
            binder.report(
                Severity.ERROR,
                "composite-loop",
                at,
                f"composite {name!r} needs itself: {' -> '.join(path)}",
                "take one of them out of the expression",
            )


def _loop(start: str, found: Mapping[str, CompositeConfig]) -> list[str]:
    """The way from a composite back to itself, empty when there is none."""
    came_from: dict[str, str] = {}
    queue = [start]
    for name in queue:
        expression = found[name].expression
        for atom in expression.atoms if expression else ():
            if atom.group or atom.name not in found:
                continue
            if atom.name == start:
                chain = [name]
                while chain[-1] != start:
                    chain.append(came_from[chain[-1]])
                return [*reversed(chain), start]
            if atom.name not in came_from:
                came_from[atom.name] = name
                queue.append(atom.name)
    return []
