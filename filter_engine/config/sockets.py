"""Where a worker listens.

``host:port``, ``[v6]:port``, ``*:port``, ``*v4:port``, ``*v6:port``, ``/path mode=0660 owner=x
group=y`` or ``systemd:N`` (also by name, ``systemd:scan``); all but paths may be followed by the
word ``ssl``. Source: Rspamd's documentation of ``bind_socket`` (workers).

The dialect of rmilter.conf and of milter clients is read too: ``unix:/path``, ``local:/path``,
``inet:port@host``, ``inet:[port@host]``, ``inet6:port@host`` and ``fd:3`` (the first socket of
systemd). Source: rmilter.conf(5), sendmail's ``INPUT_MAIL_FILTER``.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from ipaddress import ip_address
from typing import TypeAlias

from filter_engine.config.upstreams import parse_port
from filter_engine.lazy_dataclass import frozen


@frozen
class TcpSocket:
    """An address (or host name) and port; an ``optional`` one may fail to bind (no IPv6 here)."""

    address: str
    port: int
    optional: bool = False
    ssl: bool = False
    """With TLS from the first octet."""

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}{' ssl' if self.ssl else ''}"


@frozen
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


@frozen
class SystemdSocket:
    """A socket handed over by systemd, by its place (from 0) among LISTEN_FDS, or by its name."""

    index: int
    #: ``FileDescriptorName=`` of its unit (LISTEN_FDNAMES); empty: ``index`` counts.
    name: str = ""
    ssl: bool = False
    """With TLS from the first octet."""

    def __str__(self) -> str:
        return f"systemd:{self.name or self.index}{' ssl' if self.ssl else ''}"


BindSocket: TypeAlias = TcpSocket | UnixSocket | SystemdSocket


_FIRST_DESCRIPTOR = 3
"""Of those that systemd hands over (sd_listen_fds)."""
_MAX_PATH = 107
"""Octets of a unix socket's path (unix(7))."""
_ANY = {"*": ("0.0.0.0", "::"), "*v4": ("0.0.0.0",), "*v6": ("::",)}  # noqa: S104  # what "*" says
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,254}\Z")


def parse_bind_socket(text: str, default_port: int) -> tuple[BindSocket, ...]:
    """Read one ``bind_socket``; ``localhost`` and ``*`` mean both address families.

    Raises ``ValueError`` with a sentence that names the wrong part.
    """
    text = text.strip()
    if not text:
        raise ValueError("empty socket")
    if text.startswith(("/", "unix:", "local:")):
        return (_parse_unix(text.removeprefix("unix:").removeprefix("local:").strip()),)
    place, blank, word = text.rpartition(" ")
    if blank and word == "ssl" and not place.endswith(" ssl"):
        plain = parse_bind_socket(place, default_port)
        return tuple(replace(bind, ssl=True) for bind in plain if not isinstance(bind, UnixSocket))
    if text.startswith("systemd:"):
        return (_parse_systemd(text),)
    if text.startswith("fd:"):
        return (_parse_descriptor(text),)
    if text.startswith(("inet:", "inet6:")):
        text = _as_host_port(text)
    if len(text.split()) > 1:
        raise ValueError(
            f"{text!r}: only unix sockets (/path) take mode=, owner= and group=, others only ssl"
        )
    host, port = _split_host_port(text, default_port)
    if host == "localhost":
        return (TcpSocket("127.0.0.1", port), TcpSocket("::1", port, optional=True))
    if host in _ANY:
        return tuple(
            TcpSocket(address, port, optional=number > 0)
            for number, address in enumerate(_ANY[host])
        )
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
    elif host not in _ANY and not _NAME.match(host):
        raise ValueError(f"{text!r}: {host!r} is neither a host name nor an address")
    return host, parse_port(port) if colon else default_port


def _require_address(host: str, version: int, text: str) -> None:
    try:
        ok = ip_address(host).version == version
    except ValueError:
        ok = False
    if not ok:
        hint = " (write [address]:port)" if version == 6 else ""
        raise ValueError(f"{text!r}: {host!r} is not an IPv{version} address{hint}")


def _parse_systemd(text: str) -> SystemdSocket:
    index = text.removeprefix("systemd:")
    if index.isascii() and index.isdigit() and len(index) < 5:
        return SystemdSocket(int(index))
    if _NAME.match(index):
        return SystemdSocket(0, index)
    raise ValueError(
        f"{text!r}: {index!r} is not a socket number (systemd:0 is the first) nor a name"
    )


def _parse_descriptor(text: str) -> SystemdSocket:
    number = text.removeprefix("fd:")
    if not (number.isascii() and number.isdigit() and len(number) < 5):
        raise ValueError(f"{text!r}: {number!r} is not a descriptor (fd:3 is systemd's first)")
    if int(number) < _FIRST_DESCRIPTOR:
        raise ValueError(f"{text!r}: descriptors below 3 are no sockets of systemd")
    return SystemdSocket(int(number) - _FIRST_DESCRIPTOR)


def _as_host_port(text: str) -> str:
    """``inet:port@host`` as ``host:port``; without a host every address is meant."""
    place = text.partition(":")[2].strip()
    if place.startswith("[") and place.endswith("]") and "@" in place:
        place = place[1:-1]
    port, at, host = place.partition("@")
    host = host.strip("[]")
    if not port or (at and not host):
        raise ValueError(f"{text!r}: expected inet:port@host")
    if not at:
        host = "*v6" if text.startswith("inet6:") else "*"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _parse_unix(text: str) -> UnixSocket:
    if not text.startswith("/"):
        raise ValueError(f"{text!r}: a unix socket needs an absolute path")
    path, *words = text.split()
    if len(os.fsencode(path)) > _MAX_PATH:
        raise ValueError(f"the path of a unix socket has at most {_MAX_PATH} octets")
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
