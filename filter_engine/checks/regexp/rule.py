"""A regexp rule: an expression of patterns and functions that is worth a symbol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from filter_engine.checks.regexp.atoms import CallAtom, RuleError, split_atoms
from filter_engine.checks.regexp.functions import FUNCTIONS, Argument, Function
from filter_engine.checks.regexp.matcher import Matcher, Matches, Slot
from filter_engine.config.expression import Atom, Expression, ExpressionError, parse_expression
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.task import Task
from filter_engine.ucl.near import closest

_SHOWN: Final = 100
"""Characters of a rule that evidence shows."""


@frozen
class Call:
    """A function with its arguments."""

    function: Function
    name: str
    arguments: Sequence[Argument]


@frozen
class RegexpRule:
    """A rule whose patterns are in a ``Matcher``."""

    symbol: str
    expression: Expression
    atoms: dict[str, Slot | Call]
    slots: tuple[Slot, ...]
    text: str = ""
    """As it is written."""
    max_hits: int = 1
    """So often a pattern counts."""

    def value(self, task: Task, matches: Matches) -> float:
        """What the expression is worth for a message; 0 when it does not hold."""
        first = next(iter(self.atoms))
        if len(self.atoms) == 1 and self.expression.text.strip() == first:
            return self._atom(first, task, matches)

        def worth(atom: Atom) -> float:
            return self._atom(atom.name, task, matches)

        return abs(self.expression.value(worth))

    def evidence(self, matches: Matches) -> str:
        """Which pattern matched what; the rule itself where none had to."""
        found = matches.evidence(self.slots)
        if found:
            return found
        shown = self.text if len(self.text) <= _SHOWN else f"{self.text[: _SHOWN - 3]}..."
        return f"holds: {shown}"

    def _atom(self, name: str, task: Task, matches: Matches) -> float:
        atom = self.atoms[name]
        if isinstance(atom, Call):
            return float(atom.function.run(task, atom.arguments))
        if self.max_hits > 1:
            return float(matches.count(atom, self.max_hits))
        return float(matches.hit(atom))


def read_rule(
    symbol: str, text: str, matcher: Matcher, *, origin: str = "", max_hits: int = 1
) -> RegexpRule:
    """Read a rule and put its patterns into ``matcher``. Raises ``RuleError``."""
    rewritten, atoms = split_atoms(text, name=symbol, origin=origin)
    if not atoms:
        raise RuleError("there is no pattern and no function in it")
    try:
        expression = parse_expression(rewritten)
    except ExpressionError as error:
        raise RuleError(str(error)) from None
    made: dict[str, Slot | Call] = {}
    for name, atom in atoms.items():
        if isinstance(atom, CallAtom):
            made[name] = _call(atom)
        else:
            made[name] = matcher.add(atom.place, atom.pattern)
    slots = tuple(atom for atom in made.values() if isinstance(atom, Slot))
    return RegexpRule(symbol, expression, made, slots, text, max_hits)


def _call(atom: CallAtom) -> Call:
    function = FUNCTIONS.get(atom.function)
    if function is None:
        close = closest(atom.function, FUNCTIONS)
        hint = f"did you mean {close[0]}()?" if close else f"known are {', '.join(FUNCTIONS)}"
        raise RuleError(f"there is no function {atom.function}(): {hint}")
    number = len(atom.arguments)
    if not function.least <= number <= function.most:
        least, most = function.least, function.most
        wanted = str(least) if least == most else f"{least} to {most}"
        raise RuleError(f"{atom.function}() takes {wanted} arguments, not {number}")
    return Call(function, atom.function, atom.arguments)
