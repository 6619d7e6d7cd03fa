"""What the conditions of settings compare: texts, addresses, headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from filter_engine.config.kinds import merged_object, text_of
from filter_engine.config.schema import Binder, Kind, MisfitError
from filter_engine.config.tell import tell_control_characters
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.nodes import UclNode, UclScalar

_FLAGS: Final = {"i": re.IGNORECASE, "s": re.DOTALL, "m": re.MULTILINE, "x": re.VERBOSE}
"""Those that mean something here; ``u`` is always so in Python, ``U`` (ungreedy) cannot change
whether a text fits."""


@frozen
class TextPattern:
    """``/regexp/flags``, or a text that has to be equal without regard to case."""

    text: str
    regexp: re.Pattern[str] | None = None

    def fits(self, value: str) -> bool:
        """Whether a value is meant."""
        if self.regexp is not None:
            return self.regexp.search(value) is not None
        return value.lower() == self.text

    def contained_in(self, value: str) -> bool:
        """Whether a value holds what is meant, at any place."""
        if self.regexp is not None:
            return self.regexp.search(value) is not None
        return self.text in value.lower()


@frozen
class AddressPattern:
    """``/regexp/``, ``user@domain``, ``@domain``, or ``user`` at any domain."""

    pattern: TextPattern

    def fits(self, address: str) -> bool:
        """Whether an address (without angle brackets) is meant."""
        pattern = self.pattern
        if pattern.regexp is not None:
            return pattern.fits(address)
        user, _, domain = address.lower().rpartition("@")
        if pattern.text.startswith("@"):
            return domain == pattern.text[1:]
        return pattern.text in (address.lower(), user) if user else pattern.text == domain


def _text_pattern(node: UclNode, binder: Binder) -> TextPattern:
    text = text_of(node).strip()
    tell_control_characters(text, node, binder)
    if not text:
        raise MisfitError("an empty text fits everything or nothing", "write /^$/ for none", node)
    if not text.startswith("/"):
        return TextPattern(text.lower())
    body, slash, flags = text[1:].rpartition("/")
    if not slash or flags.strip("ismxuU"):
        raise MisfitError(f"{text!r} is no regular expression", "write /pattern/ or /pattern/i")
    bits = re.NOFLAG
    for letter, flag in _FLAGS.items():
        bits |= flag if letter in flags else re.NOFLAG
    try:
        return TextPattern(text, re.compile(body, bits))
    except re.error as error:
        raise MisfitError(f"{text!r}: {error}", "Python's regular expressions are read") from None


TEXT_PATTERN: Kind[TextPattern] = Kind(
    "pattern", lambda nodes, binder: _text_pattern(nodes[0], binder)
)


def _address_pattern(nodes: list[UclNode], binder: Binder) -> AddressPattern:
    pattern = _text_pattern(nodes[0], binder)
    if pattern.regexp is None and not pattern.text.strip("@."):
        # its empty domain would be that of the null sender, which is no sender of a site's
        raise MisfitError(
            f"{pattern.text!r} is neither an address nor a domain",
            "write user@domain, @domain, or /^$/ for the null sender",
            nodes[0],
        )
    return AddressPattern(pattern)


ADDRESS_PATTERN: Kind[AddressPattern] = Kind("address pattern", _address_pattern)


def _headers(nodes: list[UclNode], binder: Binder) -> Mapping[str, TextPattern | bool]:
    found: dict[str, TextPattern | bool] = {}
    for name, values in merged_object(nodes).entries.items():
        value = values[0]
        if isinstance(value, UclScalar) and isinstance(value.value, bool):
            found[name] = value.value
        else:
            found[name] = _text_pattern(value, binder)
    return MappingProxyType(found)


#: Header -> what its value has to be; true: it is there, false: it is not.
HEADERS: Kind[Mapping[str, TextPattern | bool]] = Kind("headers", _headers, multiple=True)
