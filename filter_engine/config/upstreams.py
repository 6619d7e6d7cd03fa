"""Lists of servers as Rspamd writes them: ``master-slave:host:port:weight,host:port:weight``.

Source: Rspamd's documentation of upstreams (configuration/upstream). Hosts are separated by commas,
semicolons or blanks; the weight is optional; IPv6 addresses stand in brackets; a path is a unix
socket. ``service=sip+example.net`` and ``srv+_sip._tcp.example.net`` name an SRV record (RFC 2782).
``UpstreamList`` is data only: whoever connects chooses and fails over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from ipaddress import ip_address

from filter_engine.lazy_dataclass import frozen


class Rotation(StrEnum):
    """How the next server is chosen."""

    MASTER_SLAVE = "master-slave"
    ROUND_ROBIN = "round-robin"
    RANDOM = "random"
    HASH = "hash"
    SEQUENTIAL = "sequential"
    #: Stays with a server until it fails; this engine's own, Rspamd does not know it.
    STICKY = "sticky"


@frozen
class Upstream:
    """One server: a host name or address with port, or the path of a unix socket with port 0.

    With ``srv`` the host is the name of an SRV record that holds hosts and ports; the port is 0.
    """

    host: str
    port: int
    weight: int = 1
    srv: bool = False

    def __hash__(self) -> int:
        return hash((self.host, self.port))  # few differ in the rest alone, and this is half

    @property
    def is_unix(self) -> bool:
        """Whether ``host`` is the path of a unix socket."""
        return self.host.startswith("/")

    @property
    def name(self) -> str:
        """``host:port`` as it is written: brackets around IPv6, a bare path for unix sockets."""
        if self.is_unix:
            return self.host
        if self.srv:
            return f"srv+{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.name}:{self.weight}"


@frozen
class UpstreamList:
    """Servers and how to choose among them; iterates over ``Upstream`` in order of writing."""

    upstreams: tuple[Upstream, ...]
    rotation: Rotation = Rotation.ROUND_ROBIN

    def __iter__(self) -> Iterator[Upstream]:
        return iter(self.upstreams)

    def __len__(self) -> int:
        return len(self.upstreams)

    def __str__(self) -> str:
        return f"{self.rotation}:{','.join(map(str, self.upstreams))}"


_SEPARATORS = re.compile(r"[,;\s]+")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?\Z")
_MAX_UPSTREAMS = 1024
#: Labels of an SRV name such as ``_redis._tcp`` (RFC 2782).
_SRV_NAME = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))(?:\.[A-Za-z0-9_-]{1,63}){0,30}\.?\Z"
)
#: Rotations of newer Rspamds that need what a server says of its load.
_FOREIGN_ROTATIONS = ("token-bucket",)


def parse_upstreams(
    lines: str | Iterable[str], default_port: int, rotation: Rotation = Rotation.ROUND_ROBIN
) -> UpstreamList:
    """Read one line or an array of lines; ``rotation:`` before the first server sets the rotation.

    Raises ``ValueError`` with a sentence that names the wrong part, unless that may be a password.
    """
    found: list[Upstream] = []
    for number, line in enumerate([lines] if isinstance(lines, str) else lines):
        rest = line.strip()
        _refuse_login(rest)
        for candidate in Rotation:
            if rest.startswith(f"{candidate}:"):
                if number and candidate is not rotation:
                    raise ValueError(f"{candidate!s} contradicts {rotation!s} of an earlier line")
                rotation = candidate
                rest = rest[len(candidate) + 1 :]
                break
        for foreign in _FOREIGN_ROTATIONS:
            if rest.startswith(f"{foreign}:"):
                raise ValueError(f"the rotation {foreign!r} is Rspamd's; use round-robin or hash")
        found.extend(_parse_one(part, default_port) for part in _SEPARATORS.split(rest) if part)
        if len(found) > _MAX_UPSTREAMS:
            raise ValueError(f"more than {_MAX_UPSTREAMS} servers")
    if not found:
        raise ValueError("no server in the list")
    return UpstreamList(tuple(found), rotation)


def _refuse_login(line: str) -> None:
    """Raise ``ValueError`` for a URL or a login, quoting nothing: either may hold a password."""
    if "://" in line:
        raise ValueError(
            "a URL is no server: write host:port, and a password as password = ... beside it"
        )
    if "@" in line and not line.startswith("/"):
        raise ValueError("a server has no login: write host:port, and password = ... beside it")


def _parse_one(text: str, default_port: int) -> Upstream:
    if text.startswith("/"):
        path, _, weight = text.partition(":")
        return Upstream(path, 0, _weight(weight, text) if weight else 1)
    if text.startswith(("service=", "srv+")):
        return _parse_srv(text)
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket:
            raise ValueError(f"{text!r}: the closing bracket is missing")
        _require_ipv6(host, text)
        if rest and not rest.startswith(":"):
            raise ValueError(f"{text!r}: expected ':port' after the bracket")
        parts = rest[1:].split(":") if rest else []
    elif text.count(":") > 2:
        _require_ipv6(text, text)
        host, parts = text, []
    else:
        host, *parts = text.split(":")
        if not _HOST.match(host):
            raise ValueError(f"{text!r}: {host!r} is neither a host name nor an address")
    if len(parts) > 2:
        raise ValueError(f"{text!r}: expected host:port:weight")
    port = parse_port(parts[0]) if parts else default_port
    return Upstream(host, port, _weight(parts[1], text) if len(parts) > 1 else 1)


def _parse_srv(text: str) -> Upstream:
    written, _, weight = text.partition(":")
    if written.startswith("srv+"):
        name = written.removeprefix("srv+")
    else:
        service, plus, domain = written.removeprefix("service=").partition("+")
        if not (plus and service and domain):
            raise ValueError(f"{text!r}: expected service=NAME+DOMAIN")
        name = f"_{service}._tcp.{domain}"
    if len(name) > 253 or not _SRV_NAME.match(name):
        raise ValueError(f"{text!r}: {name!r} is not the name of an SRV record")
    return Upstream(name, 0, _weight(weight, text) if weight else 1, srv=True)


def _require_ipv6(host: str, text: str) -> None:
    try:
        ok = ip_address(host).version == 6
    except ValueError:
        ok = False
    if not ok:
        raise ValueError(f"{text!r}: {host!r} is not an IPv6 address (write [address]:port:weight)")


def parse_port(text: str) -> int:
    """A TCP or UDP port, 1 to 65535; raises ``ValueError``."""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):
        raise ValueError(f"{text!r} is not a port (1 to 65535)")
    return int(text)


def _weight(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f"{whole!r}: {text!r} is not a weight (a whole number)")
    return int(text)
