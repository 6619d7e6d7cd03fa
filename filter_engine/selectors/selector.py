"""Compiling a selector and asking it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from filter_engine.lazy_dataclass import frozen
from filter_engine.selectors.extractors import EXTRACTORS, NOT_SERVED, Extractor
from filter_engine.selectors.items import FIELDS, Element, Field, Value, text_of
from filter_engine.selectors.parser import Call, Expression, SelectorError, parse
from filter_engine.selectors.transforms import TRANSFORMS

if TYPE_CHECKING:
    from filter_engine.maps.map import Map
    from filter_engine.scan.task import Task

MAX_VALUES: Final = 10_000
"""Texts of one expression."""
_NO_MAPS: Final[Mapping[str, Map]] = MappingProxyType({})

_Read: TypeAlias = "Callable[[Task], Value]"


@frozen
class Selector:
    """A compiled selector; it holds nothing of any message."""

    text: str
    delimiter: str
    needs: frozenset[str]
    """Checks whose results it reads; ask for them first."""
    late: bool
    """It reads symbols, so it can be asked only after the checks that set them."""
    _reads: tuple[_Read, ...]

    def values(self, task: Task) -> tuple[str, ...]:
        """The texts it gives; none when any of its expressions finds nothing.

        Several expressions are joined with the delimiter: text by text where they give lists, as
        long as the shortest; a single text stands beside each.
        """
        found = self._found(task)
        if found is None:
            return ()
        lists = [items for items in found if isinstance(items, list)]
        if not lists:
            return (self.delimiter.join(item for item in found if isinstance(item, str)),)
        if len(found) == 1:
            return tuple(lists[0])
        number = min(map(len, lists))
        columns = [item if isinstance(item, list) else [item] * number for item in found]
        return tuple(map(self.delimiter.join, zip(*columns, strict=False)))

    def flat(self, task: Task) -> tuple[str, ...]:
        """The texts of all its expressions, one after another."""
        found = self._found(task) or []
        return tuple(
            text for item in found for text in (item if isinstance(item, list) else [item])
        )

    def _found(self, task: Task) -> list[str | list[str]] | None:
        found: list[str | list[str]] = []
        for read in self._reads:
            value = read(task)
            if value is None:
                return None
            if isinstance(value, list):
                found.append([text_of(element) for element in value[:MAX_VALUES]])
            else:
                found.append(text_of(value))
        return found


def compile_selector(
    text: str, *, delimiter: str = "", maps: Mapping[str, Map] = _NO_MAPS
) -> Selector:
    """Compile a selector; ``maps`` are those that ``filter_map`` and the like may name.

    Raises ``SelectorError``, which says what is wrong and where.
    """
    expressions = parse(text)
    reads, needs, late = [], set[str](), False
    for expression in expressions:
        extractor = _known(expression.extractor, text)
        needs.update(extractor.needs)
        late = late or extractor.late
        reads.append(_compiled(expression, extractor, text, maps))
    return Selector(text, delimiter, frozenset(needs), late, tuple(reads))


def _known(call: Call, text: str) -> Extractor:
    found = EXTRACTORS.get(call.name)
    if found is not None:
        return found
    if call.name in NOT_SERVED:
        raise SelectorError(
            f"the extractor {call.name} is Rspamd's; this engine does not have it",
            text,
            call.column,
        )
    raise SelectorError(
        f"no extractor {call.name!r}{_close(call.name, EXTRACTORS)}", text, call.column
    )


def _close(name: str, known: Mapping[str, object]) -> str:
    from difflib import get_close_matches  # most configurations have no mistake

    found = get_close_matches(name, known, n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def _compiled(
    expression: Expression, extractor: Extractor, text: str, maps: Mapping[str, Map]
) -> _Read:
    try:
        read = extractor.build(expression.extractor.arguments, maps)
    except ValueError as error:
        name = expression.extractor.name
        raise SelectorError(f"{name}: {error}", text, expression.extractor.column) from None
    steps: list[Callable[[Value], Value]] = []
    if expression.method is not None:
        steps.append(_field(expression.method, extractor, text))
    for call in expression.transforms:
        transform = TRANSFORMS.get(call.name)
        if transform is None:
            message = f"no transform {call.name!r}{_close(call.name, TRANSFORMS)}"
            raise SelectorError(message, text, call.column)
        try:
            steps.append(transform.build(call.arguments, maps))
        except ValueError as error:
            raise SelectorError(f"{call.name}: {error}", text, call.column) from None
    inverse = any(call.name == "inverse" for call in expression.transforms)

    def value(task: Task) -> Value:
        found = read(task)
        for step in steps:
            if found is None and not inverse:
                return None
            found = step(found)
        return found

    return value


def _field(call: Call, extractor: Extractor, text: str) -> Callable[[Value], Value]:
    fields = FIELDS.get(extractor.gives, {}) if extractor.gives is not None else {}
    field = fields.get(call.name)
    if field is None:
        known = f"known: {', '.join(fields)}" if fields else "it gives plain texts"
        raise SelectorError(f"no field {call.name!r}; {known}", text, call.column)
    return lambda value: _taken(value, field)


def _taken(value: Value, field: Field) -> Value:
    if value is None:
        return None
    if not isinstance(value, list):
        found = field(value)
        return list(found) if isinstance(found, tuple) else found
    texts: list[Element] = []
    for element in value:
        found = field(element)
        if isinstance(found, tuple):
            texts.extend(found)
        elif found is not None:
            texts.append(found)
    return texts
