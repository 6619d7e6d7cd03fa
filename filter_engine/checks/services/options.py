"""What may be written in the modules antivirus, external_services and dcc."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from filter_engine.checks.services import filters, viruses
from filter_engine.config.findings import Severity
from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    SIZE,
    STRING,
    TIME,
    at_least,
    merged_object,
    one_of,
    rules_of,
    section,
    text_of,
    upstreams,
)
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition
from filter_engine.config.options_class import options_class
from filter_engine.config.redis import RedisConfig
from filter_engine.config.rspamd import unserved, unserved_rule
from filter_engine.config.schema import (
    REST,
    Binder,
    Kind,
    MisfitError,
    Option,
    Section,
    option,
    options_of,
)
from filter_engine.config.unknown import report_unknown
from filter_engine.config.upstreams import UpstreamList
from filter_engine.matching.pattern import PatternError, parse_slashed
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar

Patterns = tuple[tuple[str, str], ...]
"""Symbol and regular expression, the first that matches counts."""

_TIME: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([A-Za-z]*)")
_UNITS: Final = {"": 1, "ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def _tables(nodes: list[UclNode]) -> list[tuple[str, UclNode]]:
    found: list[tuple[str, UclNode]] = []
    for node in nodes:
        for item in node.items if isinstance(node, UclArray) else (node,):
            if not isinstance(item, UclObject):
                raise MisfitError("expected a section { }", 'write { SYMBOL = "pattern"; }', item)
            found += [(key, value) for key in item for value in item.values(key)]
    return found


def _patterns(nodes: list[UclNode], _binder: Binder) -> Patterns:
    found: list[tuple[str, str]] = []
    for symbol, node in _tables(nodes):
        try:
            parse_slashed(text_of(node))
        except PatternError as error:
            raise MisfitError(f"{symbol}: {error}", node=node) from None
        found.append((symbol, text_of(node)))
    return tuple(found)


def _words(nodes: list[UclNode], _binder: Binder) -> tuple[str, ...]:
    return tuple(text_of(node).lower() for _, node in _tables(nodes))


def _action(nodes: list[UclNode], binder: Binder) -> str:
    node = nodes[0]
    if isinstance(node, UclScalar) and node.value is False:
        return ""
    return _ACTIONS.convert([node], binder)


def _seconds(nodes: list[UclNode], binder: Binder) -> float:
    """A time, also in quotes, where Rspamd's modules read the unit themselves."""
    node = nodes[0]
    if isinstance(node, UclScalar) and isinstance(node.value, str):
        match = _TIME.fullmatch(node.value)
        if match and match[2].lower() in _UNITS:
            return float(match[1]) * _UNITS[match[2].lower()]
    return TIME.convert(nodes, binder)


_ACTIONS: Final = one_of(
    "", "reject", "soft reject", "add header", "rewrite subject", "greylist", "discard",
    "quarantine", "no action",
)  # fmt: skip
PATTERNS: Final[Kind[Patterns]] = Kind("section of patterns", _patterns, multiple=True)
_EXTENSIONS: Final[Kind[tuple[str, ...]]] = Kind("section of string", _words, multiple=True)
_ACTION: Final[Kind[str]] = Kind(f"false|{_ACTIONS.name}", _action)
SECONDS: Final[Kind[float]] = Kind("time", _seconds)


@options_class
class ScannerRule(Section):
    """One program that is asked. What is None or empty is as the protocol has it."""

    type: str = option(STRING, "", doc="its protocol; default: the rule's name")
    name: str = option(STRING, "", doc="name in messages; default: the rule's name")
    servers: UpstreamList | None = option(
        upstreams(0, srv=False),
        None,
        doc="where it listens: host:port or the path of a socket",
        aliases=("socket",),
    )
    default_port: int | None = option(INTEGER, None, doc="port of servers that name none")
    ssl: bool = option(BOOLEAN, False, doc="speak TLS with it, from the first octet")
    no_ssl_verify: bool = option(BOOLEAN, False, doc="with ssl: accept any certificate")
    timeout: float | None = option(
        SECONDS, None, unit="seconds", doc="how long one try may take; default 5 (avast 4, "
        "pyzor and spamassassin 15)",
    )  # fmt: skip
    retransmits: int | None = option(
        at_least(INTEGER, 0), None, doc="further tries after a failure; default 2 (avast 1)"
    )
    symbol: str = option(STRING, "", doc="symbol for a find; default: the rule's name in capitals")
    symbol_fail: str = option(STRING, "", doc="symbol when there is no answer; default SYMBOL_FAIL")
    symbol_encrypted: str = option(
        STRING, "", doc="symbol for what cannot be opened; default SYMBOL_ENCRYPTED"
    )
    symbol_macro: str = option(
        STRING, "", doc="symbol for documents with macros; default SYMBOL_MACRO"
    )
    symbol_bulk: str = option(STRING, "DCC_BULK", doc="symbol for mail that DCC counted often")
    symbol_type: str = option(
        one_of("", "normal", "postfilter"),
        "",
        doc="stage it is asked in; default normal (spamassassin: postfilter)",
    )
    score: float | None = option(NUMBER, None, doc="score of the symbol for a find")
    group: str = option(STRING, "", doc="group of the rule's symbols; default: the module")
    description: str = option(STRING, "", doc="what people read about the symbol")
    action: str = option(_ACTION, "", doc="action forced by a find; default: the score decides")
    message: str = option(
        STRING, "", doc="reply of a forced action; ${SCANNER} and ${VIRUS} stand for the names"
    )
    max_size: int | None = option(SIZE, None, unit="bytes", doc="larger content is not scanned")
    min_size: int | None = option(SIZE, None, unit="bytes", doc="smaller content is not scanned")
    text_part_min_words: int | None = option(
        INTEGER, None, unit="words", doc="mail whose texts are all shorter is not scanned"
    )
    scan_mime_parts: bool | None = option(
        BOOLEAN,
        None,
        doc="scan each attachment, not the whole message; default: virus scanners do",
        aliases=("attachments_only",),
    )
    scan_text_mime: bool = option(
        BOOLEAN, False, doc="scan texts of text_part_min_words words or more too"
    )
    scan_image_mime: bool = option(BOOLEAN, False, doc="scan pictures too")
    mime_parts_filter_regex: Patterns = option(
        PATTERNS, (), doc="scan only parts whose type or name matches"
    )
    mime_parts_filter_ext: tuple[str, ...] = option(
        _EXTENSIONS, (), doc="scan only parts with these file extensions"
    )
    patterns: Patterns = option(PATTERNS, (), doc="symbol by pattern over the name of the find")
    patterns_fail: Patterns = option(PATTERNS, (), doc="symbol by pattern over the error")
    whitelist: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="names of finds that do not count"
    )
    dynamic_scan: bool | None = option(
        BOOLEAN, None, doc="as postfilter: do not ask about mail that is rejected anyway"
    )
    default_score: float | None = option(NUMBER, None, doc="weight of a find")
    log_clean: bool = option(BOOLEAN, False, doc="log what was found to be clean as well")
    show_attachments: bool = option(
        BOOLEAN, False, doc="name the attachment in the symbol's options"
    )
    eicar_fake_pattern: str = option(
        STRING, "", doc="a part that is this text is scanned as the EICAR test file"
    )
    tmpdir: str = option(STRING, "/tmp", doc="directory for files handed over (avast)")  # noqa: S108
    extended: bool = option(BOOLEAN, False, doc="SpamAssassin: one option for each rule that hit")
    client: str = option(STRING, "0.0.0.0", doc="DCC: address where no client is known")  # noqa: S104
    body_max: int = option(INTEGER, 999_999, doc="DCC: count of equal bodies that makes bulk")
    fuz1_max: int = option(INTEGER, 999_999, doc="DCC: count of similar bodies (fuz1)")
    fuz2_max: int = option(INTEGER, 999_999, doc="DCC: count of similar bodies (fuz2)")
    prefix: str = option(
        STRING, "", doc="put before the keys of answers in Redis; default rs_NAME_"
    )
    no_cache: bool = option(BOOLEAN, False, doc="ask again about contents that were scanned before")
    cache_expire: float | None = option(
        SECONDS,
        None,
        unit="seconds",
        doc="how long Redis keeps an answer; default 3600 (razor and pyzor 7200)",
    )
    known: ClassVar[Mapping[str, Option]] = unserved_rule("antivirus")


@options_class
class NamedScanner(ScannerRule):
    """One of several programs."""

    enabled: bool = option(BOOLEAN, True, doc="false takes this scanner out")


SERVED_TYPES: Final = {"antivirus": viruses.PROTOCOLS, "external_services": filters.PROTOCOLS}
"""Module -> type -> protocol."""


def protocol_name(name: str, rule: NamedScanner) -> str:
    """The protocol of the rule under ``name``."""
    return (rule.type or name).lower()


def _rules(module: str) -> Kind[Mapping[str, NamedScanner]]:
    bound = rules_of(NamedScanner, module)
    types = SERVED_TYPES[module]

    def convert(nodes: list[UclNode], binder: Binder) -> Mapping[str, NamedScanner]:
        section = merged_object(nodes)
        if section.values(module):  # antivirus { antivirus { } }: braces too many
            report_unknown(UclObject({module: section.all(module)}), binder, module, ())
            rest = {key: values for key, values in section.entries.items() if key != module}
            section = UclObject(rest, section.origin, priority=section.priority)
        found = bound.convert([section], binder)
        for name, rule in found.items():
            if protocol_name(name, rule) not in types and rule.servers is not None:
                binder.report(
                    Severity.INFO,
                    "not-served",
                    section.values(name)[0],
                    f"{module}.{name}: this engine does not speak with {rule.type or name!r}",
                    f"it speaks with {', '.join(types)}",
                )
        return found

    return Kind(bound.name, convert, multiple=True, inner=NamedScanner, named=True)


_OUT_OF_PLACE: Final = MappingProxyType(
    {
        made.key: f"write it into the section of a scanner: NAME {{ {made.key} = ...; }}"
        for made in options_of(ScannerRule)
    }
)
"""Beside the scanners' sections Rspamd passes over their options in silence."""
_NONE: Final[Mapping[str, NamedScanner]] = MappingProxyType({})


@options_class
class AntivirusOptions(Section):
    """Virus scanners."""

    rules: Mapping[str, NamedScanner] = option(
        _rules("antivirus"), _NONE, key=REST, doc="one scanner for viruses"
    )
    redis: RedisConfig = option(
        section(RedisConfig, "redis"), RedisConfig(), doc="where answers are kept"
    )
    anchor: ClassVar[str] = "modules/antivirus"
    retired: ClassVar[Mapping[str, str]] = _OUT_OF_PLACE
    known: ClassVar[Mapping[str, Option]] = unserved("antivirus")


@options_class
class ExternalServicesOptions(Section):
    """Other filters that are asked: DCC, Razor, Pyzor, SpamAssassin."""

    rules: Mapping[str, NamedScanner] = option(
        _rules("external_services"), _NONE, key=REST, doc="one external service"
    )
    redis: RedisConfig = option(
        section(RedisConfig, "redis"), RedisConfig(), doc="where answers are kept"
    )
    anchor: ClassVar[str] = "modules/external_services"
    retired: ClassVar[Mapping[str, str]] = _OUT_OF_PLACE
    known: ClassVar[Mapping[str, Option]] = unserved("external_services")


@options_class
class DccOptions(ScannerRule):
    """Counts of similar mails at DCC; ``external_services`` has the same."""

    host: str = option(STRING, "", doc="old name of the server or socket")
    port: int | None = option(INTEGER, None, doc="port of host")
    anchor: ClassVar[str] = "modules/dcc"
    retired: ClassVar[Mapping[str, str]] = {"client_ip": "write client"}
    known: ClassVar[Mapping[str, Option]] = unserved("dcc")
