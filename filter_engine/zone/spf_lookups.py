"""How many lookups an SPF record costs whoever checks it (RFC 7208, section 4.6.4), and for what.

At worst: every mechanism is reached. What includes lead to is asked for through ``look_up``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from filter_engine.auth.spf import MAX_LOOKUPS, MAX_VOID_LOOKUPS
from filter_engine.auth.spf_macro import MacroString, SpfSyntaxError
from filter_engine.auth.spf_record import (
    TAKES_LOOKUP,
    Directive,
    Record,
    is_record,
    parse_record,
)
from filter_engine.zone.answers import Answer

Network = IPv4Network | IPv6Network
LookUp = Callable[[str, str], Answer]

MAX_VISITED = 60
"""Records looked at in all; a chain that is longer has failed long before."""
MAX_COUNTED = 60
"""Lookups after which no more are counted or made; receivers stop after ten."""
MAX_UDP = 450
"""Octets of a record that fits an answer over UDP with some room (RFC 7208, section 3.4)."""


@dataclass
class Term:
    """One term of the record itself that costs lookups."""

    text: str
    lookups: int = 1
    networks: list[Network] = field(default_factory=list)
    """What it comes to today; what cannot be told without a mail is left out."""
    whole: bool = True
    """Whether ``networks`` is all there is to it."""

    def flattened(self) -> list[str]:
        """The mechanisms that it would be replaced by."""
        return [
            f"ip{net.version}:{net.network_address if net.prefixlen == net.max_prefixlen else net}"
            for net in _collapsed(self.networks)
        ]


@dataclass
class Survey:
    """What a record costs."""

    lookups: int = 0
    void: int = 0
    """Lookups that find nothing; more than two are an error."""
    terms: list[Term] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    """What nobody told, so that the count is too low."""
    visited: int = 0

    @property
    def excessive(self) -> bool:
        """Whether receivers give up: the record then protects nobody."""
        return self.lookups > MAX_LOOKUPS or self.void > MAX_VOID_LOOKUPS

    def advice(self) -> str:
        """Which includes to flatten, the dearest first, until the rest is within the limit."""
        over = self.lookups - MAX_LOOKUPS
        parts = []
        for term in sorted(self.terms, key=lambda one: -one.lookups):
            if over <= 0:
                break
            if not term.whole or not term.networks:
                continue
            over -= term.lookups
            cost = "1 lookup" if term.lookups == 1 else f"{term.lookups} lookups"
            parts.append(f"{term.text} ({cost}) by {' '.join(term.flattened())}")
        if not parts:
            return "remove terms that no mail comes from any more" if over > 0 else ""
        rest = "" if over <= 0 else f"; even then {over} too many are left"
        told = f"replace {'; '.join(parts)}{rest}"
        return f"{told}. Compare daily: these networks are another's and change"


def survey(name: str, text: str, look_up: LookUp | None = None) -> Survey:
    """Count a record's lookups; without ``look_up`` only those of the record itself."""
    found = Survey()
    try:
        record = parse_record(text.encode("ascii", "replace"))
    except SpfSyntaxError as error:
        found.problems.append(f"{name}: {error}")
        return found
    _walk(name, record, found, look_up, (name,), found.terms)
    return found


def _walk(
    name: str,
    record: Record,
    found: Survey,
    look_up: LookUp | None,
    path: tuple[str, ...],
    terms: list[Term] | None,
) -> tuple[list[Network], bool]:
    """Count one record; returns its networks and whether they are all."""
    networks: list[Network] = []
    whole = True
    found.visited += 1
    for directive in record.directives:
        # What does not pass is no network of theirs, and leaves a hole in those that follow.
        passes = directive.qualifier == "+"
        whole = whole and (passes or directive.mechanism == "all")
        if directive.network is not None:
            networks += [directive.network] if passes else []
            continue
        if directive.mechanism not in TAKES_LOOKUP:
            continue
        if found.lookups >= MAX_COUNTED:
            return networks, False
        before = found.lookups
        found.lookups += 1
        nets, complete = _term(name, directive, found, look_up, path)
        if terms is not None:
            text = directive.text
            terms.append(Term(text, found.lookups - before, nets, complete))
        networks += nets if passes else []
        whole = whole and complete
    if record.redirect is not None and not any(d.mechanism == "all" for d in record.directives):
        before = found.lookups
        found.lookups += 1
        nets, complete = _descend(_plain(record.redirect), found, look_up, path)
        if terms is not None:
            # Its ending is part of it: no list of networks stands for that.
            terms.append(Term("redirect", found.lookups - before, nets, whole=False))
        networks += nets
        whole = whole and complete
    return networks, whole


def _term(
    name: str,
    directive: Directive,
    found: Survey,
    look_up: LookUp | None,
    path: tuple[str, ...],
) -> tuple[list[Network], bool]:
    target = _plain(directive.target) if directive.target else name
    if directive.mechanism == "include":
        return _descend(target, found, look_up, path)
    if look_up is None or target is None or directive.mechanism in ("ptr", "exists"):
        return [], False
    hosts = [target]
    if directive.mechanism == "mx":
        answer = look_up(target, "MX")
        if not answer.data:
            found.void += not answer.failure
            return [], not answer.failure
        hosts = [text.split()[-1].rstrip(".") for text in answer.data][:MAX_LOOKUPS]
    networks: list[Network] = []
    whole = True
    for host in hosts:
        answers = [look_up(host, kind) for kind in ("A", "AAAA")]
        whole = whole and not any(answer.failure for answer in answers)
        if directive.mechanism == "a" and whole and not any(one.data for one in answers):
            found.void += 1
        for answer, prefix in zip(answers, (directive.prefix4, directive.prefix6), strict=True):
            networks += [ip_network((address, prefix), strict=False) for address in answer.data]
    return networks, whole


def _descend(
    target: str | None, found: Survey, look_up: LookUp | None, path: tuple[str, ...]
) -> tuple[list[Network], bool]:
    """Into the record of an include or redirect."""
    if target is None or look_up is None:
        return [], False
    if target in path:
        found.problems.append(f"{' includes '.join((*path, target))}: a circle")
        return [], False
    if found.visited >= MAX_VISITED:
        return [], False
    answer = look_up(target, "TXT")
    if answer.failure:
        found.unasked.append(f"SPF record of {target}: {answer.failure}")
        return [], False
    records = [text for text in answer.data if is_record(text.encode())]
    if len(records) != 1:
        what = "has no SPF record" if not records else f"has {len(records)} SPF records"
        found.void += not answer.data
        found.problems.append(f"{target} {what}: whoever includes it fails (RFC 7208, 5.2)")
        return [], False
    try:
        record = parse_record(records[0].encode("ascii", "replace"))
    except SpfSyntaxError as error:
        found.problems.append(f"{target}: {error}")
        return [], False
    return _walk(target, record, found, look_up, (*path, target), None)


def _plain(parts: MacroString | None) -> str | None:
    """A domain-spec without macros; None where only a mail can tell."""
    texts = [part for part in parts or () if isinstance(part, str)]
    if not texts or len(texts) != len(parts or ()):
        return None
    return "".join(texts).rstrip(".").lower()


def _collapsed(networks: Iterable[Network]) -> list[Network]:
    networks = list(networks)
    v4 = collapse_addresses(net for net in networks if isinstance(net, IPv4Network))
    v6 = collapse_addresses(net for net in networks if isinstance(net, IPv6Network))
    return [*v4, *v6]
