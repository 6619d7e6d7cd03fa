"""The condition of settings that a selector makes.

Selectors live above this room: whoever loads the checks hands down what compiles them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from filter_engine.config.kinds import text_of
from filter_engine.config.schema import Binder, Kind, MisfitError
from filter_engine.ucl.nodes import UclNode

Values = Callable[[Any], Sequence[str]]
"""Gives the texts that a selector picks out of a task."""
Compile = Callable[[str], Values]
"""Compiles a selector; raises ValueError for one that cannot be used."""


def _nothing(_task: Any) -> Sequence[str]:
    return ()


def _not_known(_text: str) -> Values:
    return _nothing


_compile: Compile = _not_known


def hand_down(compile_: Compile) -> None:
    """Say what compiles selectors, for every configuration that is read from now on."""
    global _compile  # noqa: PLW0603  # one process, one language of selectors
    _compile = compile_


class SelectorCondition:
    """A selector that has to give something; two of the same text are equal."""

    __slots__ = ("text", "values")

    def __init__(self, text: str, values: Values) -> None:
        self.text = text
        self.values = values

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SelectorCondition) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


def _selector(nodes: list[UclNode], _binder: Binder) -> SelectorCondition:
    text = text_of(nodes[0]).strip()
    try:
        return SelectorCondition(text, _compile(text))
    except ValueError as error:
        raise MisfitError(str(error), "docs/selectors.md lists what there is") from None


SELECTOR_CONDITION: Kind[SelectorCondition] = Kind("selector", _selector)
