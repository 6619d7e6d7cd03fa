"""What a rule's ``filter`` takes of a value, by the rule's type. Names are Rspamd's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, TypeAlias

from filter_engine.dns.names import organisational_domain
from filter_engine.matching import PatternError, PatternSet, parse_slashed
from filter_engine.message.address import Address, parse_addresses
from filter_engine.message.header import HeaderField
from filter_engine.message.url import Url, UrlFlag

Filter: TypeAlias = "Callable[[object], Sequence[str]]"
"""From a value (text, URL or header) to the texts that are looked up."""
_OfText: TypeAlias = "Callable[[str], str | None]"
_OfUrl: TypeAlias = "Callable[[Url], str | None]"

_MAX_KEPT: Final = 16384
"""Octets of a header whose addresses are kept."""

CONTENT_FILTERS: Final = ("body", "full", "headers", "text", "rawtext", "oneline")
RECEIVED_FIELDS: Final = (
    "real_ip",
    "from_ip",
    "real_hostname",
    "from_hostname",
    "by_hostname",
    "proto",
    "for",
)
_ADDRESSES: Final[Mapping[str, Callable[[Address], str]]] = {
    "email": lambda a: a.email,
    "email:addr": lambda a: a.email,
    "email:user": lambda a: a.local,
    "email:domain": lambda a: a.domain,
    "email:domain:tld": lambda a: organisational_domain(a.domain) if a.domain else "",
    "email:name": lambda a: a.display or "",
}
_URLS: Final[Mapping[str, _OfUrl]] = {
    "": lambda u: u.host,
    "tld": lambda u: u.esld,
    "top": lambda u: u.esld.rpartition(".")[2],
    "full": lambda u: u.text,
    "is_phished": lambda u: u.host if u.flags & UrlFlag.PHISHED else None,
    "is_redirected": lambda u: u.host if u.flags & UrlFlag.REDIRECTED else None,
    "is_obscured": lambda u: u.host if u.flags & UrlFlag.OBSCURED else None,
    "path": lambda u: u.bare_path or None,
    "query": lambda u: u.query or None,
}


class FilterError(ValueError):
    """A filter does not fit the type; ``hint`` says what would."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def no_filter(kind: str, written: str) -> Filter:
    """Of a type that has no filter. Raises ``FilterError`` where one is written."""
    if written:
        raise FilterError(f"filter {written!r}: type {kind} has none", "leave the filter out")
    return _text


def pattern_filter(written: str) -> Filter:
    """``regexp:/pattern/``: what its first group matches. Raises ``FilterError``."""
    return _text_filter(_pattern(written, 1)) if written else _text


def content_filter(written: str) -> Filter:
    """Which part of the content: the values are it already. Raises ``FilterError``."""
    if written and written not in CONTENT_FILTERS:
        raise _unknown(written, CONTENT_FILTERS)
    return _text


def received_filter(written: str) -> Filter:
    """Which field of Received: the values are it already. Raises ``FilterError``."""
    if written and written.removeprefix("tld:") not in RECEIVED_FIELDS:
        raise _unknown(written, RECEIVED_FIELDS)
    return _text


def _unknown(written: str, known: Iterable[str]) -> FilterError:
    return FilterError(f"no filter {written!r}", f"known: {', '.join(filter(None, known))}")


def value_text(value: object) -> str:
    """A value as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, HeaderField):
        return value.value
    return value.text if isinstance(value, Url) else str(value)


def _text(value: object) -> Sequence[str]:
    text = value_text(value)
    return (text,) if text else ()


def _text_filter(change: _OfText) -> Filter:
    def run(value: object) -> Sequence[str]:
        found = change(value_text(value))
        return (found,) if found else ()

    return run


def _pattern(written: str, group: int) -> _OfText:
    """``regexp:/pattern/``: what it matches, or its group of that number where it has one."""
    prefix, colon, text = written.partition("regexp:")
    if prefix or not colon or not text:
        raise _unknown(written, ("regexp:/pattern/",))
    try:
        patterns = PatternSet.compile([parse_slashed(text)], name="multimap filter")
    except PatternError as error:
        raise FilterError(f"filter {written!r}: {error}") from None

    def search(value: str) -> str | None:
        match = patterns.search(0, value.encode("utf-8", "surrogateescape"))
        if match is None:
            return None
        found = match.group(group if match.re.groups >= group else 0)
        return found.decode("utf-8", "replace") if isinstance(found, bytes) else found

    return search


def address_filter(written: str) -> Filter:
    """What of an address is looked up. Raises ``FilterError``."""
    if not written:
        return _text
    if written == "ip_addr":
        return _text_filter(_ip_text)
    read = _ADDRESSES.get(written)
    if read is None:
        if not written.startswith("regexp:"):
            raise _unknown(written, (*_ADDRESSES, "ip_addr", "regexp:/pattern/"))
        search = _pattern(written, 0)
        # Rspamd looks up the whole value where the pattern does not match
        return _text_filter(lambda text: search(text) or text)

    def addresses(value: object) -> Sequence[str]:
        raw = _octets(value)
        found = (_parsed if len(raw) <= _MAX_KEPT else _parsed.__wrapped__)(raw)
        if not any(address.email for address in found):
            return _text(value)
        return tuple(text for address in found if (text := read(address)))

    return addresses


@lru_cache(maxsize=64)
def _parsed(raw: bytes) -> tuple[Address, ...]:
    """The addresses of a value; several rules look at the same headers."""
    return parse_addresses([HeaderField("", raw, 0)], lambda _defect: None)


def _octets(value: object) -> bytes:
    if isinstance(value, HeaderField):
        return value.raw
    return value_text(value).encode("utf-8", "surrogateescape")


def _ip_text(text: str) -> str | None:
    try:
        return str(ip_address(text.strip().strip("[]")))
    except ValueError:
        return None


def host_filter(written: str) -> Filter:
    """What of a host name is looked up. Raises ``FilterError``."""
    match written:
        case "":
            return _text
        case "tld":
            return _text_filter(organisational_domain)
        case "top":
            return _text_filter(lambda host: organisational_domain(host).rpartition(".")[2])
    if not written.startswith("tld:"):
        raise _unknown(written, ("tld", "top", "tld:regexp:/pattern/"))
    search = _pattern(written.removeprefix("tld:"), 0)
    return _text_filter(lambda host: search(organisational_domain(host)))


def url_filter(written: str) -> Filter:
    """What of a URL is looked up. Raises ``FilterError``."""
    read = _URLS.get(written)
    if read is None:
        before, _, _ = written.partition("regexp:")
        taken = _URLS.get({"tld:": "tld", "full:": "full", "": ""}.get(before, "-"))
        if taken is None:
            raise _unknown(written, (*_URLS, "regexp:/pattern/", "tld:regexp:", "full:regexp:"))
        search = _pattern(written.removeprefix(before), 0)
        read = _searched(taken, search)

    def run(value: object) -> Sequence[str]:
        found = read(value) if isinstance(value, Url) else value_text(value)
        return (found,) if found else ()

    return run


def _searched(read: _OfUrl, search: _OfText) -> _OfUrl:
    def run(url: Url) -> str | None:
        text = read(url)
        return None if text is None else search(text)

    return run


def file_filter(written: str) -> Filter:
    """What of a file name is looked up. Raises ``FilterError``."""
    if not written:
        return _text
    if written in ("extension", "ext"):
        return _text_filter(lambda name: name.rpartition(".")[2] if "." in name else None)
    if not written.startswith("regexp:"):
        raise _unknown(written, ("extension", "regexp:/pattern/"))
    return _text_filter(_pattern(written, 0))
