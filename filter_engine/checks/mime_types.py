"""Types and names of the parts and of files in archives (module mime_types)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple
from urllib.parse import unquote

from filter_engine.checks.mime_tables import (
    ARCHIVE_EXTENSIONS,
    BAD_EXTENSIONS,
    BAD_IN_ARCHIVE,
    DOCUMENT_ARCHIVES,
    KNOWN,
    OTHER_TYPES_BY_EXTENSION,
    RATED,
    REGISTERED_TREES,
    TYPES_BY_EXTENSION,
)
from filter_engine.config.kinds import BOOLEAN, NUMBER, STRING, list_of
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section, option
from filter_engine.config.tables import table_of
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps import Map, MapKind
from filter_engine.message import Part
from filter_engine.message.archive import Archive
from filter_engine.message.file_type import FileType
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_GROUP = ("mime_types",)
_NUMBERED: Final = re.compile(r"\d+[\])]?")
_SPLIT: Final = re.compile(r"\d\d\d")
_VAGUE: Final = ("text", "binary")
"""Kinds of detected types that say nothing against the type a part names."""
_HIDING: Final = re.compile("[\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad]")
"""Characters in a name that show nothing, or turn what follows around."""


@options_class
class MimeTypesOptions(Section):
    """Tables of types and extensions; each takes the place of the built-in one."""

    file: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="types and their weights: below 0 good, above 0 bad"
    )
    regexp: bool = option(BOOLEAN, False, doc="file holds regular expressions")
    extension_map: Mapping[str, tuple[str, ...]] = option(
        table_of(list_of(STRING)),
        MappingProxyType(TYPES_BY_EXTENSION),
        doc="types that fit an extension",
    )
    other_extensions_mult: float = option(
        NUMBER, 0.4, doc="weight of a type that does not fit another extension"
    )
    bad_extensions: Mapping[str, float] = option(
        table_of(NUMBER), MappingProxyType(BAD_EXTENSIONS), doc="weight by extension"
    )
    bad_archive_extensions: Mapping[str, float] = option(
        table_of(NUMBER),
        MappingProxyType(BAD_IN_ARCHIVE),
        doc="weight by extension of the only file in an archive",
    )
    archive_extensions: Mapping[str, float] = option(
        table_of(NUMBER),
        MappingProxyType(dict.fromkeys(sorted(ARCHIVE_EXTENSIONS), 1.0)),
        doc="extensions of archives",
    )
    archive_exceptions: Mapping[str, bool] = option(
        table_of(BOOLEAN),
        MappingProxyType(dict.fromkeys(sorted(DOCUMENT_ARCHIVES), True)),
        doc="extensions of archives that are not looked into",
    )
    filename_whitelist: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="regular expressions of names that are passed over"
    )
    anchor: ClassVar[str] = "modules/mime_types"
    known: ClassVar[Mapping[str, Option]] = unserved("mime_types")


@frozen
class _State:
    types: Map | None = None
    allowed: Map | None = None


def _prepare(options: MimeTypesOptions, setup: Setup) -> _State:
    of = setup.maps.of
    kind = MapKind.REGEXP if options.regexp else MapKind.HASH
    file, allowed = options.file, options.filename_whitelist
    return _State(
        None if file is None else of(file, kind, "mime_types.file"),
        None if allowed is None else of(allowed, MapKind.REGEXP, "mime_types.filename_whitelist"),
    )


class _Said(NamedTuple):
    """One thing to be said of a part."""

    symbol: str
    option: str
    weight: float
    traced: bool = True
    """It makes the part a bad one in MIME_TRACE."""


@check(
    "mime_types",
    callback="MIME_TYPES_CALLBACK",
    options=MimeTypesOptions,
    prepare=_prepare,
    symbols=(
        Symbol("MIME_TRACE", 0.0, "Each part: good (+), bad (-) or neither (~)", _GROUP),
        Symbol("MIME_GOOD", -0.1, "A type that honest mail has", _GROUP, True),
        Symbol("MIME_BAD", 1.0, "A type that does not belong in mail", _GROUP, True),
        Symbol("MIME_UNKNOWN", 0.1, "A type that nobody registered", _GROUP, True),
        Symbol("MIME_BAD_EXTENSION", 2.0, "A file that can run, by its extension", _GROUP, True),
        Symbol(
            "MIME_DOUBLE_BAD_EXTENSION", 3.0, "A file that can run, hidden as another", _GROUP, True
        ),
        Symbol("MIME_BAD_ATTACHMENT", 4.0, "A file whose type belies its extension", _GROUP, True),
        Symbol("MIME_ARCHIVE_IN_ARCHIVE", 5.0, "An archive inside another", _GROUP, True),
        Symbol("MIME_ENCRYPTED_ARCHIVE", 2.0, "An archive under a password", _GROUP, True),
        Symbol("MIME_OBFUSCATED_ARCHIVE", 8.0, "An archive that hides its files", _GROUP, True),
        Symbol("MIME_EXE_IN_GEN_SPLIT_RAR", 5.0, "A program in a split archive", _GROUP, True),
        Symbol("MIME_BAD_UNICODE", 8.0, "A name with characters that hide it", _GROUP, True),
    ),
)
def mime_types(task: Task) -> list[Finding]:
    """Type and file name of every part, and the names in archives."""
    options = task.options(MimeTypesOptions)
    judge = _Judge(options, task.state("mime_types") or _State())
    trace: list[str] = []
    by_symbol: dict[str, dict[str, float]] = {}
    places: dict[str, list[str]] = {}
    for part in task.message.parts:
        if part.filename or part.maintype == "application":
            for said in judge.part(part):
                by_symbol.setdefault(said.symbol, {}).setdefault(said.option, said.weight)
                place = f"part {part.index} {part.filename or part.content_type}"
                places.setdefault(said.symbol, []).append(place)
                if said.traced:
                    trace.append(f"{part.index}:-")
        rating, rated = judge.type(part)
        trace.append(f"{part.index}:{rating}")
        if rated is not None:
            by_symbol.setdefault(rated.symbol, {}).setdefault(rated.option, rated.weight)
            places.setdefault(rated.symbol, []).append(f"part {part.index}")
    found = [Finding("MIME_TRACE", tuple(trace))]
    for symbol, told in by_symbol.items():
        evidence = ", ".join(dict.fromkeys(places[symbol]))[:500]
        found.append(Finding(symbol, tuple(told), max(told.values()), evidence))
    return found


class _Judge:
    """The tables of one configuration, put to parts and names."""

    def __init__(self, options: MimeTypesOptions, state: _State) -> None:
        self._options = options
        self._state = state

    def type(self, part: Part) -> tuple[str, _Said | None]:
        """Mark for the trace, and what to say of a type that is not neutral."""
        # A text that is HTML counts as HTML, whatever it says.
        kind = "text/html" if part.is_html else part.content_type
        weight = self._weight(kind)
        said = kind
        if weight is None and part.file_type is not None and part.file_type.kind not in _VAGUE:
            # Nobody knows the type it says; what it is may be known.
            detected = part.file_type.content_type
            weight = self._weight(detected)
            if weight is not None and weight > 0:
                weight, said = weight * 1.5, f"{kind}:{detected}"
        if weight is None:
            return "~", _Said("MIME_UNKNOWN", kind, 1.0)
        if weight == 0:
            return "~", None
        return (
            ("+", _Said("MIME_GOOD", said, -weight))
            if weight < 0
            else (
                "-",
                _Said("MIME_BAD", said, weight),
            )
        )

    def _weight(self, kind: str) -> float | None:
        """Below zero good, above bad, None unknown."""
        types = self._state.types
        if types is not None:
            value = types.get(kind)
            try:
                return None if value is None else float(value or 0)
            except ValueError:
                return 0.0
        weight = RATED.get(kind)
        if weight is not None:
            return weight
        known = kind in KNOWN or kind.partition("/")[2].startswith(REGISTERED_TREES)
        return 0.0 if known else None

    def part(self, part: Part) -> Iterator[_Said]:
        """What a part's name and content tell."""
        name = part.filename
        detected: FileType | None = None
        if name:
            detected = part.file_type
            yield from self._name(name, part.content_type, detected)
        elif part.maintype == "application":
            detected = part.file_type
        if detected is None or (archive := part.archive) is None:
            return
        extension = _extensions(name or "")[0]
        if archive.encrypted:
            yield _Said("MIME_ENCRYPTED_ARCHIVE", name or "", 1.0)
        elif archive.unreadable and detected.kind == "archive":
            yield _Said("MIME_ENCRYPTED_ARCHIVE", "compressed header", 0.5)
        elif archive.obfuscated:
            yield _Said("MIME_OBFUSCATED_ARCHIVE", "obfuscated archive", 1.0)
        looked_into = detected.kind == "archive" or detected.extension in ("jar", "apk")
        if looked_into and not self._options.archive_exceptions.get(extension):
            yield from self._members(name or "", extension, archive)

    def _members(self, name: str, extension: str, archive: Archive) -> Iterator[_Said]:
        members = archive.members
        split = archive.kind == "rar" and _SPLIT.fullmatch(extension) is not None
        for member in members:
            if member.encrypted:
                yield _Said("MIME_ENCRYPTED_ARCHIVE", member.name, 1.0)
            if split and _extensions(member.name)[0] == "exe":
                yield _Said("MIME_EXE_IN_GEN_SPLIT_RAR", member.name, 1.0)
            else:
                yield from self._member(member.name, alone=len(members) == 1)
        if len(members) == 1:
            second = _extensions(name)[1]
            inner = _extensions(members[0].name)[0]
            belied = second and not second.isdecimal() and inner != second
            if belied and inner in self._options.bad_extensions:
                option_ = f"{second}!={inner}"
                yield _Said("MIME_DOUBLE_BAD_EXTENSION", option_, 2.0, traced=False)

    def _member(self, name: str, *, alone: bool) -> Iterator[_Said]:
        """The name of a file in an archive."""
        yield from _hiding(name)
        if self._is_allowed(name):
            return
        extension, second = _extensions(name)
        yield from self._bad(extension, second, archived=True, alone=alone)
        if extension in self._options.archive_extensions:
            yield _Said("MIME_ARCHIVE_IN_ARCHIVE", extension, 1.0)

    def _name(self, name: str, content_type: str, detected: FileType | None) -> Iterator[_Said]:
        """The name of a part."""
        yield from _hiding(name)
        name = unquote(name)
        if self._is_allowed(name):
            return
        extension, second = _extensions(name)
        if detected is not None and detected.extension != extension:
            yield from self._bad(detected.extension, "", archived=False, alone=False)
        if not extension:
            return
        yield from self._bad(extension, second, archived=False, alone=False)
        if second in self._options.archive_extensions and not extension.isdecimal():
            yield _Said("MIME_ARCHIVE_IN_ARCHIVE", f".{second}.{extension}", 1.0)
        expected = self._options.extension_map.get(extension)
        weight = 1.0
        if expected is None:
            expected = OTHER_TYPES_BY_EXTENSION.get(extension)
            weight = self._options.other_extensions_mult
        if expected and content_type not in (*expected, "application/octet-stream"):
            option_ = f"{extension}:{content_type}"
            yield _Said("MIME_BAD_ATTACHMENT", option_, weight, traced=False)

    def _is_allowed(self, name: str) -> bool:
        return self._state.allowed is not None and name in self._state.allowed

    def _bad(self, extension: str, second: str, *, archived: bool, alone: bool) -> Iterator[_Said]:
        """Extensions of files that can run, the last one or that before it."""
        weight = self._badness(extension, archived=archived, alone=alone)
        other = self._badness(second, archived=archived, alone=alone) if second else None
        if weight is None and other is None:
            return
        if 0 < len(second) <= 4 and _NUMBERED.fullmatch(second) is None:
            worst = max(weight or 0.0, other or 0.0)
            yield _Said("MIME_DOUBLE_BAD_EXTENSION", f".{second}.{extension}", worst)
        elif weight is not None:
            yield _Said("MIME_BAD_EXTENSION", extension, weight)

    def _badness(self, extension: str, *, archived: bool, alone: bool) -> float | None:
        weight = self._options.bad_archive_extensions.get(extension) if archived and alone else None
        return self._options.bad_extensions.get(extension) if weight is None else weight


def _extensions(name: str) -> tuple[str, str]:
    """The last extension and that before it, in lower case; ``""`` where there is none."""
    pieces = name.lower().split(".")
    return (pieces[-1] if len(pieces) > 1 else "", pieces[-2] if len(pieces) > 2 else "")


def _hiding(name: str) -> Iterator[_Said]:
    found = None if name.isascii() else _HIDING.search(name)
    if found is not None:
        option_ = f"0x{ord(found[0]):x} after {name[: found.start()]}"
        yield _Said("MIME_BAD_UNICODE", option_, 1.0, traced=False)
