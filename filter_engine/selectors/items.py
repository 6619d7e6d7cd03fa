"""What extractors give: texts, and things whose fields a selector may ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

from filter_engine.dns.names import organisational_domain
from filter_engine.lazy_dataclass import frozen
from filter_engine.message.address import Address
from filter_engine.message.header import HeaderField
from filter_engine.message.received import Received
from filter_engine.message.url import Url

Thing: TypeAlias = (
    "Address | Url | Received | HeaderField | IPv4Address | IPv6Address | FoundSymbol"
)
Element: TypeAlias = "str | Thing | tuple[str, ...]"
Value: TypeAlias = "Element | list[Element] | None"
"""None: nothing was found, and the whole selector gives nothing."""
Field: TypeAlias = "Callable[[object], str | tuple[str, ...] | None]"


@frozen
class FoundSymbol:
    """A symbol that has been set already."""

    name: str
    options: tuple[str, ...]
    weight: float


def _address(read: Callable[[Address], str | None]) -> Field:
    return lambda item: read(item) if isinstance(item, Address) else None


def _url(read: Callable[[Url], str | tuple[str, ...] | None]) -> Field:
    return lambda item: read(item) if isinstance(item, Url) else None


def _received(read: Callable[[Received], str | tuple[str, ...] | None]) -> Field:
    return lambda item: read(item) if isinstance(item, Received) else None


def _header(read: Callable[[HeaderField], str | None]) -> Field:
    return lambda item: read(item) if isinstance(item, HeaderField) else None


def _symbol(read: Callable[[FoundSymbol], str | tuple[str, ...] | None]) -> Field:
    return lambda item: read(item) if isinstance(item, FoundSymbol) else None


def received_flags(hop: Received) -> tuple[str, ...]:
    """What Rspamd says of a hop."""
    return tuple(
        name for name, on in (("ssl", hop.ssl), ("authenticated", hop.authenticated)) if on
    )


def _timestamp(hop: Received) -> str | None:
    seconds = hop.timestamp
    return None if seconds is None else f"{seconds:.0f}"


FIELDS: Final[Mapping[type, Mapping[str, Field]]] = {
    Address: {
        "addr": _address(lambda a: a.email),
        "user": _address(lambda a: a.local),
        "domain": _address(lambda a: a.domain),
        "name": _address(lambda a: a.display or ""),
        "raw": _address(lambda a: a.spelled),
        # the names that Rspamd has for addresses in the text, which are URLs there
        "get_user": _address(lambda a: a.local),
        "get_host": _address(lambda a: a.domain),
        "get_tld": _address(lambda a: organisational_domain(a.domain) or None),
        "get_text": _address(lambda a: f"mailto:{a.email}"),
    },
    Url: {
        "get_host": _url(lambda u: u.host),
        "get_tld": _url(lambda u: u.esld),
        "get_text": _url(lambda u: u.text),
        "get_raw": _url(lambda u: u.text),
        "get_path": _url(lambda u: u.bare_path or None),
        "get_query": _url(lambda u: u.query or None),
        "get_user": _url(lambda u: u.user),
        "get_port": _url(lambda u: None if u.port is None else str(u.port)),
        "get_protocol": _url(lambda u: u.scheme),
        "get_visible": _url(lambda u: u.display),
        "get_count": _url(lambda u: str(u.count)),
        "get_flags": _url(lambda u: u.flag_names),
    },
    Received: {
        "from_hostname": _received(lambda r: r.from_hostname),
        "real_hostname": _received(lambda r: r.real_hostname),
        "from_ip": _received(lambda r: r.from_ip),
        "real_ip": _received(lambda r: r.from_ip),
        "by_hostname": _received(lambda r: r.by_hostname),
        "for": _received(lambda r: r.for_),
        "proto": _received(lambda r: r.proto),
        "timestamp": _received(_timestamp),
        "flags": _received(received_flags),
    },
    HeaderField: {
        "name": _header(lambda h: h.name),
        "value": _header(lambda h: h.unfolded.decode("utf-8", "replace")),
        "decoded": _header(lambda h: h.value),
        "raw": _header(lambda h: h.raw.decode("utf-8", "replace")),
        "order": _header(lambda h: str(h.index + 1)),
    },
    IPv4Address: {
        "to_string": str,
        "get_version": lambda _ip: "4",
    },
    FoundSymbol: {
        "name": _symbol(lambda s: s.name),
        "options": _symbol(lambda s: s.options),
        "weight": _symbol(lambda s: f"{s.weight:g}"),
    },
}
"""Fields by the type of the thing; addresses of both versions have those of ``IPv4Address``."""


def text_of(element: Element) -> str:
    """An element where a text is wanted."""
    if isinstance(element, str):
        return element
    if isinstance(element, Address):
        return element.email
    if isinstance(element, Url):
        return element.text
    if isinstance(element, HeaderField):
        return element.value
    if isinstance(element, FoundSymbol):
        return element.name
    if isinstance(element, Received):
        return element.from_hostname or element.from_ip or ""
    if isinstance(element, tuple):
        return "".join(element)
    return str(element)
