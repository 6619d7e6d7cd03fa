"""Declaring options: a class whose fields are made by ``option`` is a section's schema.

One declaration gives the typed attribute, the check of what a site wrote, the default and the
documentation::

    @options_class
    class GreylistOptions(Section):
        timeout: float = option(TIME, 300.0, unit="seconds", doc="how long a new triplet waits")

``bind`` turns a UCL object into such an object and reports every problem, not only the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeGuard, TypeVar

from filter_engine.config.findings import Severity
from filter_engine.config.layers import counted
from filter_engine.config.options_class import SharedMethods, options_class
from filter_engine.config.origin import BUILTIN, Layer, Origin
from filter_engine.config.unknown import report_unknown
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar
from filter_engine.ucl.oddities import missing_separator

if TYPE_CHECKING:
    from filter_engine.config.expression import Expression

REST = "*"
"""Key of the option that takes what stands directly in the section under names of the site's."""

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


@frozen
class Kind(Generic[T_co]):
    """A type of option: its name for people, and how to read all values written for one key."""

    name: str
    convert: Callable[[list[UclNode], Binder], T_co]
    #: Whether ``key = a; key = b`` means both; otherwise a second value is reported.
    multiple: bool = False
    #: What a section of this kind may hold; None for plain values.
    inner: type[Section] | Schema | None = None
    #: Whether ``inner`` stands under a name of the site's choosing: ``key "name" { ... }``.
    named: bool = False
    #: Whether such a name may also have a plain value: ``NAME = "value"``.
    plain: bool = False


@frozen
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


@frozen
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


@frozen
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
    #: What may stand under such a name instead of a section: ``bounce_to = "2 / 1h"``.
    rule_value: Kind[Any] | None = None
    #: False where Lua or a site makes up the keys: unknown ones are not reported then.
    closed: bool = True
    #: Option names that once worked, and what to do instead.
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
    """Declare one option; ``key`` is its name in UCL where the attribute has another.

    With the key ``REST`` the option takes every sub-section that is no option itself: the rules of
    ``multimap { NAME { ... } }``; its kind is ``sections_of``.
    """
    declared = {"option": _Declared(kind, key, unit, doc, aliases, secret)}
    if isinstance(default, (list, dict, set)):
        raise TypeError("an option's default must be immutable")
    if isinstance(default, Mapping):  # read-only ones too: dataclasses refuse what has no hash
        shared: T | D = field(default_factory=lambda: default, metadata=declared, repr=not secret)
        return shared
    made: T | D = field(default=default, metadata=declared, repr=not secret)
    return made


@options_class
class Section(SharedMethods):
    """Base of every bound section; ``origins`` has an entry for each option somebody wrote."""

    #: Option names that once worked, and what to do instead.
    retired: ClassVar[Mapping[str, str]] = {}
    #: What Rspamd has in this section and this engine has no use for.
    known: ClassVar[Mapping[str, Option]] = MappingProxyType({})
    #: Page of Rspamd's documentation below its root, e.g. ``workers/normal``.
    anchor: ClassVar[str] = ""
    #: Why nothing reads the section yet, though it is checked; empty for all others.
    unused: ClassVar[str] = ""
    #: False where keys are free (names of rules, domains): unknown keys are not reported then.
    closed: ClassVar[bool] = True
    #: Whether a module with these options does nothing without Redis.
    needs_redis: ClassVar[bool] = False
    #: Whether it does nothing unless a site writes something into its section.
    needs_section: ClassVar[bool] = False

    origins: Mapping[str, Origin] = field(
        default_factory=lambda: MappingProxyType({}), repr=False, compare=False
    )

    def origin(self, attribute: str) -> Origin:
        """Where the value of ``attribute`` was written; the built-in origin for a default."""
        return self.origins.get(attribute, BUILTIN)

    def written_at(self, attribute: str) -> Origin:
        """Where ``attribute`` was written, else where the section's first option stands."""
        said = self.origins.get(attribute)
        if said is not None:
            return said
        return min(self.origins.values(), key=lambda at: (at.file, at.line), default=BUILTIN)

    def tell(self, binder: Binder) -> None:
        """Report what is wrong with the options taken together; called when they are bound."""

    def expressions(self) -> Iterable[tuple[Expression, Origin, str]]:
        """Expressions over symbols, where each is written and in what: lint looks up the names."""
        return ()


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


def bind(
    section: type[S], node: UclObject, binder: Binder, name: str, *, also: Iterable[str] = ()
) -> S:
    """Read ``node`` as ``section``; ``name`` is what findings call it (``options.dns``).

    ``also`` are options that somebody else reads, for the hints of misspelt ones.

    A value that does not fit is reported as an error and leaves the default in place. Of an option
    that is known but not served, a site is told; a value that does not fit it is only a warning,
    since nothing uses it.
    """
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    served: list[str] = []
    for declared in options_of(section):
        if declared.key == REST:
            rest = _rest(section, declared, node, binder)
            served += rest
            found: list[UclNode] = [rest] if rest else []
        else:
            served += (declared.key, *declared.aliases)
            found = _written(declared, node, binder, name)
        if not found:
            continue
        try:
            values[declared.attribute] = declared.kind.convert(found, binder)
        except MisfitError as misfit:
            _misfit(declared, found[0], misfit, binder, name)
            continue
        origins[declared.attribute] = binder.origin(_last_value(found[-1]))
    bound = section(**values, origins=MappingProxyType(origins))
    bound.tell(binder)
    if section.unused and getattr(bound, "active", True):  # a worker that is off misses nothing
        _tell_unused(section, node, binder, name)
    if all(key in served for key in node):
        # what Rspamd has besides need not even be loaded (config/rspamd)
        return bound
    rspamds = _by_key(section.known)
    _check_known(section.known, node, binder, name)
    for key in (key for key in node if key in rspamds):
        binder.report(
            Severity.INFO,
            "not-served",
            node.all(key)[0],
            f"{name}.{key} is Rspamd's; this engine does not use it",
            f"in Rspamd: {rspamds[key].doc}",
        )
    if section.closed:
        report_unknown(node, binder, name, served, rspamds, section.retired, also)
    return bound


def _rest(section: type[Section], rest: Option, node: UclObject, binder: Binder) -> UclObject:
    """What stands in the section under names that are no options."""
    own = {key for made in options_of(section) for key in (made.key, *made.aliases)}
    entries = {
        key: values
        for key, values in node.entries.items()
        if key not in own
        and key not in section.retired
        and any(
            isinstance(value, UclObject)
            or (rest.kind.plain and isinstance(value, UclScalar) and isinstance(value.value, str))
            for value in values
        )
    }
    written = (value for values in entries.values() for value in values)
    if all(binder.origin(value).layer is Layer.SHIPPED for value in written):
        return UclObject(entries, node.origin, priority=node.priority)
    known_ones = _by_key(section.known)
    entries = {key: values for key, values in entries.items() if key not in known_ones}
    return UclObject(entries, node.origin, priority=node.priority)


def _tell_unused(section: type[Section], node: UclObject, binder: Binder, name: str) -> None:
    values = (value for key in node for value in node.all(key))
    written = (value for value in values if binder.origin(value).layer is not Layer.SHIPPED)
    for value in written:
        binder.report(Severity.INFO, "not-served", value, f"{name}: {section.unused}")
        break


def bind_known(schema: Schema, node: UclObject, binder: Binder, name: str) -> None:
    """Check a section that this engine does not serve: types and names, every problem a warning.

    That the section is not served is for the caller to say, once.
    """
    _check_known(schema.options, node, binder, name)
    rest = [key for key in node if key not in _by_key(schema.options)]
    if schema.rules is None and schema.rule_value is None:
        rules: list[str] = []
    elif schema.rules_key:
        rules = [key for key in rest if key == schema.rules_key]
        for value in (value for key in rules for value in node.values(key)):
            if isinstance(value, UclObject):
                for rule in value:
                    _check_rule(schema, value, rule, binder, f"{name}.{schema.rules_key}")
    else:
        rules = [
            key
            for key in rest
            if schema.rule_value is not None
            or any(isinstance(value, UclObject) for value in node.values(key))
        ]
        for rule in rules:
            if rule == name:  # antivirus { antivirus { } }: braces too many
                report_unknown(UclObject({rule: node.all(rule)}), binder, name, ())
                continue
            _check_rule(schema, node, rule, binder, name)
    if schema.closed:
        others = {key: values for key, values in node.entries.items() if key not in rules}
        report_unknown(
            UclObject(others, node.origin),
            binder,
            name,
            (*_by_key(schema.options), *filter(None, (schema.rules_key,))),
            retired=schema.retired,
            also=("enabled",),
        )


def _check_rule(schema: Schema, node: UclObject, rule: str, binder: Binder, name: str) -> None:
    for value in node.values(rule):
        if isinstance(value, UclObject) and schema.rules is not None:
            bind_known(schema.rules, value, binder, f"{name}.{rule}")
        elif schema.rule_value is not None:
            try:
                schema.rule_value.convert([value], binder)
            except MisfitError as misfit:
                message = f"{name}.{rule}: {misfit}"
                at = misfit.node or value
                binder.report(Severity.WARNING, "wrong-type", at, message, misfit.hint)


def _check_known(options: Mapping[str, Option], node: UclObject, binder: Binder, name: str) -> None:
    """Convert the values of known options for their faults' sake."""
    for declared in options.values():
        found = _written(declared, node, binder, name)
        if not found:
            continue
        try:
            declared.kind.convert(found, binder)
        except MisfitError as misfit:
            _misfit(declared, found[0], misfit, binder, name)


def _by_key(options: Mapping[str, Option]) -> dict[str, Option]:
    return {key: made for made in options.values() for key in (made.key, *made.aliases)}


def _written(declared: Option, node: UclObject, binder: Binder, name: str) -> list[UclNode]:
    """The values written for one option, under its key and its aliases."""
    keys = (declared.key, *declared.aliases)
    written = [value for key in keys if key in node for value in node.all(key)]
    if declared.kind.inner is not None:
        return written
    found = counted(written, binder, multiple=declared.kind.multiple)
    if len(found) > 1 and not declared.kind.multiple:
        binder.report(
            Severity.WARNING,
            "repeated-option",
            found[1],
            f"{name}.{declared.key} is written {len(found)} times; only the first "
            f"({binder.origin(found[0])}) counts",
            "remove the others",
        )
        return found[:1]
    return found


def _misfit(
    declared: Option, node: UclNode, misfit: MisfitError, binder: Binder, name: str
) -> None:
    at = misfit.node or node
    following = missing_separator(str(at.value)) if _is_bare_text(at) else ""
    binder.report(
        Severity.ERROR if declared.served else Severity.WARNING,
        "wrong-type",
        at,
        f"{name}.{declared.key}: {misfit}",
        f"put a ; before {following}" if following else misfit.hint,
    )


def _is_bare_text(node: UclNode) -> TypeGuard[UclScalar]:
    return isinstance(node, UclScalar) and isinstance(node.value, str) and not node.style


def _last_value(node: UclNode) -> UclNode:
    """What was written last: of an array put together from several layers, its last element."""
    return node.items[-1] if isinstance(node, UclArray) and node.items else node


def found_text(node: UclNode) -> str:
    """How a value is named in a message: its spelling, shortened, or what it is."""
    if isinstance(node, UclScalar):
        text = node.text or repr(node.value)
        return text if len(text) <= 40 else f"{text[:37]}..."
    return "an array" if isinstance(node, UclArray) else "a section"
