"""The options of fuzzy_check: storages, their lists, and what is compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from filter_engine.config.findings import Severity
from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    SIZE,
    STRING,
    TIME,
    at_least,
    list_of,
    merged_object,
    nullable,
    one_of,
    sections_of,
    upstreams,
)
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved, unserved_rule
from filter_engine.config.schema import (
    Binder,
    Kind,
    Option,
    Section,
    bind,
    declare_known,
    known,
    option,
)
from filter_engine.config.upstreams import UpstreamList
from filter_engine.config.worker_keys import NO_KEY, PUBLIC_KEY, PublicKey
from filter_engine.config.workers import FUZZY_PORT
from filter_engine.scan.declare import Symbol
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject

GROUPS: Final = ("fuzzy",)
STOCK: Final = (
    Symbol("FUZZY_UNKNOWN", 5.0, "The mail is known to a storage of hashes", GROUPS),
    Symbol("FUZZY_DENIED", 12.0, "The mail is known as spam", GROUPS),
    Symbol("FUZZY_PROB", 5.0, "The mail is probably known as spam", GROUPS),
    Symbol("FUZZY_WHITE", -2.1, "The mail is known as good", GROUPS),
    Symbol("FUZZY_BLOCKED", 0.0, "A storage of hashes does not answer this host", GROUPS),
)
LIST_KNOWN: Final = declare_known(
    extra=known(BOOLEAN, doc="add to other hits of the mail"),
)
_STOCK_NAMES: Final = {symbol.name for symbol in STOCK}


def _storages(nodes: list[UclNode], binder: Binder) -> UpstreamList:
    """The storages that are named by host; those behind an SRV record are told and left out.

    Rspamd ships a rule with such a name: a site that keeps it is not refused for it. The list is
    empty where no other storage is named.
    """
    read = upstreams(FUZZY_PORT).convert(nodes, binder)
    named = tuple(each for each in read if not each.srv)
    for each in read:
        if each.srv:
            binder.report(
                Severity.INFO,
                "not-served",
                nodes[0],
                f"{each.name}: this engine does not look SRV records up: that storage is not asked",
                "write the servers themselves: host:port:weight, separated by commas",
            )
    return UpstreamList(named, read.rotation)


_SERVERS: Final[Kind[UpstreamList]] = Kind("upstreams", _storages, multiple=True)


@options_class
class FuzzyList(Section):
    """One list of a storage, under the symbol it sets."""

    flag: int = option(at_least(INTEGER, 0), 0, doc="number of the list")
    symbol: str = option(STRING, "", doc="symbol; default: the section's name")
    max_score: float | None = option(
        nullable(NUMBER),
        None,
        doc="weight of a hash from which it counts fully; default: the rule's",
        aliases=("hits_limit",),
    )
    learn: str = option(
        one_of("", "spam", "ham"), "", doc="mail that is learnt as this class is written here"
    )
    learn_weight: int = option(
        at_least(INTEGER, 1), 2, doc="weight that such a mail gives its hashes"
    )
    known: ClassVar[Mapping[str, Option]] = LIST_KNOWN


@options_class
class FuzzyRule(Section):
    """One storage, or several that hold the same."""

    enabled: bool = option(BOOLEAN, True, doc="ask the storage")
    servers: UpstreamList | None = option(_SERVERS, None, doc="storages that are asked and taught")
    read_servers: UpstreamList | None = option(
        _SERVERS, None, doc="storages that are asked; default: servers"
    )
    write_servers: UpstreamList | None = option(
        _SERVERS, None, doc="storages that are taught; default: servers"
    )
    algorithm: str = option(
        one_of("mumhash", "siphash", "fasthash", "xxhash", "old", "sip", "mum", "xxh", "fast"),
        "mumhash",
        doc="hash function of shingles; all who ask and teach a storage need the same",
    )
    encryption_key: PublicKey = option(
        PUBLIC_KEY, NO_KEY, doc="public key of the storage: requests are sealed"
    )
    read_encryption_key: PublicKey = option(PUBLIC_KEY, NO_KEY, doc="the same for questions alone")
    write_encryption_key: PublicKey = option(PUBLIC_KEY, NO_KEY, doc="the same for teaching alone")
    fuzzy_key: str | None = option(
        nullable(STRING), None, secret=True, doc="key of digests; default: rspamd"
    )
    fuzzy_shingles_key: str | None = option(
        nullable(STRING), None, secret=True, doc="key of shingles; default: rspamd"
    )
    fuzzy_map: Mapping[str, FuzzyList] = option(
        sections_of(FuzzyList, "fuzzy_check.fuzzy_map"),
        MappingProxyType({}),
        doc="the lists of the storage, by symbol",
    )
    symbol: str = option(STRING, "", doc="symbol for lists without a name; default: the module's")
    max_score: float = option(
        NUMBER, 0.0, doc="weight from which a hash counts fully", aliases=("hits_limit",)
    )
    weight_threshold: float | None = option(
        nullable(NUMBER), None, doc="smallest weight (0 to 1) that counts"
    )
    mime_types: tuple[str, ...] = option(
        list_of(STRING),
        ("application/*",),
        doc="types of attachments that are compared, with * and ?; * is all",
    )
    min_bytes: int | None = option(
        nullable(SIZE), None, unit="bytes", doc="smaller parts are not compared; default 1024"
    )
    min_length: int | None = option(
        nullable(INTEGER), None, unit="words", doc="shorter texts have no shingles; default 64"
    )
    min_height: int | None = option(
        nullable(INTEGER), None, unit="pixels", doc="lower pictures are left out; default 500"
    )
    min_width: int | None = option(
        nullable(INTEGER), None, unit="pixels", doc="narrower pictures are left out; default 500"
    )
    text_multiplier: float | None = option(
        nullable(NUMBER),
        None,
        doc="a text counts so many times its length against min_bytes; default 4",
    )
    scan_archives: bool = option(BOOLEAN, True, doc="compare archives of any type")
    skip_images: bool = option(BOOLEAN, False, doc="compare no pictures")
    text_shingles: bool = option(BOOLEAN, True, doc="compare texts by shingles")
    short_text_direct_hash: bool = option(BOOLEAN, True, doc="compare short texts as they are")
    no_subject: bool = option(BOOLEAN, False, doc="leave the subject out of short texts' digests")
    no_share: bool = option(
        BOOLEAN, False, doc="do not tell the storage the sender's domain and the client's address"
    )
    read_only: bool = option(BOOLEAN, False, doc="teach nothing")
    mode: str = option(
        one_of("", "read_only", "write_only", "read_write"), "", doc="ask, teach or both"
    )
    skip_unknown: bool = option(
        BOOLEAN, False, doc="set no symbol for lists that fuzzy_map does not name"
    )
    skip_hashes: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="digests in hex that are passed over"
    )
    timeout: float | None = option(
        nullable(TIME), None, unit="seconds", doc="of one try; default: the module's"
    )
    retransmits: int | None = option(
        nullable(at_least(INTEGER, 0)), None, doc="further tries; default: the module's"
    )
    known: ClassVar[Mapping[str, Option]] = unserved_rule("fuzzy_check")

    @property
    def reading(self) -> UpstreamList | None:
        """Storages that are asked; None for a rule that only teaches."""
        if self.mode == "write_only":
            return None
        return self.read_servers or self.servers or None

    @property
    def writing(self) -> UpstreamList | None:
        """Storages that are taught; None for a rule that only asks."""
        if self.mode == "read_only" or (self.read_only and not self.mode):
            return None
        return self.write_servers or self.servers or None


def _rule(nodes: list[UclNode], binder: Binder) -> Mapping[str, FuzzyRule]:
    found: dict[str, FuzzyRule] = {}
    flat = [i for node in nodes for i in (node.items if isinstance(node, UclArray) else (node,))]
    for node in flat:
        section = merged_object([node])
        if any(not isinstance(v, UclObject) for values in section.entries.values() for v in values):
            name = "fuzzy" if not found else f"fuzzy{len(found) + 1}"
            found[name] = bind(FuzzyRule, section, binder, "fuzzy_check.rule")
            _tell(found[name], section, binder)
            continue
        for name, values in section.entries.items():
            inner = merged_object(list(values))
            found[name] = bind(FuzzyRule, inner, binder, f"fuzzy_check.rule {name!r}")
            _tell(found[name], inner, binder)
    return MappingProxyType(found)


def _tell(rule: FuzzyRule, section: UclObject, binder: Binder) -> None:
    written = (rule.servers, rule.read_servers, rule.write_servers)
    if rule.enabled and all(servers is None for servers in written):
        binder.report(
            Severity.WARNING,
            "no-servers",
            section,
            "the rule names no storage and does nothing",
            'write servers = "127.0.0.1:11335";',
        )
    learning = [entry.learn for entry in rule.fuzzy_map.values() if entry.learn]
    if len(learning) != len(set(learning)):
        binder.report(
            Severity.WARNING,
            "rule-fault",
            section,
            "two lists learn the same class, but a storage keeps a hash in one: the last one does",
            "leave learn = spam, and learn = ham, in one list each",
        )


_RULES: Final[Kind[Mapping[str, FuzzyRule]]] = Kind(
    "section or named sections", _rule, multiple=True, inner=FuzzyRule, named=True
)


@options_class
class FuzzyCheckOptions(Section):
    """Mails are compared with storages of fuzzy hashes."""

    anchor: ClassVar[str] = "modules/fuzzy_check"
    known: ClassVar[Mapping[str, Option]] = unserved("fuzzy_check")
    retired: ClassVar[Mapping[str, str]] = {
        "fuzzy_images": "pictures are always compared",
        "max_score": "write it into the rule",
    }

    rule: Mapping[str, FuzzyRule] = option(_RULES, MappingProxyType({}), doc="the storages")
    symbol: str = option(STRING, "FUZZY_UNKNOWN", doc="symbol for lists without a name")
    min_bytes: int = option(SIZE, 1024, unit="bytes", doc="smaller parts are not compared")
    text_multiplier: float = option(
        NUMBER, 4.0, doc="a short text counts so many times its length against min_bytes"
    )
    min_length: int = option(INTEGER, 64, unit="words", doc="shorter texts have no shingles")
    min_height: int = option(INTEGER, 500, unit="pixels", doc="lower pictures are left out")
    min_width: int = option(INTEGER, 500, unit="pixels", doc="narrower pictures are left out")
    timeout: float = option(TIME, 1.0, unit="seconds", doc="how long a storage may take, a try")
    retransmits: int = option(at_least(INTEGER, 0), 1, doc="further tries without an answer")
    max_errors: int = option(
        at_least(INTEGER, 1),
        4,
        doc="errors within options.upstream.error_time after which another storage is asked first",
    )
    revive_time: float = option(
        TIME, 60.0, unit="seconds", doc="how long a storage with so many is left alone"
    )
    whitelist: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="clients whose mail is not compared"
    )


def symbols_of(options: FuzzyCheckOptions) -> Iterator[Symbol]:
    """The symbols of a site's own lists."""
    named = {options.symbol}
    for rule in options.rule.values():
        named.add(rule.symbol)
        named.update(entry.symbol or name for name, entry in rule.fuzzy_map.items())
    for name in sorted(named - _STOCK_NAMES - {""}):
        yield Symbol(name, 1.0, "The mail is known to a storage of hashes", GROUPS)
