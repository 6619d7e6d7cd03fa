"""URLs as found in text and HTML (RFC 3986, and how people really write them)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import unquote

from filter_engine.dns.names import organisational_domain
from filter_engine.message.limits import MAX_URL_LENGTH

_SCHEMES: Final = frozenset({"http", "https", "ftp", "ftps", "file", "ws", "wss", "hxxp", "hxxps"})
_AUTHORITY_END: Final = re.compile(r"[/?#\\]")
_HOST: Final = re.compile(r"[\w](?:[\w.\-]*[\w])?\.?")
_NUMERIC: Final = re.compile(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}")


@dataclass(frozen=True, slots=True)
class Url:
    """One URL of the message."""

    text: str
    """Normalised: scheme and host in lower case, the rest as written."""
    scheme: str
    user: str | None
    host: str
    """Lower case, percent-decoded, IDN as written, address literals without brackets."""
    port: int | None
    path: str
    """Path, query and fragment as written, with the leading slash."""
    esld: str
    """Registrable domain (public suffix plus one label), else the host."""
    origin: str
    """``text`` or ``html``."""
    display: str | None = None
    """Visible text of the link it was in (HTML)."""


def parse_url(written: str, origin: str, display: str | None = None) -> Url | None:
    """Read an absolute http, https, ftp, ... URL; ``www.`` may stand without a scheme.

    None when it has no such scheme or no usable host.
    """
    text = written.strip()[:MAX_URL_LENGTH].replace("\t", "").replace("\r", "").replace("\n", "")
    scheme, separator, rest = text.partition(":")
    scheme = scheme.lower()
    if separator and scheme in _SCHEMES:
        rest = rest.lstrip("/\\")
    elif text[:4].lower() == "www.":
        scheme, rest = "http", text
    elif text.startswith("//"):
        scheme, rest = "http", text[2:]
    else:
        return None
    end = _AUTHORITY_END.search(rest)
    authority, path = (rest, "") if end is None else (rest[: end.start()], rest[end.start() :])
    credentials, at, host = authority.rpartition("@")
    host, port = _split_port(host)
    name = _normal_host(host)
    if name is None:
        return None
    shown = f"[{name}]" if ":" in name else name
    normal = f"{scheme}://{credentials}{at}{shown}{'' if port is None else f':{port}'}{path}"
    return Url(
        text=normal,
        scheme=scheme,
        user=credentials if at else None,
        host=name,
        port=port,
        path=path if path.startswith("/") else f"/{path}",
        esld=name if _is_address(name) else organisational_domain(name),
        origin=origin,
        display=display,
    )


def _split_port(host: str) -> tuple[str, int | None]:
    if host.startswith("["):
        return host, None
    name, colon, port = host.partition(":")
    if colon and port.isdecimal() and len(port) < 6 and int(port) < 65536:
        return name, int(port)
    return name, None


def _normal_host(host: str) -> str | None:
    """The host in lower case without final dot; None when it cannot be one."""
    if "%" in host:
        host = unquote(host)
    host = host.lower()
    if host.startswith("["):
        literal = host[1:].partition("]")[0]
        try:
            return str(IPv6Address(literal))
        except ValueError:
            return None
    if len(host) > 255 or _HOST.fullmatch(host) is None:
        return None
    host = host.rstrip(".")
    if ".." in host:
        return None
    return _numeric_address(host) or host


def _numeric_address(host: str) -> str | None:
    """The IPv4 address that browsers take from 3232235777, 0xC0.0250.1.1 and the like."""
    if _NUMERIC.fullmatch(host) is None:
        return None
    try:
        numbers = [
            int(part, 16 if part[:2] == "0x" else 8 if part[0] == "0" and len(part) > 1 else 10)
            for part in host.split(".")
        ]
    except ValueError:
        return None
    *front, last = numbers
    room = 4 - len(front)
    if any(number > 255 for number in front) or last >= 256**room:
        return None
    value = last
    for position, number in enumerate(front):
        value += number << (8 * (3 - position))
    return str(ip_address(value))


def _is_address(host: str) -> bool:
    return ":" in host or (host[-1].isdecimal() and _NUMERIC.fullmatch(host) is not None)
