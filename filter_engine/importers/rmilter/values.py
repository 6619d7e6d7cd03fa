"""The types of rmilter's values (README, "Configuration format"), read strictly.

Each function takes what the grammar found behind ``=`` and raises ``ImportFaultError`` with file,
line and column where it does not fit.
"""

from __future__ import annotations

import math
import re
from enum import StrEnum
from fractions import Fraction
from ipaddress import ip_address, ip_interface
from typing import NoReturn

from filter_engine.importers.outcome import Plain
from filter_engine.importers.rmilter.grammar import Setting, Value
from filter_engine.lazy_dataclass import frozen

DAY = 86400
_TIME = re.compile(r"(\d{1,12})(ms|[shd])", re.I)
_SIZE = re.compile(r"(\d{1,15})([kmg]?)", re.I)
_SCALE = {"ms": 0.001, "s": 1.0, "h": 3600.0, "d": float(DAY)}
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_FLAGS = {"yes": True, "true": True, "y": True, "no": False, "false": False, "n": False}
_BUCKET = re.compile(r"(\d{1,9}):(\d{1,9}(?:\.\d{0,18})?)")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_.])?")
_PATH = re.compile(r"/[^\s;,]*")


class Type(StrEnum):
    """What a directive takes, in the words of rmilter's README."""

    STRING = "string"
    FLAG = "flag"
    NUMBER = "number"
    FRACTION = "number from 0 to 1"
    TIME = "time"
    SIZE = "size"
    BUCKET = "burst:rate"
    NETWORKS = "list of addresses and networks"
    SERVERS = "list of servers"
    RECIPIENTS = "list of recipients"
    STRINGS = "list"
    SOCKET = "socket"
    WORD = "simple or relaxed"
    ALGORITHM = "sha1 or sha256"


@frozen
class Server:
    """``host[:port]``, ``[v6]:port`` or a path; ``rspamd`` where it was written with ``r:``."""

    host: str
    port: int | None = None
    rspamd: bool = False
    mirror: bool = False

    def text(self, port: int) -> str:
        """As an upstream of the engine's, with a default port."""
        if self.host.startswith("/"):
            return self.host
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port or port}"


def misfit(setting: Setting, expected: str, value: Value | None = None, hint: str = "") -> NoReturn:
    """Raise the error of a value that is not what was expected; it does not repeat the value."""
    place = value.place if value is not None else setting.place
    raise place.fault(f"{setting.name}: expected {expected}", hint)


def single(setting: Setting, expected: str = "one value") -> Value:
    """The only value there is."""
    if len(setting.values) != 1 or setting.values[0].mirror:
        at = setting.values[1] if len(setting.values) > 1 else None
        misfit(setting, expected, at, f"write: {setting.name} = value;")
    return setting.values[0]


def string(setting: Setting) -> str:
    """A string, quoted or not."""
    return single(setting, "a string").text


def strings(setting: Setting) -> tuple[str, ...]:
    """A list of strings."""
    return tuple(value.text for value in setting.values)


def flag(setting: Setting) -> bool:
    """``yes``, ``true``, ``no`` or ``false``."""
    value = single(setting, "yes or no")
    found = _FLAGS.get(value.text.lower())
    if found is None:
        misfit(setting, "yes or no", value)
    return found


def number(setting: Setting) -> int:
    """A whole number."""
    value = single(setting, "a whole number")
    if re.fullmatch(r"\d{1,12}", value.text) is None or not value.text.isascii():
        misfit(setting, "a whole number", value, "write digits: 10")
    return int(value.text)


def fraction(setting: Setting) -> float:
    """A probability from 0 to 1; above 1 it is read as a percentage, as rmilter does."""
    value = single(setting, "a number from 0.0 to 1.0")
    found = float(value.text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]*)?", value.text) else -1.0
    if not 0 <= found <= 100:
        misfit(setting, "a number from 0.0 to 1.0", value)
    return found / 100 if found > 1 else found


def seconds(setting: Setting) -> float:
    """A time, in seconds; it needs its unit."""
    value = single(setting, "a time")
    found = _TIME.fullmatch(value.text)
    if found is None or not value.text.isascii():
        misfit(setting, "a time with its unit", value, "write 500ms, 20s, 1h or 3d")
    return int(found[1]) * _SCALE[found[2].lower()]


def size(setting: Setting) -> int:
    """A size in bytes: ``10M`` counts by 1024."""
    value = single(setting, "a size")
    found = _SIZE.fullmatch(value.text)
    if found is None or not value.text.isascii():
        misfit(setting, "a size", value, "write 10M, 512k or a number of bytes")
    return int(found[1]) * _BYTES[found[2].lower()]


def word(setting: Setting, *words: str) -> str:
    """One of some words."""
    value = single(setting, " or ".join(words))
    if value.text.lower() not in words:
        misfit(setting, " or ".join(words), value)
    return value.text.lower()


def networks(setting: Setting) -> tuple[str, ...]:
    """Addresses and networks, IPv6 in brackets or not; bits behind the prefix are cleared."""
    found: list[str] = []
    for value in setting.values:
        address, slash, prefix = value.text.partition("/")
        bare = address.removeprefix("[").removesuffix("]")
        try:
            network = ip_interface(bare + slash + prefix).network
        except ValueError:
            misfit(setting, "an address or a network", value, "write 192.0.2.0/24 or [::1]/128")
        whole = network.prefixlen == network.max_prefixlen
        found.append(str(network.network_address) if whole else str(network))
    return tuple(found)


def recipients(setting: Setting) -> tuple[str, ...]:
    """``user``, ``user@domain`` or ``@domain``."""
    for value in setting.values:
        if value.text in ("", "@") or value.text.count("@") > 1 or re.search(r"\s", value.text):
            misfit(setting, "user, user@domain or @domain", value)
    return tuple(value.text for value in setting.values)


def servers(setting: Setting) -> list[Server]:
    """Servers; of a mirrored pair the first one, marked."""
    return [_server(setting, value) for value in setting.values]


def _server(setting: Setting, value: Value) -> Server:
    text = value.text
    rspamd = text.startswith("r:")
    text = text[2:] if rspamd else text
    mirror = bool(value.mirror)
    text = text.removeprefix("unix:") if text.startswith("unix:/") else text
    if _PATH.fullmatch(text):
        return Server(text, None, rspamd, mirror)
    host, port = _host_port(text)
    if host is None:
        misfit(setting, "host, host:port or /path", value, "write [::1]:11333 for IPv6")
    return Server(host, port, rspamd, mirror)


def _host_port(text: str) -> tuple[str | None, int | None]:
    """Host and port of ``host``, ``host:port``, ``[v6]`` or ``[v6]:port``; no host: neither."""
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?", text)
    if bracketed is not None:
        host, port = bracketed[1], bracketed[2]
        try:
            ip_address(host)
        except ValueError:
            return None, None
    else:
        host, colon, port = text.partition(":")
        if _HOST.fullmatch(host) is None or (colon and not re.fullmatch(r"[0-9]{1,5}", port)):
            return None, None
    if port and not 0 < int(port) < 65536:
        return None, None
    return host, int(port) if port else None


def bind_socket(setting: Setting) -> str:
    """A listening socket as the engine's ``bind_socket`` has it.

    ``unix:/path``, ``local:/path``, ``inet:port@host`` (also in brackets, ``inet6:``), ``fd:3``:
    descriptor 3 is systemd's first.
    """
    value = single(setting, "a socket")
    kind, _, rest = value.text.partition(":")
    if kind in ("unix", "local") and _PATH.fullmatch(rest):
        return f"{rest} mode=0660"
    if value.text.startswith("/"):
        return f"{value.text} mode=0660"
    if kind == "fd" and re.fullmatch(r"[0-9]{1,4}", rest) and int(rest) >= 3:
        return f"systemd:{int(rest) - 3}"
    if kind in ("inet", "inet6"):
        found = re.fullmatch(r"\[?([0-9]{1,5})(?:@(.*?))?\]?", rest)
        if found is not None and 0 < int(found[1]) < 65536:
            host = (found[2] or "*").strip("[]")
            host = f"[{host}]" if ":" in host else host
            if host == "*" or _host_port(host)[0] is not None:
                return f"{host}:{found[1]}"
    misfit(setting, "a socket", value, "write unix:/path, inet:port@host or fd:3")


def bucket(setting: Setting) -> tuple[int, Fraction]:
    """``burst:rate``: the bucket's size and how many messages a second leave it, exactly."""
    value = single(setting, "burst:rate")
    found = _BUCKET.fullmatch(value.text)
    if found is None or not value.text.isascii():
        misfit(setting, "burst:rate", value, "write 20:0.016666667 (one message a minute)")
    return int(found[1]), rate(found[2])


def rate(text: str) -> Fraction:
    """A decimal fraction as what its writer meant: 0.016666667 is 1/60, 0.025 is 1/40.

    A fraction of a day's seconds is taken as it stands; one that was cut to some digits becomes
    so many a minute, an hour or a day if that is written so, else the simplest one that is.
    """
    exact = Fraction(text.rstrip(".") or "0")
    if exact.denominator <= DAY:
        return exact
    half = Fraction(1, 2 * 10 ** len(text.partition(".")[2]))
    for period in (60, 3600, DAY):
        usual = Fraction(round(exact * period), period)
        if usual and abs(usual - exact) <= half:
            return usual
    return _simplest(exact - half, exact + half)


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction of the smallest denominator between two positive ones (continued fractions)."""
    terms: list[int] = []
    while True:
        whole = math.floor(low)
        if low == whole or high >= whole + 1:
            terms.append(whole if low == whole else whole + 1)
            break
        terms.append(whole)
        low, high = 1 / (high - whole), 1 / (low - whole)
    found = Fraction(terms.pop())
    while terms:
        found = terms.pop() + 1 / found
    return found


def per_time(found: Fraction) -> str:
    """A rate as Rspamd's ratelimit module writes it: ``1 / 1m`` for 1/60 a second."""
    period = found.denominator
    for unit, length in (("d", DAY), ("h", 3600), ("m", 60)):
        if period % length == 0:
            return f"{found.numerator} / {period // length}{unit}"
    return f"{found.numerator} / {period}s"


def in_seconds(value: float) -> Plain:
    """Seconds as a whole number where they are one."""
    return int(value) if value.is_integer() else value
