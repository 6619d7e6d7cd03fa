"""Message-ID: its form, and whose domain it has."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar, Final

from filter_engine.auth.results import DkimResult
from filter_engine.checks.addresses import header_recipients, header_senders
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition, MapKind
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section, option
from filter_engine.dns.names import organisational_domain
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.map import Map
from filter_engine.matching import Pattern, PatternError, parse_slashed
from filter_engine.message.charset import decode_header_bytes
from filter_engine.message.quoted import strip_comments
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

log = logging.getLogger(__name__)

_GROUP = ("Message ID",)
_KNOWN_GROUP: Final = ("mid",)
_MAX_PATTERNS: Final = 10_000
_PATTERN_TIME: Final = 0.05
"""Seconds; a pattern that needs more for one line does not fit."""
_LOOKED_AT: Final = 1000
"""Characters; a line of a header has no more (RFC 5322, section 2.1.1)."""
_BARE_IP: Final = re.compile(r"@\d+\.\d+\.\d+\.\d+>$")
_NOT_FQDN: Final = re.compile(r"@[^.]+>?$")
_BRACKETS: Final = re.compile(r"<[^>]+>")
_IP_LITERAL: Final = re.compile(r"@\[\d+\.\d+\.\d+\.\d+\]")
_RIGHT_SIDE: Final = re.compile(r"@([^>]+)>?$")
#: ASCII without ``<>\\`` and blanks; a class that excludes all beyond ASCII takes 3 ms to compile.
_SANE_PART: Final = r"[\x00-\x08\x0c\x0e-\x1f!-;=?-\[\]-\x7f]+"
_SANE: Final = re.compile(rf"<?{_SANE_PART}@{_SANE_PART}>?\s*")


@options_class
class MidOptions(Section):
    """Message-IDs of big senders that are odd, or absent, all the same."""

    anchor: ClassVar[str] = "modules/mid"
    known: ClassVar[Mapping[str, Option]] = unserved("mid")

    source: MapDefinition | None = option(
        MAP_DEFINITION,
        None,
        doc="domains that sign with DKIM, each with a regexp of its odd Message-IDs; without one: "
        "its mail has none",
        aliases=("url",),
    )


@frozen
class KnownForms:
    """How the Message-IDs of signing domains look."""

    map: Map
    patterns: dict[str, Pattern | None] = field(default_factory=dict)
    """Those that were needed so far, by their text; None: cannot be read."""

    def pattern(self, text: str, where: str) -> Pattern | None:
        """The pattern an entry has; one that cannot be read is told once."""
        if text not in self.patterns:
            if len(self.patterns) >= _MAX_PATTERNS:
                self.patterns.clear()
            self.patterns[text] = None
            try:
                self.patterns[text] = parse_slashed(text, "mid.source", where)
            except PatternError as error:
                log.warning("%s: mid.source: %s", where, error)
        return self.patterns[text]


def _prepare(options: MidOptions, setup: Setup) -> KnownForms:
    return KnownForms(setup.maps.of(options.source, MapKind.HASH, "mid.source"))


@check(
    "mid",
    options=MidOptions,
    symbols=(
        Symbol("MISSING_MID", 2.5, "There is no Message-ID", ("headers",), True),
        Symbol("INVALID_MSGID", 1.7, "The Message-ID is malformed", ("headers",), True),
        Symbol("MID_BARE_IP", 2.0, "The Message-ID ends with a bare address", _GROUP),
        Symbol("MID_RHS_NOT_FQDN", 0.5, "The Message-ID's domain has no dot", _GROUP),
        Symbol("MID_MISSING_BRACKETS", 0.5, "The Message-ID lacks its angle brackets", _GROUP),
        Symbol("MID_RHS_IP_LITERAL", 0.5, "The Message-ID's domain is an address literal", _GROUP),
        Symbol("MID_RHS_WWW", 0.5, "The Message-ID is of a www host", ("compromised_hosts",), True),
        Symbol("MID_CONTAINS_FROM", 1.0, "The Message-ID holds the From address", _GROUP),
        Symbol("MID_RHS_MATCH_FROM", 0.0, "The Message-ID has From's domain", _GROUP),
        Symbol("MID_RHS_MATCH_FROMTLD", 0.0, "The Message-ID has From's organisation", _GROUP),
        Symbol("MID_CONTAINS_TO", 1.0, "The Message-ID holds the To address", _GROUP),
        Symbol("MID_RHS_MATCH_TO", 1.0, "The Message-ID has To's domain", _GROUP),
        Symbol("KNOWN_MID", 0.0, "A Message-ID as the signing domain makes it", _KNOWN_GROUP),
        Symbol("KNOWN_NO_MID", 0.0, "None, as the signing domain does it", _KNOWN_GROUP),
        Symbol("INVALID_MSGID_ALLOWED", 0.0, "Malformed, as that domain's are", _KNOWN_GROUP),
        Symbol("MISSING_MID_ALLOWED", 0.0, "None, as in that domain's mail", _KNOWN_GROUP),
    ),
    prepare=_prepare,
    needs=("dkim",),
)
async def check_mid(task: Task, ask: Ask) -> list[Finding]:
    """Form of the Message-ID, and its domain beside those of From, To and signatures."""
    found = _form(task)
    known: KnownForms | None = task.state("mid")
    if not known or not known.map or task.message.get("dkim-signature") is None:
        return found
    result: DkimResult | None = await ask.result("dkim")
    domain = "" if result is None else _known_to(task, known, result)
    if not domain:
        return found
    bad = [one for one in found if one.symbol in _ALLOWED]
    if not bad:
        return [*found, Finding("KNOWN_MID", (domain,))]
    rest = [one for one in found if one.symbol not in _ALLOWED]
    return [*rest, *(Finding(_ALLOWED[one.symbol], (domain,)) for one in bad)]


_ALLOWED: Final = {"INVALID_MSGID": "INVALID_MSGID_ALLOWED", "MISSING_MID": "MISSING_MID_ALLOWED"}


def _known_to(task: Task, known: KnownForms, result: DkimResult) -> str:
    """The first domain with a valid signature whose mail looks so; ``""`` when none does."""
    written = task.message.get("message-id")
    for signature in result.passed:
        hit = known.map.find(signature.domain)
        if hit is None or bool(hit.value) is (written is None):
            continue
        if written is None:
            return signature.domain
        pattern = known.pattern(hit.value, hit.where)
        subject = written.value[:_LOOKED_AT].encode("utf-8", "surrogateescape")
        try:
            if pattern is not None and pattern.regex.search(subject, timeout=_PATTERN_TIME):
                return signature.domain
        except TimeoutError:
            continue
    return ""


def _form(task: Task) -> list[Finding]:
    field = task.message.get("message-id")
    if field is None:
        return [Finding("MISSING_MID")]
    mid = field.value[:_LOOKED_AT]
    found: list[Finding] = []
    if "(" in mid:
        mid = decode_header_bytes(strip_comments(mid.encode("utf-8", "replace"))).strip()
    if _SANE.fullmatch(mid) is None:
        found.append(Finding("INVALID_MSGID"))
    if _BARE_IP.search(mid):
        found.append(Finding("MID_BARE_IP"))
    if _NOT_FQDN.search(mid):
        found.append(Finding("MID_RHS_NOT_FQDN"))
    if _BRACKETS.fullmatch(mid) is None:
        found.append(Finding("MID_MISSING_BRACKETS"))
    if _IP_LITERAL.search(mid):
        found.append(Finding("MID_RHS_IP_LITERAL"))
    lowered = mid.lower()
    if "@www." in lowered:
        found.append(Finding("MID_RHS_WWW"))
    return found + _domains(task, lowered)


def _domains(task: Task, mid: str) -> list[Finding]:
    """Whose domain the Message-ID (in lower case) has."""
    found: list[Finding] = []
    right = _RIGHT_SIDE.search(mid)
    domain = right.group(1) if right is not None else None
    senders = header_senders(task)
    from_domain = senders[0].domain if senders else ""
    if from_domain:
        if senders[0].spelled.lower() in mid:
            found.append(Finding("MID_CONTAINS_FROM"))
        elif domain == from_domain:
            found.append(Finding("MID_RHS_MATCH_FROM"))
        elif domain and organisational_domain(domain) == organisational_domain(from_domain):
            found.append(Finding("MID_RHS_MATCH_FROMTLD"))
    recipients = header_recipients(task)
    to_domain = recipients[0].domain if recipients else ""
    if to_domain and to_domain != from_domain:
        if recipients[0].spelled.lower() in mid:
            found.append(Finding("MID_CONTAINS_TO"))
        elif domain == to_domain:
            found.append(Finding("MID_RHS_MATCH_TO"))
    return found
