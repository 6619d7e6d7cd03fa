"""Declaring options: a frozen dataclass whose fields are made by ``option`` is a section's schema.

One declaration gives the typed attribute, the check of what a site wrote, the default and the
documentation::

    @dataclass(frozen=True, slots=True, kw_only=True)
    class GreylistOptions(Section):
        timeout: float = option(TIME, 300.0, unit="seconds", doc="how long a new triplet waits")

``bind`` turns a UCL object into such a dataclass and reports every problem, not only the first.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from filter_engine.config.findings import Finding, Severity
from filter_engine.config.origin import BUILTIN, Origin
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
D = TypeVar("D")
S = TypeVar("S", bound="Section")


class MisfitError(Exception):
    """A value does not fit its option; ``hint`` says what would."""

    def __init__(self, message: str, hint: str = "", node: UclNode | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.node = node


class Binder(Protocol):
    """What conversion needs of its surroundings: where findings go and what a place is called."""

    def report(
        self, severity: Severity, code: str, node: UclNode, message: str, hint: str = ""
    ) -> None:
        """Note a finding at ``node``."""

    def origin(self, node: UclNode) -> Origin:
        """The origin of ``node`` with its layer."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """A type of option: its name for people, and how to read all values written for one key."""

    name: str
    convert: Callable[[list[UclNode], Binder], T_co]
    #: Whether ``key = a; key = b`` means both; otherwise a second value is reported.
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a section, as documentation, lint and ``configdump`` read it."""

    key: str
    attribute: str
    kind: Kind[Any]
    default: Any
    unit: str
    doc: str
    aliases: tuple[str, ...] = ()
    #: Whether the value must not be shown.
    secret: bool = False
    #: False for an option of Rspamd's that is read and checked, but that this engine does not use.
    served: bool = True


@dataclass(frozen=True, slots=True)
class _Declared:
    kind: Kind[Any]
    key: str
    unit: str
    doc: str
    aliases: tuple[str, ...]
    secret: bool


def known(
    kind: Kind[Any],
    default: Any = None,
    *,
    doc: str,
    unit: str = "",
    aliases: tuple[str, ...] = (),
    secret: bool = False,
) -> Option:
    """An option of Rspamd's that this engine does not use: it is checked, and a site is told.

    ``default`` is Rspamd's, None where it has none. The key comes from where it is declared::

        known_options = declare_known(max_word_len=known(INTEGER, 40, doc="..."))
    """
    return Option("", "", kind, default, unit, doc, aliases, secret, served=False)


def declare_known(**options: Option) -> Mapping[str, Option]:
    """Options by key; a key that is no Python name is given with ``**{"a-b": known(...)}``."""
    return MappingProxyType(
        {key: replace(made, key=key, attribute=key) for key, made in options.items()}
    )


@dataclass(frozen=True, slots=True)
class Schema:
    """A section of Rspamd's that this engine does not serve: what may stand there, as data.

    Unlike a ``Section`` it makes no Python class, so that some fifty of them cost nothing until a
    site writes into one.
    """

    #: Page of Rspamd's documentation below its root, e.g. ``modules/multimap``.
    anchor: str
    doc: str
    options: Mapping[str, Option]
    #: What a sub-section under a name of the site's choosing holds (a rule); None: no such names.
    rules: Schema | None = None
    #: The key that holds the rules; empty: they stand directly in the section.
    rules_key: str = ""
    retired: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def option(
    kind: Kind[T],
    default: D,
    *,
    doc: str,
    unit: str = "",
    key: str = "",
    aliases: tuple[str, ...] = (),
    secret: bool = False,
) -> T | D:
    """Declare one option; ``key`` is its name in UCL where the attribute has another."""
    declared = {"option": _Declared(kind, key, unit, doc, aliases, secret)}
    if isinstance(default, (list, dict, set)):
        raise TypeError("an option's default must be immutable")
    if isinstance(default, Mapping):  # read-only ones too: dataclasses refuse what has no hash
        shared: T | D = field(default_factory=lambda: default, metadata=declared, repr=not secret)
        return shared
    made: T | D = field(default=default, metadata=declared, repr=not secret)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Base of every bound section; ``origins`` has an entry for each option somebody wrote."""

    #: Option names that once worked, and what to do instead.
    retired: ClassVar[Mapping[str, str]] = {}
    #: Names Rspamd knows in this section and this engine has no use for.
    foreign: ClassVar[frozenset[str]] = frozenset()
    #: The same, with type and meaning: takes the place of ``foreign``.
    known: ClassVar[Mapping[str, Option]] = MappingProxyType({})
    #: Page of Rspamd's documentation below its root, e.g. ``workers/normal``.
    anchor: ClassVar[str] = ""
    #: False where keys are free (names of rules, domains): unknown keys are not reported then.
    closed: ClassVar[bool] = True

    origins: Mapping[str, Origin] = field(
        default_factory=lambda: MappingProxyType({}), repr=False, compare=False
    )

    def origin(self, attribute: str) -> Origin:
        """Where the value of ``attribute`` was written; the built-in origin for a default."""
        return self.origins.get(attribute, BUILTIN)


def options_of(section: type[Section]) -> tuple[Option, ...]:
    """Every option a section declares, in order of declaration."""
    return tuple(_options(section))


def _options(section: type[Section]) -> Iterable[Option]:
    made: Field[Any]
    for made in fields(section):
        declared = made.metadata.get("option")
        if isinstance(declared, _Declared):
            default = made.default
            if default is MISSING:
                assert made.default_factory is not MISSING
                default = made.default_factory()
            yield Option(
                declared.key or made.name,
                made.name,
                declared.kind,
                default,
                declared.unit,
                declared.doc,
                declared.aliases,
                declared.secret,
            )


def bind(section: type[S], node: UclObject, binder: Binder, name: str) -> S:
    """Read ``node`` as ``section``; ``name`` is what findings call it (``options.dns``).

    A value that does not fit is reported as an error and leaves the default in place.
    """
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    known: dict[str, Option] = {}
    for declared in options_of(section):
        keys = (declared.key, *declared.aliases)
        known.update(dict.fromkeys(keys, declared))
        written = [key for key in keys if key in node]
        if not written:
            continue
        found = [value for key in written for value in node.all(key)]
        if len(found) > 1 and not declared.kind.multiple:
            binder.report(
                Severity.WARNING,
                "repeated-option",
                found[1],
                f"{name}.{declared.key} is written {len(found)} times; only the first "
                f"({binder.origin(found[0])}) counts",
                "remove the others",
            )
            found = found[:1]
        try:
            values[declared.attribute] = declared.kind.convert(found, binder)
        except MisfitError as misfit:
            binder.report(
                Severity.ERROR,
                "wrong-type",
                misfit.node or found[0],
                f"{name}.{declared.key}: {misfit}",
                misfit.hint,
            )
            continue
        origins[declared.attribute] = binder.origin(_last_value(found[-1]))
    if section.closed:
        report_unknown(section, node, known, binder, name)
    return section(**values, origins=MappingProxyType(origins))


def _last_value(node: UclNode) -> UclNode:
    """What was written last: of an array put together from several layers, its last element."""
    return node.items[-1] if isinstance(node, UclArray) and node.items else node


def report_unknown(
    section: type[Section], node: UclObject, known: Iterable[str], binder: Binder, name: str
) -> None:
    """Report each key of ``node`` that is none of ``known``, with the likely intended name."""
    names = sorted(known)
    for key in node:
        if key in known:
            continue
        at = node.all(key)[0]
        if key in section.retired:
            binder.report(
                Severity.WARNING,
                "no-effect",
                at,
                f"{name}.{key} has no effect",
                section.retired[key],
            )
        elif key in section.foreign:
            binder.report(
                Severity.INFO,
                "not-served",
                at,
                f"{name}.{key} is Rspamd's; this engine does not use it",
            )
        else:
            close = difflib.get_close_matches(key, names, n=1)
            binder.report(
                Severity.WARNING,
                "unknown-option",
                at,
                f"unknown option {name}.{key}",
                f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(names)}",
            )


def found_text(node: UclNode) -> str:
    """How a value is named in a message: its spelling, shortened, or what it is."""
    if isinstance(node, UclScalar):
        text = node.text or repr(node.value)
        return text if len(text) <= 40 else f"{text[:37]}..."
    return "an array" if isinstance(node, UclArray) else "a section"


__all__ = [
    "Binder",
    "Finding",
    "Kind",
    "MisfitError",
    "Option",
    "Section",
    "bind",
    "found_text",
    "option",
    "options_of",
    "report_unknown",
]
