"""URLs as found in text and HTML (RFC 3986, and how people really write them)."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import unquote

from filter_engine.dns.names import MAX_NAME, organisational_domain, public_suffixes
from filter_engine.lazy_dataclass import settled
from filter_engine.message.limits import MAX_URL_LENGTH

_SCHEMES: Final = {"hxxp": "http", "hxxps": "https"} | {
    name: name for name in ("http", "https", "ftp", "ftps", "file", "ws", "wss")
}
_AUTHORITY_END: Final = re.compile(r"[?#\\]")
"""Besides the slash."""
_HOST: Final = re.compile(r"[\w](?:[\w.\-]*[\w])?\.?")
_NUMERIC: Final = re.compile(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}")
_DOTTED: Final = re.compile(r"(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})")
_BARE_START: Final = re.compile(r"[^\W_][\w\-]*\.[\w.\-]+")
_ESCAPED_SIGNS: Final = re.compile(r"%(40|3[aAfF]|7[cC]|5[cC]|2[fF])")
"""Escapes of ``@ : ? | \\ /``, which a link needs never but to hide where it leads."""
_MAX_KEPT_HOST: Final = 255
"""Characters of a host, as written, of which the facts are kept."""
_ZERO_WIDTH: Final = re.compile("[\u200b-\u200d\u2060\ufeff\u00ad]")
_DOTS: Final = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})
"""What IDNA takes for a dot (RFC 3490, section 3.1)."""


class UrlFlag:
    """What is to be said about a URL, in bits; the names in lower case are Rspamd's.

    Plain numbers: flags are looked at some hundred times a message, and an ``IntFlag`` takes ten
    times as long.
    """

    PHISHED = 1 << 0
    """Its link shows the address of another site (``Url.phished``)."""
    NUMERIC = 1 << 1
    """The host is an address."""
    OBSCURED = 1 << 2
    """Written so that people do not see the host: backslashes, numbers other than 1.2.3.4."""
    REDIRECTED = 1 << 3
    """A redirector was followed."""
    HTML_DISPLAYED = 1 << 4
    """Only shown, as the text of a link that leads elsewhere, or in the subject."""
    TEXT = 1 << 5
    """Found in running text."""
    SUBJECT = 1 << 6
    HOST_ENCODED = 1 << 7
    """Percent escapes in the host; the next two: in path and query."""
    PATH_ENCODED = 1 << 9
    QUERY_ENCODED = 1 << 10
    MISSING_SLASHES = 1 << 11
    IDN = 1 << 12
    """A host with other letters than ASCII, written so or as ``xn--``."""
    HAS_PORT = 1 << 13
    HAS_USER = 1 << 14
    SCHEMALESS = 1 << 15
    """Written without a scheme."""
    ZW_SPACES = 1 << 17
    """Spaces without width inside."""
    URL_DISPLAYED = 1 << 18
    """The text of its link is a URL too."""
    IMAGE = 1 << 19
    """Of an image."""
    QUERY = 1 << 20
    """Taken from the query of another."""
    CONTENT = 1 << 21
    """Of an attachment that is no text."""
    NO_TLD = 1 << 22
    """The host ends in no public suffix."""
    SPECIAL = 1 << 24
    """Of a List-Unsubscribe or another header."""


URL_FLAGS: Final = {
    name.lower(): value for name, value in vars(UrlFlag).items() if isinstance(value, int)
}
"""Rspamd's name of a flag -> its bit."""


@settled
class Url:
    """One URL of the message."""

    text: str
    """Normalised: scheme and host in lower case, the rest without needless escapes."""
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
    """``text``, ``html``, ``subject`` or ``query``."""
    display: str | None = None
    """Visible text of the link it was in (HTML)."""
    flags: int = 0
    """``UrlFlag``s."""
    count: int = 1
    """How often it was found."""
    phished: Url | None = None
    """The URL its link shows instead, when that is of another site."""

    def changed(self, origin: str, flags: int, count: int = 1, phished: Url | None = None) -> Url:
        """The same with what has been learnt since. ``replace`` takes three times as long."""
        return Url(
            self.text,
            self.scheme,
            self.user,
            self.host,
            self.port,
            self.path,
            self.esld,
            origin,
            self.display,
            flags,
            count,
            phished,
        )

    @property
    def flag_names(self) -> tuple[str, ...]:
        """Rspamd's names of its flags."""
        return tuple(name for name, flag in URL_FLAGS.items() if flag & self.flags)

    @property
    def bare_path(self) -> str:
        """The path alone, without the leading slash (Rspamd's ``get_path``)."""
        return self.path.partition("#")[0].partition("?")[0][1:]

    @property
    def query(self) -> str:
        """What follows the question mark, without the fragment; ``""`` when there is none."""
        return self.path.partition("#")[0].partition("?")[2]


def parse_url(
    written: str,
    origin: str,
    display: str | None = None,
    flags: int = 0,
    *,
    linked: bool | None = None,
) -> Url | None:
    """Read an http, https, ftp, ... URL; None when it has no such scheme or no usable host.

    A scheme may be missing before ``//`` and ``www.``, and where a link leads (``linked``, by
    default in HTML) before any host that ends in a public suffix. In running text the host must
    end in one, or be an address.
    """
    if linked is None:
        linked = origin == "html"
    text = written.strip()[:MAX_URL_LENGTH]
    if not text.isascii() and _ZERO_WIDTH.search(text):
        text = _ZERO_WIDTH.sub("", text)
        flags |= UrlFlag.ZW_SPACES
    if "\n" in text or "\t" in text or "\r" in text:
        text = text.replace("\t", "").replace("\r", "").replace("\n", "")
    if linked and "%" in text:
        text = _ESCAPED_SIGNS.sub(_unescape_sign, text)
    found = _split_scheme(text, linked)
    if found is None:
        return None
    scheme, rest, more = found
    flags |= more
    slash = rest.find("/")
    authority, path = (rest, "") if slash < 0 else (rest[:slash], rest[slash:])
    end = _AUTHORITY_END.search(authority)
    if end is not None:
        authority, path = rest[: end.start()], rest[end.start() :]
    credentials, at, host = authority.rpartition("@")
    host, port = _split_port(host)
    facts = _host_facts(host) if len(host) <= _MAX_KEPT_HOST else _host_facts.__wrapped__(host)
    if facts is None:
        return None
    name, esld, more = facts
    if more & UrlFlag.NO_TLD and flags & UrlFlag.SCHEMALESS:
        return None
    flags |= more
    if at:
        flags |= UrlFlag.HAS_USER
    if port is not None:
        flags |= UrlFlag.HAS_PORT
    if "%" in path:
        path, more = _decoded(path)
        flags |= more
    if path[:1] == "\\":
        flags |= UrlFlag.OBSCURED
    shown = f"[{name}]" if ":" in name else name
    return Url(
        f"{scheme}://{credentials}{at}{shown}{'' if port is None else f':{port}'}{path}",
        scheme,
        credentials if at else None,
        name,
        port,
        path if path.startswith("/") else f"/{path}",
        esld,
        origin,
        display,
        flags,
    )


def _split_scheme(text: str, linked: bool) -> tuple[str, str, int] | None:
    """Scheme, what follows it and its slashes, and what is odd about them."""
    scheme, colon, rest = text.partition(":")
    known = _SCHEMES.get(scheme.lower()) if colon else None
    if known is not None:
        flags = 0
        bare = rest.lstrip("/\\")
        slashes = rest[: len(rest) - len(bare)]
        if not slashes:
            flags |= UrlFlag.MISSING_SLASHES
        if "\\" in slashes:
            flags |= UrlFlag.OBSCURED
        return known, bare, flags
    if text.startswith("//"):
        return "http", text[2:], UrlFlag.SCHEMALESS
    start = text[:4].lower()
    if start == "www.":
        return "http", text, UrlFlag.SCHEMALESS
    if _BARE_START.match(text) is not None:
        scheme = "ftp" if start == "ftp." and not linked else "http"
        return scheme, text, UrlFlag.SCHEMALESS
    return None


def _unescape_sign(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def _decoded(path: str) -> tuple[str, int]:
    """Path and query without escapes, and which of them had any."""
    front, mark, query = path.partition("?")
    flags = 0
    if "%" in front:
        plain = unquote(front)
        if plain != front:
            front, flags = plain, UrlFlag.PATH_ENCODED
    if "%" in query:
        plain = unquote(query)
        if plain != query:
            query, flags = plain, flags | UrlFlag.QUERY_ENCODED
    return front + mark + query, flags


@lru_cache(maxsize=2048)
def _host_facts(written: str) -> tuple[str, str, int] | None:
    """Name, registrable domain and flags of a host; None for what can be none.

    Kept for the next link and the next message: most links of a mail lead to one host.
    """
    name = _normal_host(written)
    if name is None:
        return None
    flags = _host_flags(written, name)
    if flags & UrlFlag.NUMERIC:
        return name, name, flags
    if not has_public_suffix(name):
        flags |= UrlFlag.NO_TLD
    return name, organisational_domain(name), flags


def _host_flags(written: str, name: str) -> int:
    flags = 0
    if "%" in written:
        flags |= UrlFlag.HOST_ENCODED
    if _is_address(name):
        flags |= UrlFlag.NUMERIC
        if ":" not in name and _DOTTED.fullmatch(written) is None:
            flags |= UrlFlag.OBSCURED
    elif not name.isascii() or "xn--" in name:
        flags |= UrlFlag.IDN
    return flags


def has_public_suffix(host: str) -> bool:
    """Whether the host ends in a suffix of the public list; none longer than a name does."""
    return len(host) <= MAX_NAME and _has_public_suffix(host)


@lru_cache(maxsize=2048)
def _has_public_suffix(host: str) -> bool:
    return public_suffixes().publicsuffix(host, accept_unknown=False) is not None


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
    if not host.isascii():
        host = host.translate(_DOTS)
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
