"""Whether a mail server answers: connecting to an MX, and reading its greeting (mx_check).

Source: RFC 5321, sections 3.1 and 4.2 (greeting and reply codes).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final

from filter_engine.config.upstreams import Upstream, UpstreamList
from filter_engine.scan.exchange import Exchange, ExchangeStatus, Reply, Until

if TYPE_CHECKING:
    from filter_engine.checks.mx_check_options import MxCheckOptions

_MAX_GREETING: Final = 8192
_CODE: Final = re.compile(rb"(?m)^(\d)\d\d(?: |\r|$)")
_OUTCOMES: Final = {
    ExchangeStatus.REFUSED: "REFUSED",
    ExchangeStatus.UNREACHABLE: "TIMEOUT_CONNECT",
    ExchangeStatus.TIMEOUT: "TIMEOUT_READ",
    ExchangeStatus.CLOSED: "INVALID",
    ExchangeStatus.TOO_LARGE: "INVALID",
}


def probe(ip: IPv4Address | IPv6Address, options: MxCheckOptions) -> Exchange:
    """A connection to the port of mail; with ``verify_greeting`` its greeting is read."""
    connect, read = options.connect_timeout, options.read_timeout
    return Exchange(
        UpstreamList((Upstream(str(ip), options.port),)),
        until=Until.LINE if options.verify_greeting else Until.SIZE,
        pattern=rb"(?!\d{3}-)",
        timeout=connect + read if options.verify_greeting else connect,
        connect_timeout=connect,
        limit=_MAX_GREETING,
        farewell=b"QUIT\r\n" if options.send_quit else b"",
    )


def outcome(reply: Reply) -> str:
    """What a reply says: GOOD, or what is wrong; empty when nobody could ask."""
    if not reply.ok:
        return _OUTCOMES.get(reply.status, "")
    if reply.question.until is Until.SIZE:
        return "GOOD"
    code = _CODE.search(reply.data)
    if code is None:
        return "INVALID"
    return {b"2": "GOOD", b"4": "ERROR", b"5": "ERROR"}.get(code[1], "INVALID")


def best(replies: Sequence[Reply]) -> tuple[str, Reply] | None:
    """A server that is good, else what is wrong with the first one."""
    said = [(outcome(reply), reply) for reply in replies]
    known = [each for each in said if each[0]]
    return next((each for each in known if each[0] == "GOOD"), next(iter(known), None))
