"""What a list's answer means: symbols by return code or bit (RFC 5782, section 2.1)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from dataclasses import field
from enum import Enum
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from filter_engine.checks.rbl.lua_pattern import compile_lua_pattern
from filter_engine.checks.rbl.options import RblRule
from filter_engine.lazy_dataclass import frozen, mutable

_LISTS: Final = IPv4Network("127.0.0.0/8")
_REFUSALS: Final = IPv4Network("127.255.255.0/24")
_LUA_SIGNS: Final = frozenset("%[")
_REMEMBERED: Final = 512

Matcher = Callable[[str], bool]


class Plain(Enum):
    """What an answer says that no code explains."""

    NOTHING = "nothing"
    LISTED = "listed"
    """It sets the rule's own symbol."""
    BLOCKED = "blocked"
    """The list refuses to answer this resolver (Spamhaus' convention, which others took over)."""
    FOREIGN = "foreign"
    """No answer of a list: the zone is somebody else's now, or the resolver invents addresses."""


@frozen
class Meaning:
    """What one address in an answer means."""

    codes: tuple[str, ...]
    """Symbols of ``returncodes`` or ``returnbits``, repeated as often as they count."""
    plain: Plain = Plain.NOTHING


@mutable
class Codes:
    """A rule's codes, made ready once a configuration."""

    matchers: tuple[tuple[str, tuple[Matcher, ...]], ...] = ()
    bits: tuple[tuple[str, tuple[int, ...]], ...] = ()
    unknown: bool = False
    _known: dict[str, Meaning] = field(default_factory=dict)

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols that codes set, without prefix."""
        return tuple(name for name, _ in (*self.bits, *self.matchers))

    def meaning(self, address: str) -> Meaning:
        """What an address of an answer means."""
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= _REMEMBERED:  # a list has some ten codes
                self._known.clear()
            known = self._known[address] = self._judge(address)
        return known

    def _judge(self, address: str) -> Meaning:
        try:
            ip = IPv4Address(address)
        except ValueError:
            return Meaning((), Plain.FOREIGN)
        if self.bits:
            # An answer that is no list's has bits as well.
            found = _by_bits(int(ip), self.bits) if ip in _LISTS and ip not in _REFUSALS else ()
        else:
            found = tuple(
                name for name, fits in self.matchers if any(match(address) for match in fits)
            )
        if found:
            return Meaning(found)
        if ip not in _LISTS:
            return Meaning((), Plain.FOREIGN)
        if ip in _REFUSALS:
            return Meaning((), Plain.BLOCKED)
        return Meaning((), Plain.LISTED if self.unknown else Plain.NOTHING)


def _by_bits(number: int, bits: Iterable[tuple[str, tuple[int, ...]]]) -> tuple[str, ...]:
    return tuple(name for name, masks in bits for mask in masks if number & mask == mask)


def codes_of(rule: RblRule, *, unknown: bool) -> Codes:
    """The codes of a rule; without any, every answer sets the rule's symbol.

    Raises ValueError for a code that cannot be read.
    """
    if rule.returnbits:
        bits = tuple((name.upper(), masks) for name, masks in rule.returnbits.items())
        return Codes(bits=bits, unknown=unknown)
    if not rule.returncodes:
        return Codes(unknown=True)
    make = _MATCHERS[rule.returncodes_matcher or _guess(rule)]
    matchers = tuple(
        (name.upper(), tuple(make(code) for code in codes))
        for name, codes in rule.returncodes.items()
    )
    return Codes(matchers, unknown=unknown)


def _guess(rule: RblRule) -> str:
    """Rspamd up to 3.4 knows Lua patterns only; a plain address means the same in both."""
    codes = "".join(code for codes in rule.returncodes.values() for code in codes)
    return "luapattern" if _LUA_SIGNS.intersection(codes) else "equality"


def _equality(code: str) -> Matcher:
    return code.__eq__


def _lua(code: str) -> Matcher:
    pattern = compile_lua_pattern(code)
    return lambda address: pattern.fullmatch(address) is not None


def _regexp(code: str) -> Matcher:
    text = code.strip()
    if text.startswith("/") and text.rfind("/") > 0:
        text = text[1 : text.rfind("/")]
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ValueError(f"{code!r} is no regular expression: {error}") from None
    return lambda address: pattern.search(address) is not None


def _glob(code: str) -> Matcher:
    pattern = re.compile(fnmatch.translate(code))
    return lambda address: pattern.match(address) is not None


def _radix(code: str) -> Matcher:
    try:
        network = IPv4Network(code, strict=False)
    except ValueError:
        raise ValueError(f"{code!r} is no IPv4 network, and answers are IPv4 addresses") from None
    return lambda address: IPv4Address(address) in network


_MATCHERS: Final[dict[str, Callable[[str], Matcher]]] = {
    "equality": _equality,
    "luapattern": _lua,
    "regexp": _regexp,
    "glob": _glob,
    "radix": _radix,
}
