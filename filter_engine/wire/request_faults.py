"""What is wrong with requests' headers, in the log: once a kind, so that no client can fill it."""

from __future__ import annotations

import logging
import math
from typing import Final

from filter_engine.scan.envelope import Envelope
from filter_engine.scan.task import client_ip

log = logging.getLogger(__name__)

_FLAGS: Final = frozenset(
    (
        *("pass_all", "no_log", "no_stat", "skip", "skip_process", "ext_urls", "extended_urls"),
        *("groups", "body_block", "milter", "profile", "zstd"),
    )
)
"""Words of the header ``Flags`` that mean something, here or to Rspamd (protocol of 3.4)."""
_SHOWN: Final = 100
"""Characters of a value that are quoted."""
_SCORES: Final = (("maxscore", "MaxScore"), ("softscore", "SoftScore"))
_SCORE_HEADERS: Final = frozenset(header.encode() for header, _ in _SCORES)


class RequestFaults:
    """Tells of a worker's requests what cannot be used in them."""

    def __init__(self) -> None:
        self._told = set[str]()

    def tell(self, envelope: Envelope) -> None:
        """Warn of each kind of fault that was not told before."""
        for header, value, effect in faults(envelope):
            if header not in self._told:
                self._told.add(header)
                text = "request header %s: %r cannot be used: %s (said once)"
                log.warning(text, header, value[:_SHOWN], effect)


def faults(envelope: Envelope) -> list[tuple[str, str, str]]:
    """(header, value, what follows) of each value that means nothing; nearly always none."""
    found: list[tuple[str, str, str]] = []
    if envelope.ip and client_ip(envelope.ip) is None:
        found.append(("IP", envelope.ip, "no address; the mail counts as local"))
    if not envelope.flags <= _FLAGS:
        unknown = min(envelope.flags - _FLAGS)
        found.append(("Flags", unknown, "no such flag; it is left out"))
    if not _SCORE_HEADERS.isdisjoint([name for name, _ in envelope.request_headers]):
        for header, name in _SCORES:
            value = envelope.request_header(header)
            if value is not None and not _is_number(value):
                found.append((name, value, "no number; the configured threshold stays"))
    return found


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
