"""The types an option can have, each with the conversion from UCL and its error messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_interface, ip_network
from math import inf, isfinite
from types import MappingProxyType
from typing import Final, TypeVar

from filter_engine.config.addresses import AddressSet, Network
from filter_engine.config.findings import Severity
from filter_engine.config.schema import (
    Binder,
    Kind,
    MisfitError,
    Schema,
    Section,
    bind,
    bind_known,
    found_text,
)
from filter_engine.config.sockets import BindSocket, TcpSocket, UnixSocket, parse_bind_socket
from filter_engine.config.upstreams import Rotation, UpstreamList, parse_upstreams
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar
from filter_engine.ucl.regular_file import read_regular_file

T = TypeVar("T")
S = TypeVar("S", bound=Section)

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_MAX_LIST_FILE = 16 * 1024 * 1024


def _single(name: str, convert: Callable[[UclNode], T]) -> Kind[T]:
    return Kind(name, lambda nodes, _binder: convert(nodes[0]))


def _boolean(node: UclNode) -> bool:
    if isinstance(node, UclScalar):
        if isinstance(node.value, bool):
            return node.value
        if node.value in (0, 1):
            return bool(node.value)
        if isinstance(node.value, str) and node.value.lower() in _WORDS:
            return _WORDS[node.value.lower()]
    raise MisfitError(f"expected a boolean, found {found_text(node)}", "write true or false")


_HIGHEST: Final = 2**63 - 1
"""What stores, sockets and other programs take."""
_LONGEST: Final = 1e12
"""Seconds, 31,700 years: later ends have no date."""


def _within(node: UclNode, value: int) -> int:
    if abs(value) > _HIGHEST:
        raise MisfitError(f"{found_text(node)} is out of range", f"at most {_HIGHEST}")
    return value


def _integer(node: UclNode) -> int:
    if isinstance(node, UclScalar) and not isinstance(node.value, bool):
        if isinstance(node.value, int):
            return node.value
        if isinstance(node.value, float) and node.value.is_integer():
            return _within(node, int(node.value))
        if isinstance(node.value, str) and node.value.lstrip("-").isdecimal():
            return _within(node, _from_digits(node, int))
    raise MisfitError(f"expected a whole number, found {found_text(node)}", "write digits: 5")


def _number(node: UclNode) -> float:
    if isinstance(node, UclScalar) and not isinstance(node.value, bool):
        value = node.value
        if isinstance(value, str):
            value = _from_digits(node, float)
        if isinstance(value, (int, float)) and isfinite(value):
            return float(value)
    raise MisfitError(f"expected a number, found {found_text(node)}", "write digits: 1.5")


def _from_digits(node: UclScalar, convert: Callable[[str], T]) -> T:
    try:
        assert isinstance(node.value, str)
        return convert(node.value[:64])
    except ValueError:
        raise MisfitError(
            f"expected a number, found {found_text(node)}", "write digits: 1.5"
        ) from None


def _time(node: UclNode) -> float:
    if isinstance(node, UclScalar) and not isinstance(node.value, bool):
        if isinstance(node.value, (int, float)) and 0 <= node.value < inf:
            if node.value > _LONGEST:
                raise MisfitError(f"{found_text(node)} is out of range", "write 10s, 2h or 90d")
            return float(node.value)
        if isinstance(node.value, str) and node.style:
            raise MisfitError(
                f"expected a time, found the string {found_text(node)}",
                "write it without quotes: 10s, 5min, 2h, 90d",
            )
    raise MisfitError(f"expected a time, found {found_text(node)}", "write 10s, 5min, 2h or 90d")


def _time_told(nodes: list[UclNode], binder: Binder) -> float:
    """A time; ``1m`` is told, as it is a million in UCL and meant as a minute."""
    node = nodes[0]
    seconds = _time(node)
    if isinstance(node, UclScalar) and node.text[-1:] in ("m", "M") and seconds:
        binder.report(
            Severity.WARNING,
            "odd-syntax",
            node,
            f"{node.text} is {seconds:.0f} seconds: m is a million",
            f"write {node.text[:-1]}min for minutes",
        )
    return seconds


def _size(node: UclNode) -> int:
    if isinstance(node, UclScalar) and not isinstance(node.value, bool):
        if isinstance(node.value, int) and node.value >= 0:
            return node.value
        if isinstance(node.value, float) and node.value.is_integer() and node.value >= 0:
            return _within(node, int(node.value))
    raise MisfitError(
        f"expected a size in bytes, found {found_text(node)}", "write 1024, 64kb or 50mb"
    )


def text_of(node: UclNode) -> str:
    """The text of a scalar, numbers in their own spelling; ``MisfitError`` for anything else."""
    if isinstance(node, UclScalar) and node.value is not None:
        return node.value if isinstance(node.value, str) else node.text or str(node.value)
    raise MisfitError(f"expected a string, found {found_text(node)}")


BOOLEAN: Kind[bool] = _single("boolean", _boolean)
INTEGER: Kind[int] = _single("integer", _integer)
NUMBER: Kind[float] = _single("number", _number)
#: Seconds.
TIME: Kind[float] = Kind("time", _time_told)
#: Bytes.
SIZE: Kind[int] = _single("size", _size)
STRING: Kind[str] = _single("string", text_of)


def nullable(kind: Kind[T]) -> Kind[T | None]:
    """``kind`` or ``null``, which switches the option off."""

    def convert(nodes: list[UclNode], binder: Binder) -> T | None:
        first = nodes[0]
        if isinstance(first, UclScalar) and first.value is None:
            return None
        return kind.convert(nodes, binder)

    return Kind(f"{kind.name} or null", convert, kind.multiple)


def at_least(kind: Kind[T], minimum: float) -> Kind[T]:
    """A number, time or size that is not below ``minimum``."""

    def convert(nodes: list[UclNode], binder: Binder) -> T:
        value = kind.convert(nodes, binder)
        if isinstance(value, (int, float)) and value < minimum:
            raise MisfitError(f"{found_text(nodes[0])} is below the minimum of {minimum:g}")
        return value

    return Kind(f"{kind.name} >= {minimum:g}", convert, kind.multiple)


def one_of(*choices: str) -> Kind[str]:
    """One of the given words, in any case; an empty one need not be written."""
    named = [choice for choice in choices if choice]

    def convert(node: UclNode) -> str:
        text = text_of(node).lower()
        if text not in choices:
            raise MisfitError(f"{text!r} is not possible here", f"write one of {', '.join(named)}")
        return text

    return _single("|".join(named), convert)


def _flatten(nodes: list[UclNode]) -> list[UclNode]:
    flat: list[UclNode] = []
    for node in nodes:
        flat.extend(node.items if isinstance(node, UclArray) else (node,))
    return flat


def list_of(kind: Kind[T]) -> Kind[tuple[T, ...]]:
    """An array, a single value, or the key written several times."""

    def convert(nodes: list[UclNode], binder: Binder) -> tuple[T, ...]:
        return tuple(kind.convert([node], binder) for node in _flatten(nodes))

    return Kind(f"list of {kind.name}", convert, multiple=True)


def words(separators: str = ", \t\n;") -> Kind[tuple[str, ...]]:
    """A list of words: an array, or one string with separators."""
    blanks = str.maketrans(dict.fromkeys(separators, " "))

    def convert(nodes: list[UclNode], _binder: Binder) -> tuple[str, ...]:
        texts = (text_of(node) for node in _flatten(nodes))
        return tuple(word for text in texts for word in text.translate(blanks).split())

    return Kind("list of words", convert, multiple=True)


WORDS: Kind[tuple[str, ...]] = words()


def merged_object(nodes: list[UclNode]) -> UclObject:
    """Several sections of one name as one; ``MisfitError`` if a value is no section."""
    for node in nodes:
        if not isinstance(node, UclObject):
            raise MisfitError(f"expected a section {{ }}, found {found_text(node)}", node=node)
    first = nodes[0]
    assert isinstance(first, UclObject)
    if len(nodes) == 1:
        return first
    merged = UclObject(origin=first.origin, priority=first.priority)
    for node in nodes:
        assert isinstance(node, UclObject)
        for key, values in node.entries.items():
            merged.entries.setdefault(key, []).extend(values)
    return merged


def section(cls: type[S], name: str) -> Kind[S]:
    """A nested section read as ``cls``; ``name`` is what findings call it (``options.dns``)."""

    def convert(nodes: list[UclNode], binder: Binder) -> S:
        return bind(cls, merged_object(_flatten(nodes)), binder, name)

    return Kind("section", convert, multiple=True, inner=cls)


def sections_of(cls: type[S], name: str) -> Kind[Mapping[str, S]]:
    """Named sections ``key "name" { ... }``, each read as ``cls``."""

    def convert(nodes: list[UclNode], binder: Binder) -> Mapping[str, S]:
        merged = merged_object(_flatten(nodes))
        return MappingProxyType(
            {
                key: bind(cls, merged_object(_flatten(values)), binder, f"{name} {key!r}")
                for key, values in merged.entries.items()
            }
        )

    return Kind("named sections", convert, multiple=True, inner=cls, named=True)


def rules_of(cls: type[S], name: str, *, plain: str = "") -> Kind[Mapping[str, S]]:
    """``sections_of`` for ``key=REST``; with ``plain``, ``NAME = "value"`` sets that option."""
    inner = sections_of(cls, name)

    def convert(nodes: list[UclNode], binder: Binder) -> Mapping[str, S]:
        merged = merged_object(nodes)
        entries = {
            key: [
                UclObject({plain: [value]}, value.origin, priority=value.priority)
                if plain and isinstance(value, UclScalar)
                else value
                for value in _flatten(values)
            ]
            for key, values in merged.entries.items()
        }
        return inner.convert([UclObject(entries, merged.origin)], binder)

    return Kind("named sections", convert, inner=cls, named=True, plain=bool(plain))


def known_section(schema: Schema, name: str) -> Kind[None]:
    """A nested section that this engine does not serve; ``name`` is what findings call it."""

    def convert(nodes: list[UclNode], binder: Binder) -> None:
        bind_known(schema, merged_object(_flatten(nodes)), binder, name)

    return Kind("section", convert, multiple=True, inner=schema)


def known_sections(schema: Schema, name: str) -> Kind[None]:
    """Named sections ``key "name" { ... }`` that this engine does not serve."""

    def convert(nodes: list[UclNode], binder: Binder) -> None:
        for key, values in merged_object(_flatten(nodes)).entries.items():
            bind_known(schema, merged_object(_flatten(values)), binder, f"{name} {key!r}")

    return Kind("named sections", convert, multiple=True, inner=schema, named=True)


def read_network(text: str, node: UclNode, binder: Binder) -> tuple[Network, ...]:
    """``localhost``, an address or a network; host bits that are set are reported and cleared."""
    if text == "localhost":
        return (ip_network("127.0.0.1/32"), ip_network("::1/128"))
    bare = text[1:].replace("]", "", 1) if text.startswith("[") and "]" in text else text
    try:
        return (ip_network(bare),)
    except ValueError:
        pass
    try:
        network = ip_interface(bare).network
    except ValueError:
        raise MisfitError(
            f"{text!r} is not an IP address or network",
            "write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32",
            node,
        ) from None
    binder.report(
        Severity.WARNING,
        "host-bits-set",
        node,
        f"{text!r} has host bits set and is read as {network}",
        f"write {network}, or {bare.partition('/')[0]} for the one address",
    )
    return (network,)


def _addresses(nodes: list[UclNode], binder: Binder) -> AddressSet:
    networks: list[Network] = []
    for node in _flatten(nodes):
        text = text_of(node)
        if text.startswith(("/", "file://")):
            for line in _list_file(text.removeprefix("file://"), node):
                networks.extend(read_network(line, node, binder))
            continue
        for word in text.replace(",", " ").replace(";", " ").split():
            networks.extend(read_network(word, node, binder))
    return AddressSet(networks)


def _list_file(name: str, node: UclNode) -> list[str]:
    try:
        text = read_regular_file(name, _MAX_LIST_FILE).decode("utf-8", "replace")
    except OSError as error:
        raise MisfitError(
            f"cannot read {name}: {error.strerror}",
            "put the file there, one address or network a line, or write them here",
            node,
        ) from None
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


#: Addresses and networks, in arrays, comma lists, or files named by an absolute path.
ADDRESSES: Kind[AddressSet] = Kind("addresses", _addresses, multiple=True)


def upstreams(
    default_port: int, rotation: Rotation = Rotation.ROUND_ROBIN, *, srv: bool = True
) -> Kind[UpstreamList]:
    """A server list; ``default_port`` stands in where a server names none.

    ``srv`` False: who connects does not look SRV records up, so they are refused.
    """

    def convert(nodes: list[UclNode], _binder: Binder) -> UpstreamList:
        try:
            read = parse_upstreams([text_of(n) for n in _flatten(nodes)], default_port, rotation)
        except ValueError as error:
            raise MisfitError(str(error), "write host:port:weight, separated by commas") from None
        for upstream in read:
            if upstream.srv and not srv:
                raise MisfitError(
                    f"{upstream.name}: this engine does not look SRV records up",
                    "write the servers themselves: host:port:weight, separated by commas",
                )
        return read

    return Kind("upstreams", convert, multiple=True)


def nameservers() -> Kind[UpstreamList]:
    """Resolvers by their addresses; port 53 stands in where none is named."""
    servers = upstreams(53, srv=False)

    def convert(nodes: list[UclNode], binder: Binder) -> UpstreamList:
        read = servers.convert(nodes, binder)
        for upstream in read:
            try:
                ip_address(upstream.host)
            except ValueError:
                raise MisfitError(
                    f"{upstream.host!r} is not an address; a resolver cannot be looked up",
                    "write its address: 127.0.0.1:53 or [::1]:53",
                ) from None
        return read

    return Kind("addresses of resolvers", convert, multiple=True)


def sockets(default_port: int) -> Kind[tuple[BindSocket, ...]]:
    """Listening sockets; ``default_port`` stands in where none is named."""

    def convert(nodes: list[UclNode], _binder: Binder) -> tuple[BindSocket, ...]:
        found: dict[BindSocket, None] = {}
        secure: dict[tuple[object, ...], bool] = {}
        for node in _flatten(nodes):
            try:
                for bind in parse_bind_socket(text_of(node), default_port):
                    found[bind] = None
                    _one_way(bind, secure)
            except ValueError as error:
                raise MisfitError(
                    str(error),
                    "one socket each: write a list, [first, second]"
                    if "," in text_of(node)
                    else "write host:port, [v6]:port, *:port, /path mode=0660 or systemd:0",
                    node,
                ) from None
        return tuple(found)

    return Kind("sockets", convert, multiple=True)


def _one_way(bind: BindSocket, secure: dict[tuple[object, ...], bool]) -> None:
    """A socket speaks TLS or it does not; raises ``ValueError`` for one that is to do both."""
    if isinstance(bind, UnixSocket):
        return
    if isinstance(bind, TcpSocket):
        place: tuple[object, ...] = bind.address, bind.port
    else:
        place = (bind.name or bind.index,)
    if secure.setdefault(place, bind.ssl) is not bind.ssl:
        raise ValueError(f"{str(bind).removesuffix(' ssl')} is named with ssl and without")


def _map_sources(nodes: list[UclNode], _binder: Binder) -> tuple[str, ...]:
    found: list[str] = []
    for node in _flatten(nodes):
        if isinstance(node, UclObject):
            inner = node.values("url") or node.values("urls") or node.values("external")
            found.extend(text_of(item) for item in inner)
        else:
            found.append(text_of(node))
    return tuple(found)


#: Where a map comes from: file paths, URLs, or its entries in place.
MAP: Kind[tuple[str, ...]] = Kind("map", _map_sources, multiple=True)
