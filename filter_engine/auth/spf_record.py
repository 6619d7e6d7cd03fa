"""SPF records as written (RFC 7208, sections 4.6, 5, 6 and 12). Reading one asks nothing of DNS."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network

from filter_engine.auth.kept import kept
from filter_engine.auth.results import SpfCode
from filter_engine.auth.spf_macro import (
    MacroString,
    SpfSyntaxError,
    parse_domain_spec,
    parse_macro_string,
)
from filter_engine.lazy_dataclass import settled

MAX_RECORD = 16384
"""Octets of a record that is read; longer ones are permerror."""

_QUALIFIERS = {
    "+": SpfCode.PASS,
    "-": SpfCode.FAIL,
    "~": SpfCode.SOFTFAIL,
    "?": SpfCode.NEUTRAL,
}
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9\-_.]*)=(.*)\Z")
_MECHANISM = re.compile(r"([+\-?~]?)([A-Za-z][A-Za-z0-9\-_.]*)(.*)\Z", re.DOTALL)
_PREFIXES = re.compile(r"(.*?)(?:/(0|[1-9][0-9]{0,2}))?(?://(0|[1-9][0-9]{0,2}))?\Z", re.DOTALL)

TAKES_LOOKUP = frozenset({"include", "a", "mx", "ptr", "exists"})
"""Mechanisms that count against the limit of ten (section 4.6.4)."""


@settled
class Directive:
    """One mechanism with its qualifier."""

    qualifier: str
    result: SpfCode
    mechanism: str
    """Lower-case."""
    text: str
    """As written, without the qualifier."""
    target: MacroString = ()
    """The domain-spec; empty means the current domain."""
    network: IPv4Network | IPv6Network | None = None
    """For ip4 and ip6."""
    prefix4: int = 32
    prefix6: int = 128

    @property
    def label(self) -> str:
        """Qualifier and text: how the directive is named in results."""
        return f"{self.qualifier}{self.text}"


@settled
class Record:
    """A record that is syntactically right."""

    directives: tuple[Directive, ...]
    redirect: MacroString | None = None
    explanation: MacroString | None = None


def is_record(text: bytes) -> bool:
    """Whether a TXT record is an SPF record (section 4.5): ``v=spf1``, then a space or the end."""
    return text[:6].lower() == b"v=spf1" and text[6:7] in (b"", b" ")


def parse_record(text: bytes) -> Record:
    """Read a whole record; any error makes all of it permerror (section 4.6).

    Raises SpfSyntaxError.
    """
    if len(text) > MAX_RECORD:
        raise SpfSyntaxError(f"record of {len(text)} octets")
    return _parse(text)


@kept
def _parse(text: bytes) -> Record:
    try:
        terms = text.decode("ascii").split(" ")[1:]
    except UnicodeDecodeError:
        raise SpfSyntaxError("record is not ASCII") from None
    directives: list[Directive] = []
    modifiers: dict[str, MacroString] = {}
    for term in terms:
        if not term:
            continue
        if found := _MODIFIER.match(term):
            name, value = found[1].lower(), found[2]
            if name not in ("redirect", "exp"):
                parse_macro_string(value)
                continue
            if name in modifiers:
                raise SpfSyntaxError(f"{name}= occurs twice")
            modifiers[name] = parse_domain_spec(value)
        else:
            directives.append(parse_directive(term))
    return Record(tuple(directives), modifiers.get("redirect"), modifiers.get("exp"))


def keep(records: int) -> None:
    """How many parsed records are kept from now on (``spf_cache_size``)."""
    if _parse.cache_info().maxsize != records:
        _parse.resize(records)


def parse_directive(term: str) -> Directive:
    """Read one mechanism with its qualifier. Raises SpfSyntaxError."""
    found = _MECHANISM.match(term)
    if found is None:
        raise SpfSyntaxError(f"{term[:60]!r} is no mechanism")
    qualifier, name, rest = found[1] or "+", found[2].lower(), found[3]
    text = term.removeprefix(found[1])
    result = _QUALIFIERS[qualifier]
    match name:
        case "all":
            if rest:
                raise SpfSyntaxError(f"{term[:60]!r}: all takes no argument")
            return Directive(qualifier, result, name, text)
        case "ip4" | "ip6":
            return Directive(qualifier, result, name, text, network=_network(name, rest, term))
        case "include" | "exists":
            return Directive(qualifier, result, name, text, _target(rest, term, required=True))
        case "ptr":
            return Directive(qualifier, result, name, text, _target(rest, term))
        case "a" | "mx":
            prefixes = _PREFIXES.match(rest)
            assert prefixes is not None
            prefix4 = _bounded(prefixes[2], 32, term)
            prefix6 = _bounded(prefixes[3], 128, term)
            target = _target(prefixes[1], term)
            return Directive(qualifier, result, name, text, target, None, prefix4, prefix6)
    raise SpfSyntaxError(f"unknown mechanism {term[:60]!r}")


def _target(rest: str, term: str, *, required: bool = False) -> MacroString:
    if not rest and not required:
        return ()
    if not rest.startswith(":") or len(rest) == 1:
        raise SpfSyntaxError(f"{term[:60]!r}: expected ':' and a domain name")
    return parse_domain_spec(rest[1:])


def _bounded(digits: str | None, most: int, term: str) -> int:
    length = most if digits is None else int(digits)
    if length > most:
        raise SpfSyntaxError(f"{term[:60]!r}: prefix length above {most}")
    return length


def _network(name: str, rest: str, term: str) -> IPv4Network | IPv6Network:
    address, slash, digits = rest.removeprefix(":").partition("/")
    if not rest.startswith(":") or (slash and not re.fullmatch(r"0|[1-9][0-9]{0,2}", digits)):
        raise SpfSyntaxError(f"{term[:60]!r}: expected an address or network")
    try:
        network = ip_network(f"{address}{slash}{digits}", strict=False)
    except ValueError:
        raise SpfSyntaxError(f"{term[:60]!r}: {address[:50]!r} is not an address") from None
    if (name == "ip4") is not isinstance(network.network_address, IPv4Address) or "%" in address:
        raise SpfSyntaxError(f"{term[:60]!r}: address of the other family")
    return network
