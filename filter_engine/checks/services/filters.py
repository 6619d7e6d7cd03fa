"""The protocols of other filters: dccifd, razorfy, pyzorsocket and spamd.

Sources: dccifd(8), section PROTOCOL; the daemons razorfy and pyzorsocket, which Rspamd's module
external_services speaks with; SpamAssassin's spamd/PROTOCOL.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from filter_engine.checks.services.protocol import Kind, Protocol, Said, text_of
from filter_engine.scan.exchange import Exchange

if TYPE_CHECKING:
    from filter_engine.checks.services.rule import Rule
    from filter_engine.scan.task import Task

_CLEAN: Final = (Said(Kind.CLEAN),)
_NOBODY: Final = "test@example.com"
"""Told to DCC where the envelope has no address."""
_MAX_RCPTS: Final = 100


def _unhandled(data: bytes) -> tuple[Said, ...]:
    return (Said(Kind.FAIL, (f"unhandled response: {text_of(data)[:200]}",)),)


# -- DCC -----------------------------------------------------------------------------------------

_COUNT: Final = re.compile(r"\b(body|fuz1|fuz2)=([^=\s]+)")
_REPUTATION: Final = re.compile(r"\brep=(\d{1,3}(?:\.\d{1,3})?)(?=\s|$)")
"""A percentage (``rep=60%``) is none that Rspamd counts with."""


def _line(text: str) -> bytes:
    return re.sub(r"[\x00-\x1f]", " ", text).encode("utf-8", "replace")


def _ask_dcc(rule: Rule, task: Task, content: bytes) -> Exchange:
    envelope = task.envelope
    client = _line(rule.options.client if task.ip is None else str(task.ip))
    if envelope.hostname:
        client += b"\r" + _line(envelope.hostname)
    rcpts = [_line(rcpt) for rcpt in envelope.rcpt_to[:_MAX_RCPTS]] or [_line(_NOBODY)]
    sender = _NOBODY if envelope.mail_from is None else envelope.mail_from
    head = (b"header", client, _line(envelope.helo or ""), _line(sender), *rcpts, b"", b"")
    return rule.exchange(b"\n".join(head) + content, half_close=True)


def _read_dcc(rule: Rule, data: bytes) -> tuple[Said, ...]:
    """The result, a letter for each recipient, and the X-DCC header."""
    result, _, rest = data.partition(b"\n")
    _, newline, header = rest.partition(b"\n")
    if not newline or result.strip() not in (b"A", b"G", b"R", b"S", b"T"):
        return _unhandled(data)
    info = text_of(re.sub(rb"\r?\n\s*", b" ", header)).partition("; ")[2]
    match result.strip():
        case b"R":
            return (Said(Kind.FOUND, (info,), rule.options.default_score or 1.0),)
        case b"T":
            return (Said(Kind.FAIL, ("DCC fails for now",)),)
        case b"A":
            return _counted(rule, info.lower())
    return _CLEAN


def _counted(rule: Rule, info: str) -> tuple[Said, ...]:
    """The counts that reach the site's limits, each a third of DCC's reputation (or of 1)."""
    options = rule.options
    limits = {"body": options.body_max, "fuz1": options.fuz1_max, "fuz2": options.fuz2_max}
    reputation = _REPUTATION.search(info)
    share = (float(reputation[1]) if reputation else 1.0) / 3.0
    many = [
        f"{name}={count}"
        for name, count in _COUNT.findall(info)
        if count == "many" or (count[:12].isdecimal() and int(count[:12]) >= limits[name])
    ]
    return (Said(Kind.BULK, tuple(many), share * len(many)),) if many and share else _CLEAN


# -- Razor and Pyzor -----------------------------------------------------------------------------


def _ask_whole(rule: Rule, _task: Task, content: bytes) -> Exchange:
    return rule.exchange(content, half_close=True)


def _read_razor(rule: Rule, data: bytes) -> tuple[Said, ...]:
    match data.strip():
        case b"spam":
            return (Said(Kind.FOUND, ("spam",), rule.options.default_score or 1.0),)
        case b"ham":
            return _CLEAN
    return _unhandled(data)


def _read_pyzor(rule: Rule, data: bytes) -> tuple[Said, ...]:
    """``server<TAB>(200, 'OK')<TAB>reports<TAB>whitelistings``."""
    fields = [part for part in data.split(b"\t") if part]
    counts = [field.strip()[:12] for field in fields[2:4]]
    if len(counts) < 2 or fields[1] != b"(200, 'OK')" or not all(map(bytes.isdigit, counts)):
        return _unhandled(data)
    reported, whitelisted = map(int, counts)
    if reported <= whitelisted:
        return _CLEAN
    share = (reported - whitelisted) / (reported + whitelisted)
    weight = round((rule.options.default_score or 1.0) * share, 2)
    return (Said(Kind.FOUND, (f"bl_{reported}_wl_{whitelisted}",), weight),)


# -- SpamAssassin --------------------------------------------------------------------------------

_MAX_SCORE: Final = 1000.0
_STATUS: Final = re.compile(
    r"^X-Spam-Status: \w+, score=(-?\d+(?:\.\d+)?)\s[^\n]{0,200}?tests=([^\n]*?)(?: autolearn=|$)",
    re.MULTILINE,
)


def _ask_spamd(rule: Rule, _task: Task, content: bytes) -> Exchange:
    head = f"HEADERS SPAMC/1.5\r\nUser: root\r\nContent-length: {len(content)}\r\n\r\n"
    return rule.exchange(head.encode() + content, half_close=True)


def _read_spamd(rule: Rule, data: bytes) -> tuple[Said, ...]:
    if not re.match(rb"SPAMD/[\d.]+ 0 ", data):
        return _unhandled(data)
    unfolded = re.sub(rb"\r?\n[ \t]+", b" ", data).replace(b"\r\n", b"\n")
    status = _STATUS.search(unfolded.decode("utf-8", "replace"))
    if status is None:
        return _unhandled(data)
    names = re.sub(r"\s", "", status[2])
    if float(status[1]) <= 0 or names in ("", "none"):
        return _CLEAN
    each = tuple(names.split(",")) if rule.options.extended else (names,)
    return (Said(Kind.FOUND, each, min(float(status[1]), _MAX_SCORE)),)


PROTOCOLS: Final = {
    "dcc": Protocol(
        10045,
        _ask_dcc,
        _read_dcc,
        MappingProxyType(
            {
                "message": '${SCANNER}: bulk message found: "${VIRUS}"',
                "symbol": "DCC_REJECT",
                "symbol_fail": "DCC_FAIL",
            }
        ),
        kept=0.0,  # it counts what it is asked about
    ),
    "razor": Protocol(
        11342,
        _ask_whole,
        _read_razor,
        MappingProxyType(
            {
                "message": '${SCANNER}: spam message found: "${VIRUS}"',
                "symbol": "RAZOR",
                "symbol_fail": "RAZOR_FAIL",
            }
        ),
        kept=7200.0,
    ),
    "pyzor": Protocol(
        5953,
        _ask_whole,
        _read_pyzor,
        MappingProxyType(
            {
                "message": '${SCANNER}: Pyzor bulk message found: "${VIRUS}"',
                "timeout": 15.0,
                "text_part_min_words": 2,
                "default_score": 1.5,
            }
        ),
        kept=7200.0,
    ),
    "spamassassin": Protocol(
        783,
        _ask_spamd,
        _read_spamd,
        MappingProxyType(
            {
                "message": '${SCANNER}: Spamassassin bulk message found: "${VIRUS}"',
                "symbol": "SPAMD",
                "timeout": 15.0,
                "symbol_type": "postfilter",
                "dynamic_scan": True,
            }
        ),
    ),
}
"""By ``type``."""
