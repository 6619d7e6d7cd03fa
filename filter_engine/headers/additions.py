"""Headers that a site writes down to be added or removed, in ``milter_headers`` and in settings.

``{ "X-Site" = "text"; "X-Other" { value = "text"; order = 1; }; "X-Third" = ["a", "b"]; }`` adds,
``{ "X-Spam" = 0; "Received" = [1, 2]; }`` removes: 0 all of the name, n the n-th, -1 the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from filter_engine.config.kinds import STRING, merged_object, text_of
from filter_engine.config.schema import Binder, Kind, MisfitError
from filter_engine.headers.fold import fold_width
from filter_engine.scan.verdict import AddHeader, RemoveHeader
from filter_engine.ucl.nodes import UclNode, to_python

MAX_VALUE: Final = 8_192
"""Characters of one header that a site writes."""
_MAX_INDEX: Final = 10_000


def header_name(text: str) -> str:
    """The text, if it is a header field name (RFC 5322, section 2.2); raises ValueError."""
    if not text or len(text) > 200 or not all("!" <= c <= "~" and c != ":" for c in text):
        raise ValueError(f"{text[:40]!r} is no header name")
    return text


def additions(written: Mapping[str, Any], order: int = -1) -> tuple[AddHeader, ...]:
    """The headers to add; ``order`` where none is written. Raises ValueError for what is none."""
    return tuple(
        header for name, value in written.items() for header in _additions(name, value, order)
    )


def _additions(name: str, value: Any, order: int) -> Iterator[AddHeader]:
    header_name(name)
    if isinstance(value, list):
        for item in value:
            yield from _additions(name, item, order)
        return
    if isinstance(value, Mapping):
        order = value.get("order", order)
        value = value.get("value")
    if isinstance(order, bool) or not isinstance(order, int) or abs(order) > _MAX_INDEX:
        raise ValueError(f"{name}: {order!r} is no place of a header")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(  # noqa: TRY004  # what a site wrote, no argument of a programmer's
            f"{name}: expected a text or {{ value = ...; order = ...; }}"
        )
    text = str(value)
    if not text.isprintable() or len(text) > MAX_VALUE:
        raise ValueError(f"{name}: a header is one line of at most {MAX_VALUE} characters")
    yield AddHeader(name, fold_width(name, text), order)


def removals(written: Mapping[str, Any]) -> tuple[RemoveHeader, ...]:
    """The headers to remove. Raises ValueError for what is none."""
    return tuple(
        RemoveHeader(header_name(name), index)
        for name, value in written.items()
        for index in (value if isinstance(value, list) else [value])
        if _is_index(name, index)
    )


def _is_index(name: str, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_INDEX:
        raise ValueError(f"{name}: {value!r:.40} is no number of a header: 0 all, 1 the first")
    return True


def _headers(check: Callable[[Mapping[str, Any]], object], hint: str) -> Kind[Mapping[str, Any]]:
    def convert(nodes: list[UclNode], _binder: Binder) -> Mapping[str, Any]:
        found = to_python(merged_object(nodes))
        assert isinstance(found, dict)
        try:
            check(found)
        except ValueError as error:
            raise MisfitError(str(error), hint) from None
        return MappingProxyType(found)

    return Kind("section", convert, multiple=True)


def _name(nodes: list[UclNode], _binder: Binder) -> str:
    text = text_of(nodes[0])
    try:
        return header_name(text) if text else ""
    except ValueError as error:
        raise MisfitError(str(error), "write it without the colon") from None


def _indices(nodes: list[UclNode], _binder: Binder) -> tuple[int, ...]:
    written: list[Any] = [to_python(node) for node in nodes]
    flat: list[Any] = [
        item for value in written for item in (value if isinstance(value, list) else [value])
    ]
    try:
        return tuple(index for index in flat if index is not None and _is_index("remove", index))
    except ValueError as error:
        raise MisfitError(str(error), "0 all, 1 the first, -1 the last, null none") from None


#: Empty: no header.
HEADER_NAME: Kind[str] = Kind("header name", _name)
#: Which of the headers of a name: 0 all, n the n-th, -1 the last; null none.
HEADER_INDICES: Kind[tuple[int, ...]] = Kind("number or list of them", _indices, multiple=True)
#: Header -> text, for ``additions``.
ADDITIONS: Kind[Mapping[str, Any]] = _headers(additions, 'write "X-Name" = "text";')
#: Header -> which, for ``removals``.
REMOVALS: Kind[Mapping[str, Any]] = _headers(removals, 'write "X-Name" = 0;')
NO_HEADERS: Mapping[str, Any] = MappingProxyType({})


def _printable(nodes: list[UclNode], binder: Binder) -> str:
    text = STRING.convert(nodes, binder)
    if not text.isprintable() or len(text) > MAX_VALUE:
        raise MisfitError("expected a text without line breaks")
    return text


#: A text that goes into a header.
HEADER_TEXT: Kind[str] = Kind("string", _printable)
