"""Transforms: what a selector does with the texts it has. Names and meaning are Rspamd's."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final, TypeAlias

from filter_engine.dns.names import organisational_domain
from filter_engine.lazy_dataclass import frozen
from filter_engine.matching import PatternError, PatternSet, parse_slashed
from filter_engine.selectors.digest import ENCODINGS, HASHES, digest_of
from filter_engine.selectors.items import FIELDS, Element, Value, text_of
from filter_engine.selectors.parser import Argument

if TYPE_CHECKING:
    from filter_engine.maps.map import Map

Apply: TypeAlias = "Callable[[Value], Value]"
Build: TypeAlias = "Callable[[Sequence[Argument], Mapping[str, Map]], Apply]"
"""Makes a transform of its arguments; raises ``ValueError`` for those that do not fit."""
OfText: TypeAlias = "Callable[[str], str | list[str] | None]"
OfList: TypeAlias = "Callable[[list[Element]], Value]"


@frozen
class Transform:
    """One transform as the documentation lists it."""

    build: Build
    doc: str


def _each(make: Callable[[Sequence[Argument], Mapping[str, Map]], OfText]) -> Build:
    """A transform of a text; of a list it takes each element, and leaves out what gives nothing."""

    def build(arguments: Sequence[Argument], maps: Mapping[str, Map]) -> Apply:
        change = make(arguments, maps)

        def apply(value: Value) -> Value:
            if not isinstance(value, list):
                changed = None if value is None else change(text_of(value))
                return list(changed) if isinstance(changed, list) else changed
            made: list[Element] = []
            for element in value:
                changed = change(text_of(element))
                if isinstance(changed, list):
                    made.extend(changed)
                elif changed is not None:
                    made.append(changed)
            return made

        return apply

    return build


def _whole(make: Callable[[Sequence[Argument]], OfList]) -> Build:
    """A transform of a list; there is nothing it could do with a text alone."""

    def build(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Apply:
        change = make(arguments)
        return lambda value: change(value) if isinstance(value, list) else None

    return build


def _no_arguments(change: OfText) -> Build:
    def make(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> OfText:
        if arguments:
            raise ValueError("it takes no arguments")
        return change

    return _each(make)


def _texts(arguments: Sequence[Argument], least: int, most: int) -> list[str]:
    words = [argument for argument in arguments if isinstance(argument, str)]
    if len(words) != len(arguments) or not least <= len(words) <= most:
        raise ValueError(f"it takes {least} to {most} texts")
    return words


def _numbers(arguments: Sequence[Argument], least: int, most: int) -> list[int]:
    words = _texts(arguments, least, most)
    try:
        return [int(word[:9]) for word in words]
    except ValueError:
        raise ValueError("its arguments are numbers") from None


def _nth(arguments: Sequence[Argument]) -> OfList:
    number = (_numbers(arguments, 0, 1) or [1])[0]
    return lambda items: items[number - 1] if 0 < number <= len(items) else None


def _take(arguments: Sequence[Argument]) -> OfList:
    number = (_numbers(arguments, 0, 1) or [1])[0]
    return lambda items: items[: max(number, 0)]


def _drop(arguments: Sequence[Argument]) -> OfList:
    number = (_numbers(arguments, 0, 1) or [1])[0]
    return lambda items: items[max(number, 0) :]


def _join(arguments: Sequence[Argument]) -> OfList:
    between = (_texts(arguments, 0, 1) or [""])[0]
    return lambda items: between.join(map(text_of, items))


def _join_tables(arguments: Sequence[Argument]) -> OfList:
    between = (_texts(arguments, 0, 1) or [""])[0]
    return lambda items: [
        between.join(item) if isinstance(item, tuple) else text_of(item) for item in items
    ]


def _apply_methods(arguments: Sequence[Argument]) -> OfList:
    names = _texts(arguments, 1, 10)
    known = {name for fields in FIELDS.values() for name in fields}
    for name in names:
        if name not in known:
            raise ValueError(f"no field {name!r}")

    def apply(items: list[Element]) -> Value:
        made: list[Element] = []
        for item in items:
            fields = FIELDS.get(type(item), {})
            texts = [fields[name](item) or "" for name in names if name in fields]
            made.append(tuple(text for text in texts if isinstance(text, str)))
        return made

    return apply


def _digest(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> OfText:
    words = _texts(arguments, 0, 2)
    encoding, name = ([*words, "hex", "blake2"][:2]) if not words else (*words, "blake2")[:2]
    if encoding not in ENCODINGS:
        raise ValueError(f"{encoding!r} is not one of {', '.join(ENCODINGS)}")
    if name not in HASHES:
        raise ValueError(f"{name!r} is not one of {', '.join(HASHES)}")
    return lambda text: digest_of(text.encode("utf-8", "surrogateescape"), encoding, name)


def _substring(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> OfText:
    first, last = ([*_numbers(arguments, 0, 2), 1, -1][:2]) if not arguments else _ends(arguments)

    def cut(text: str) -> str:
        start = first - 1 if first > 0 else max(len(text) + first, 0) if first else 0
        end = last if last >= 0 else len(text) + last + 1
        return text[start : max(end, 0)]

    return cut


def _ends(arguments: Sequence[Argument]) -> tuple[int, int]:
    numbers = _numbers(arguments, 1, 2)
    return numbers[0], numbers[1] if len(numbers) > 1 else -1


def _prepend(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> OfText:
    before = "".join(_texts(arguments, 1, 10))
    return lambda text: before + text


def _append(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> OfText:
    after = "".join(_texts(arguments, 1, 10))
    return lambda text: text + after


def _regexp(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> OfText:
    written = _texts(arguments, 1, 1)[0]
    try:
        patterns = PatternSet.compile([parse_slashed(written)], name="selector")
    except PatternError as error:
        raise ValueError(str(error)) from None

    def search(text: str) -> list[str] | None:
        match = patterns.search(0, text.encode("utf-8", "surrogateescape"))
        if match is None:
            return None
        groups = (match.group(), *(group or "" for group in match.groups()))
        return [
            group if isinstance(group, str) else group.decode("utf-8", "replace")
            for group in groups
        ]

    return search


def _map(arguments: Sequence[Argument], maps: Mapping[str, Map]) -> Map:
    name = _texts(arguments, 1, 1)[0]
    found = maps.get(name)
    if found is None:
        raise ValueError(f"no map {name!r}; known: {', '.join(maps) or 'none'}")
    return found


def _filter_map(arguments: Sequence[Argument], maps: Mapping[str, Map]) -> OfText:
    entries = _map(arguments, maps)
    return lambda text: text if text in entries else None


def _except_map(arguments: Sequence[Argument], maps: Mapping[str, Map]) -> OfText:
    entries = _map(arguments, maps)
    return lambda text: None if text in entries else text


def _apply_map(arguments: Sequence[Argument], maps: Mapping[str, Map]) -> OfText:
    return _map(arguments, maps).get


def _id(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Apply:
    words: list[Element] = list(_texts(arguments, 0, 100))
    value: Value = words if len(words) > 1 else words[0] if words else ""
    return lambda _value: list(value) if isinstance(value, list) else value


def _in(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> OfText:
    words = frozenset(_texts(arguments, 1, 1000))
    return lambda text: text if text in words else None


def _not_in(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> OfText:
    words = frozenset(_texts(arguments, 1, 1000))
    return lambda text: None if text in words else text


def _inverse(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> Apply:
    otherwise = (_texts(arguments, 0, 1) or ["true"])[0]
    return lambda value: otherwise if value in (None, "", []) else None


def _ipmask(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> OfText:
    numbers = _numbers(arguments, 1, 2)
    if any(number < 0 for number in numbers) or numbers[0] > 128:
        raise ValueError("a mask is from 0 to 32, or to 128 for IPv6")

    def mask(text: str) -> str | None:
        try:
            address = ip_address(text)
            bits = numbers[0] if address.version == 4 else numbers[-1]
            return str(ip_network((address, bits), strict=False).network_address)
        except ValueError:
            return None

    return mask


def _to_ascii(arguments: Sequence[Argument], _maps: Mapping[str, Map]) -> OfText:
    instead = (_texts(arguments, 0, 1) or ["?"])[0]

    def replace(text: str) -> str:
        return "".join(char if ord(char) < 128 else instead * len(char.encode()) for char in text)

    return replace


def _pack_numbers(arguments: Sequence[Argument]) -> OfList:
    form = (_texts(arguments, 0, 1) or ["f"])[0]
    if form not in ("f", "d"):
        raise ValueError("numbers are packed as f or d")

    def pack(items: list[Element]) -> Value:
        try:
            numbers = [float(text_of(item)) for item in items]
            return struct.pack(f"<{len(numbers)}{form}", *numbers).decode("latin-1")
        except (ValueError, OverflowError, struct.error):
            return None

    return pack


def _unique(items: list[Element]) -> Value:
    return list(dict.fromkeys(map(text_of, items)))


def _without_nils(items: list[Element]) -> Value:
    return [item for item in map(text_of, items) if item != "nil"]


def _sorted(items: list[Element]) -> Value:
    return [*sorted(map(text_of, items))]


def _fixed(change: OfList) -> Build:
    def make(arguments: Sequence[Argument]) -> OfList:
        if arguments:
            raise ValueError("it takes no arguments")
        return change

    return _whole(make)


TRANSFORMS: Final[Mapping[str, Transform]] = {
    "lower": Transform(_no_arguments(str.lower), "in lower case"),
    "lower_utf8": Transform(_no_arguments(str.lower), "in lower case"),
    "first": Transform(_fixed(lambda items: items[0] if items else None), "first element"),
    "last": Transform(_fixed(lambda items: items[-1] if items else None), "last element"),
    "nth": Transform(_whole(_nth), "element by number, from 1"),
    "take_n": Transform(_whole(_take), "the first elements"),
    "drop_n": Transform(_whole(_drop), "all but the first elements"),
    "join": Transform(_whole(_join), "one text, with the argument between the elements"),
    "sort": Transform(_fixed(_sorted), "elements in order"),
    "uniq": Transform(_fixed(_unique), "each element once"),
    "filter_string_nils": Transform(
        _fixed(_without_nils),
        "without elements that are `nil`",
    ),
    "apply_methods": Transform(_whole(_apply_methods), "several fields of each element"),
    "join_tables": Transform(
        _whole(_join_tables), "the fields of each element as one text, with the argument between"
    ),
    "pack_numbers": Transform(_whole(_pack_numbers), "numbers as octets"),
    "digest": Transform(
        _each(_digest),
        "digest: encoding (hex, base32, rbase32, base64), hash (blake2, sha1, sha256, sha512, md5)",
    ),
    "substring": Transform(_each(_substring), "from and to, from 1; negative: from the end"),
    "prepend": Transform(_each(_prepend), "arguments before the text"),
    "append": Transform(_each(_append), "arguments after the text"),
    "regexp": Transform(_each(_regexp), "what a regular expression finds, then its groups"),
    "match": Transform(_each(_regexp), "the same"),
    "filter_map": Transform(_each(_filter_map), "only what is in a map"),
    "except_map": Transform(_each(_except_map), "only what is not in a map"),
    "apply_map": Transform(_each(_apply_map), "the value in a map"),
    "id": Transform(_id, "its arguments instead"),
    "equal": Transform(_each(_in), "only the text that is equal to the argument"),
    "in": Transform(_each(_in), "only what is among the arguments"),
    "not_in": Transform(_each(_not_in), "only what is not among the arguments"),
    "inverse": Transform(_inverse, "the argument, or `true`, instead of nothing; else nothing"),
    "ipmask": Transform(_each(_ipmask), "address with a mask for IPv4 and one for IPv6"),
    "to_ascii": Transform(_each(_to_ascii), "`?` or the argument for octets that are not ASCII"),
    "get_tld": Transform(_no_arguments(organisational_domain), "registrable domain of a host"),
}
