"""Where a worker listens.

``host:port``, ``[v6]:port``, ``*:port``, ``/path mode=0660 owner=x group=y`` or ``systemd:N``.
Source: Rspamd's documentation of ``bind_socket`` (workers).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeAlias

from filter_engine.config.upstreams import parse_port


@dataclass(frozen=True, slots=True)
class TcpSocket:
    """An address (or host name) and port; an ``optional`` one may fail to bind (no IPv6 here)."""

    address: str
    port: int
    optional: bool = False

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixSocket:
    """A unix socket; ``mode`` None leaves it to the umask, ``owner`` and ``group`` are names."""

    path: str
    mode: int | None = None
    owner: str | None = None
    group: str | None = None

    def __str__(self) -> str:
        mode = f" mode={self.mode:04o}" if self.mode is not None else ""
        owner = f" owner={self.owner}" if self.owner else ""
        group = f" group={self.group}" if self.group else ""
        return f"{self.path}{mode}{owner}{group}"


@dataclass(frozen=True, slots=True)
class SystemdSocket:
    """A socket handed over by systemd, by its place (from 0) among LISTEN_FDS."""

    index: int

    def __str__(self) -> str:
        return f"systemd:{self.index}"


BindSocket: TypeAlias = TcpSocket | UnixSocket | SystemdSocket


def parse_bind_socket(text: str, default_port: int) -> tuple[BindSocket, ...]:
    """Read one ``bind_socket``; ``localhost`` and ``*`` mean both address families.

    Raises ``ValueError`` with a sentence that names the wrong part.
    """
    text = text.strip()
    if not text:
        raise ValueError("empty socket")
    if text.startswith(("/", "unix:/")):
        return (_parse_unix(text.removeprefix("unix:")),)
    if text.startswith("systemd:"):
        index = text.removeprefix("systemd:")
        if not (index.isascii() and index.isdigit() and len(index) < 5):
            raise ValueError(f"{text!r}: {index!r} is not a socket number (systemd:0 is the first)")
        return (SystemdSocket(int(index)),)
    if len(text.split()) > 1:
        raise ValueError(f"{text!r}: only unix sockets (/path) take mode=, owner= and group=")
    host, port = _split_host_port(text, default_port)
    if host == "localhost":
        return (TcpSocket("127.0.0.1", port), TcpSocket("::1", port, optional=True))
    if host == "*":
        return (TcpSocket("0.0.0.0", port), TcpSocket("::", port, optional=True))  # noqa: S104  # what "*" says
    return (TcpSocket(host, port),)


def _split_host_port(text: str, default_port: int) -> tuple[str, int]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket:
            raise ValueError(f"{text!r}: the closing bracket is missing")
        _require_address(host, 6, text)
        if rest and not rest.startswith(":"):
            raise ValueError(f"{text!r}: expected ':port' after the bracket")
        return host, parse_port(rest[1:]) if rest else default_port
    if text.count(":") > 1:
        _require_address(text, 6, text)
        return text, default_port
    host, colon, port = text.partition(":")
    if not host:
        raise ValueError(f"{text!r}: the address is missing (write *:port for every address)")
    if host.replace(".", "").isdigit():
        _require_address(host, 4, text)
    return host, parse_port(port) if colon else default_port


def _require_address(host: str, version: int, text: str) -> None:
    try:
        ok = ip_address(host).version == version
    except ValueError:
        ok = False
    if not ok:
        hint = " (write [address]:port)" if version == 6 else ""
        raise ValueError(f"{text!r}: {host!r} is not an IPv{version} address{hint}")


def _parse_unix(text: str) -> UnixSocket:
    path, *words = text.split()
    mode: int | None = None
    names: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not value or key not in ("mode", "owner", "group"):
            raise ValueError(f"{word!r}: expected mode=0660, owner=user or group=group")
        if key == "mode":
            try:
                mode = int(value, 8)
            except ValueError:
                raise ValueError(f"mode={value!r} is not an octal mode such as 0660") from None
            if not 0 <= mode <= 0o777:
                raise ValueError(f"mode={value!r} is not an octal mode such as 0660")
        else:
            names[key] = value
    return UnixSocket(path, mode, names.get("owner"), names.get("group"))
