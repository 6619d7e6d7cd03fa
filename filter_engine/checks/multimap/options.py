"""The section ``multimap``: ``NAME { type = "from"; map = "/path"; score = 1.0; }``."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final, TypeVar

from filter_engine.checks.multimap.filters import FilterError
from filter_engine.checks.multimap.hash_key import SELECTOR_SCHEME, hash_key
from filter_engine.checks.multimap.types import TABLE, compile_filter
from filter_engine.checks.taken_symbols import tell_taken
from filter_engine.config.expression import Expression, ExpressionError, parse_expression
from filter_engine.config.findings import Severity
from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    WORDS,
    list_of,
    nullable,
    one_of,
    rules_of,
    sections_of,
    text_of,
)
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition, Scheme
from filter_engine.config.options_class import options_class
from filter_engine.config.origin import Origin
from filter_engine.config.redis import ModuleRedis
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import (
    REST,
    Binder,
    Kind,
    MisfitError,
    Option,
    Section,
    declare_known,
    known,
    option,
    options_of,
)
from filter_engine.config.tell import tell, tell_control_characters
from filter_engine.scan.declare import Symbol
from filter_engine.scan.verdict import Action
from filter_engine.selectors import Selector, SelectorError, compile_selector
from filter_engine.ucl.nodes import UclNode, UclObject

T = TypeVar("T")
GROUP: Final = "multimap"
TYPES: Final = tuple(TABLE)
_NO_MAP: Final = MapDefinition()
_WHOLE: Final = frozenset({"content", "dnsbl", "regexp_rules"})
"""Types that look up no words."""


def _single(name: str, read: Callable[[str], T], errors: type[ValueError], hint: str) -> Kind[T]:
    def convert(nodes: list[UclNode], _binder: Binder) -> T:
        try:
            return read(text_of(nodes[0]))
        except errors as error:
            raise MisfitError(str(error), hint, nodes[0]) from None

    return Kind(name, convert)


def _action(text: str) -> Action:
    return Action.NO_ACTION if text.strip().lower() == "accept" else Action.parse(text)


#: Checked when it is read; the rule compiles it again with its delimiter.
SELECTOR: Kind[Selector] = _single(
    "selector", compile_selector, SelectorError, "docs/selectors.md lists what there is"
)
EXPRESSION: Kind[Expression] = _single(
    "expression", parse_expression, ExpressionError, "write for example A & !B"
)
ACTION: Kind[Action] = _single(
    "action",
    _action,
    ValueError,
    f"write one of {', '.join(action.value for action in Action)}",
)


def _filter(nodes: list[UclNode], binder: Binder) -> str:
    text = STRING.convert(nodes, binder)
    tell_control_characters(text, nodes[0], binder)
    return text


FILTER: Kind[str] = Kind(STRING.name, _filter)


@options_class
class CombinedMap(Section):
    """``multimap.RULE.rules.NAME``: one map of a combined rule."""

    anchor: ClassVar[str] = "modules/multimap"

    map: MapDefinition = option(MAP_DEFINITION, _NO_MAP, doc="the map")
    selector: Selector | None = option(nullable(SELECTOR), None, doc="what is looked up")
    type: str = option(
        one_of("", "set", "hash", "map", "regexp", "glob", "radix", "ipnet"),
        "",
        doc="kind of the map; by default told by the name: ip, re_, glob, else set",
    )


@options_class
class MultimapRule(Section):
    """``multimap.NAME``: one rule; the name is its symbol unless it says another."""

    anchor: ClassVar[str] = "modules/multimap"
    known: ClassVar[Mapping[str, Option]] = declare_known(
        combined=known(BOOLEAN, doc="the rule joins several maps: write type = combined"),
        hash=known(BOOLEAN, doc="the map holds plain strings, which is the default"),
        message_func=known(STRING, doc="reply of a forced action, told by Lua"),
        name=known(STRING, doc="name of the rule"),
        one_param=known(BOOLEAN, doc="keep one option only"),
        redis_key=known(STRING, doc="key of the map in Redis"),
        scope=known(STRING, doc="scope of regexp_rules"),
        skip_archives=known(BOOLEAN, False, doc="not the files in archives (type filename)"),
        skip_detected=known(BOOLEAN, False, doc="not the type that the content has"),
        upstreams=known(STRING, doc="servers of an HTTP map"),
        symbols_set=known(WORDS, doc="the same as symbols"),
        artificial=known(BOOLEAN, doc="also Received headers that the engine made itself"),
    )

    type: str = option(one_of(*TYPES), "", doc="what is compared with the map")
    map: MapDefinition = option(MAP_DEFINITION, _NO_MAP, doc="the map", aliases=("url",))
    cdb: str = option(STRING, "", doc="path of a CDB file, instead of map")
    filter: str = option(FILTER, "", doc="what is taken of the value, by type")
    symbol: str = option(STRING, "", doc="symbol for a match; the rule's name by default")
    symbols: tuple[str, ...] = option(WORDS, (), doc="further symbols that the map may name")
    dynamic_symbols: bool = option(
        BOOLEAN, False, doc="the map may name any symbol; an unknown one has the map's score"
    )
    disable_multisymbol: bool = option(
        BOOLEAN, False, doc="what the map names is an option of the rule's symbol"
    )
    score: float = option(NUMBER, 0.0, doc="score of the symbol", aliases=("weight",))
    group: tuple[str, ...] = option(WORDS, (GROUP,), doc="its groups", aliases=("groups",))
    description: str = option(STRING, "", doc="what people read about the symbol")
    one_shot: bool = option(BOOLEAN, False, doc="count once")
    regexp: bool = option(BOOLEAN, False, doc="the map holds regular expressions")
    glob: bool = option(BOOLEAN, False, doc="the map holds shell patterns")
    multi: bool = option(
        BOOLEAN, False, doc="every match counts (regexp and glob)", aliases=("regexp_multi",)
    )
    no_multi: bool = option(BOOLEAN, False, doc="only the first match counts")
    header: tuple[str, ...] = option(list_of(STRING), (), doc="headers (type header)")
    selector: Selector | None = option(nullable(SELECTOR), None, doc="the value (type selector)")
    delimiter: str = option(STRING, "", doc="put between the values of several selectors")
    variable: str = option(STRING, "", doc="asn, country or ipnet (type mempool)")
    target_symbol: str = option(STRING, "", doc="its options are compared (type symbol_options)")
    extract_from: str = option(
        one_of("default", "smtp", "mime", "both"),
        "default",
        doc="which address (types from and rcpt); default: smtp, else mime",
    )
    min_pos: int | None = option(
        nullable(INTEGER), None, doc="first Received header, from 1; negative: from the end"
    )
    max_pos: int | None = option(
        nullable(INTEGER), None, doc="last Received header, from 1; negative: from the end"
    )
    flags: tuple[str, ...] = option(
        WORDS, (), doc="only Received headers with these: ssl, authenticated"
    )
    nflags: tuple[str, ...] = option(WORDS, (), doc="only Received headers without these")
    skip_local: bool = option(BOOLEAN, False, doc="not for clients in local_networks")
    skip_authenticated: bool = option(BOOLEAN, False, doc="not for clients that logged in")
    rules: Mapping[str, CombinedMap] = option(
        sections_of(CombinedMap, "multimap.rules"),
        MappingProxyType({}),
        doc="the maps of a combined rule",
    )
    expression: Expression | None = option(
        nullable(EXPRESSION), None, doc="how they are joined: names of rules"
    )
    require_symbols: Expression | None = option(
        nullable(EXPRESSION), None, doc="only when this holds of the symbols so far"
    )
    action: Action | None = option(nullable(ACTION), None, doc="action that a match forces")
    message: str = option(STRING, "", doc="its reply to the client")
    prefilter: bool = option(BOOLEAN, False, doc="look before all other checks")
    enabled: bool = option(BOOLEAN, True, doc="use the rule")

    def name(self, key: str) -> str:
        """The rule's symbol."""
        return self.symbol or key

    @property
    def in_redis(self) -> bool:
        """Whether its map is a hash in Redis."""
        return any(source.scheme is Scheme.REDIS for source in self.map.sources)


def _rules(nodes: list[UclNode], binder: Binder) -> Mapping[str, MultimapRule]:
    """Bind the rules; what is wrong with one as a whole is told, and the rule left out."""
    found = _BOUND.convert(nodes, binder)
    kept: dict[str, MultimapRule] = {}
    for name, rule in found.items():
        at = next(value for node in nodes for value in _written(node, name))
        fault = _fault(rule)
        if fault is None:
            kept[name] = rule
            if rule.enabled:
                _tell_oddities(name, rule, at, binder)
            continue
        if _has_misfit(rule, at):
            continue  # told already, and the fault follows from it
        severity, message, hint = fault
        text = f"multimap {name!r}: {message}: the rule is left out"
        binder.report(severity, "rule-not-served", at, text, hint)
    return MappingProxyType(kept)


def _tell_oddities(name: str, rule: MultimapRule, at: UclNode, binder: Binder) -> None:
    """Report what does not work as it seems to, of a rule that can be used."""
    place = binder.origin(at)
    if rule.prefilter and rule.action is None:
        tell(
            binder,
            rule.origin("prefilter"),
            "rule-fault",
            f"multimap {name!r}: prefilter without action: it looks first and ends nothing",
            'write action = "reject" (docs/maps.md), or leave prefilter out',
        )
    if rule.regexp and rule.glob:
        tell(
            binder,
            rule.origin("glob"),
            "rule-fault",
            f"multimap {name!r}: regexp and glob: the map is read as regular expressions",
            "leave one of them out",
        )
    for symbol in dict.fromkeys((rule.name(name), *rule.symbols)):
        if any(char.isspace() for char in symbol):
            tell(
                binder,
                place,
                "rule-fault",
                f"multimap {name!r}: the symbol {symbol!r} has blanks, which headers and "
                "expressions take for its end",
                f"write {'_'.join(symbol.split())}",
            )
        tell_taken(symbol, "multimap", name, place, binder)


def _written(node: UclNode, name: str) -> list[UclNode]:
    return list(getattr(node, "entries", {}).get(name, ()))


def _has_misfit(rule: MultimapRule, node: UclNode) -> bool:
    """Whether something is written that could not be read."""
    by_key = {k: made.attribute for made in _OPTIONS for k in (made.key, *made.aliases)}
    written = (key for key in getattr(node, "entries", ()) if key in by_key)
    return any(by_key[key] not in rule.origins for key in written)


def _fault(rule: MultimapRule) -> tuple[Severity, str, str] | None:
    """Why a rule cannot be used, and what to write."""
    served = _not_served(rule)
    if served is not None:
        return served
    warning = Severity.WARNING
    if not rule.type:
        return warning, "it has no type", f"write type = one of {', '.join(TYPES)}"
    if rule.type == "combined":
        return _combined_fault(rule)
    if not (rule.map.sources or rule.map.entries or rule.cdb):
        return warning, "it has no map", 'write map = "/path/of/the/map"'
    needed = TABLE[rule.type].needs
    if needed is not None and not getattr(rule, needed.attribute):
        return warning, needed.missing, needed.hint
    try:
        compile_filter(rule.type, rule.filter)
    except FilterError as wrong:
        return warning, str(wrong), wrong.hint
    return _redis_fault(rule) if rule.in_redis else None


def _redis_fault(rule: MultimapRule) -> tuple[Severity, str, str] | None:
    """Why a map in Redis cannot be asked as the rule wants it."""
    warning = Severity.WARNING
    if len(rule.map.sources) > 1:
        return warning, "a map in Redis stands alone", "write a rule for each map"
    if rule.type in _WHOLE:
        return warning, f"type {rule.type} is not looked up in Redis", "write a file or URL"
    if rule.regexp or rule.glob:
        hint = "write a file or URL, or leave regexp and glob out"
        return warning, "a map in Redis holds words and networks, no patterns", hint
    location = rule.map.sources[0].location
    if not location or location == SELECTOR_SCHEME:
        return warning, "it names no key in Redis", 'write map = "redis://key"'
    try:
        hash_key(location, rule.delimiter)
    except SelectorError as wrong:
        return warning, str(wrong), "docs/selectors.md lists what there is"
    return None


def _not_served(rule: MultimapRule) -> tuple[Severity, str, str] | None:
    if any(source.scheme is Scheme.EXTERNAL for source in rule.map.sources):
        return Severity.INFO, "this engine does not ask a service for each key", ""
    return None


def _combined_fault(rule: MultimapRule) -> tuple[Severity, str, str] | None:
    warning = Severity.WARNING
    if rule.expression is None or not rule.rules:
        return warning, "it has no rules and expression", 'write rules { a { } }; expression = "a"'
    for atom in rule.expression.atoms:
        if atom.name not in rule.rules:
            known_names = ", ".join(rule.rules)
            return warning, f"its expression names {atom.name!r}", f"its rules are {known_names}"
    for name, part in rule.rules.items():
        if part.selector is None or not (part.map.sources or part.map.entries):
            return warning, f"{name!r} lacks its map or selector", 'write selector = "ip"'
        if any(source.scheme is Scheme.REDIS for source in part.map.sources):
            return warning, f"{name!r}: combined maps are not asked in Redis", "write a file or URL"
    return None


_OPTIONS: Final = options_of(MultimapRule)
_BOUND: Final = rules_of(MultimapRule, "multimap")
RULES: Kind[Mapping[str, MultimapRule]] = Kind(
    _BOUND.name, _rules, multiple=True, inner=MultimapRule, named=True
)


def _tell_lines(name: str, rule: MultimapRule, binder: Binder) -> None:
    """Report lines of a text of rules that cannot be used, of files that are there."""
    from filter_engine.checks.spamassassin.reader import read_files  # few sites have such a text

    sources = (source.location for source in rule.map.sources if source.scheme is Scheme.FILE)
    files = [glob.escape(path) for path in sources if Path(path).is_file()]
    for problem in read_files(files, strict=True).problems:
        if problem.serious:
            text = f"multimap {name!r}: {problem}"
            hint = "docs/rules.md lists the directives"
            tell(binder, rule.written_at("map"), "rule-fault", text, hint)


@options_class
class MultimapOptions(ModuleRedis):
    """Rules of a site's that compare parts of a mail with maps.

    Its servers are those of maps in Redis.
    """

    needs_redis: ClassVar[bool] = False

    anchor: ClassVar[str] = "modules/multimap"
    known: ClassVar[Mapping[str, Option]] = unserved("multimap")

    rules: Mapping[str, MultimapRule] = option(RULES, MappingProxyType({}), key=REST, doc="a rule")

    def tell(self, binder: Binder) -> None:
        """What maps hold that was not meant so: patterns without backslashes, lines of no rule."""
        for name, rule in self.rules.items():
            if rule.regexp:
                for entry in rule.map.entries:
                    tell_control_characters(entry.text, UclObject(origin=entry.origin), binder)
            if rule.type == "regexp_rules" and rule.enabled:
                _tell_lines(name, rule, binder)

    def expressions(self) -> Iterator[tuple[Expression, Origin, str]]:
        """What rules require."""
        for name, rule in self.rules.items():
            if rule.require_symbols is not None and rule.enabled:
                at = rule.origin("require_symbols")
                yield rule.require_symbols, at, f"multimap {name!r}"


def symbols_of(name: str, rule: MultimapRule) -> list[Symbol]:
    """The symbols that a rule may set."""
    own = rule.name(name)
    described = rule.description or f"{rule.type} in a map"
    one_shot = rule.one_shot or rule.type == "combined"
    place = rule.written_at("score")
    symbols = [Symbol(own, rule.score, described, rule.group, one_shot, origin=place)]
    symbols += [
        Symbol(other, rule.score, described, rule.group, one_shot, rule=own, origin=place)
        for other in rule.symbols
        if other != own
    ]
    return symbols
