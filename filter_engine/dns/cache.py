"""What DNS said lately, within the time it may be believed."""

from __future__ import annotations

from math import ceil

from filter_engine.dns.packet import NO_NAME, NO_RECORD
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus, dns_answer

MAX_TTL = 86400
"""Seconds a positive answer is kept at most."""
MAX_NEGATIVE_TTL = 900
"""Seconds an absence is kept at most (RFC 2308, section 5)."""
_ENTRY = 256
"""Rough bytes an answer costs besides its records."""
_HASH = (1 << 60) - 1
"""The bits of a question's hash that are kept: an integer of that size takes 32 bytes."""
_NXDOMAIN, _NODATA, _OK = DnsStatus.NXDOMAIN, DnsStatus.NODATA, DnsStatus.OK


class AnswerCache:
    """Answers by question, bounded by number and by bytes; the oldest go first.

    Nearly all that is kept are absences: each message asks some thirty lists. They are kept by 60
    bits of their question's hash, in a quarter of the memory. Its key is random (PYTHONHASHSEED):
    a question is taken for one of 32,768 others in one look-up of 3 * 10^13.
    """

    def __init__(self, entries: int = 32768, size: int = 32 << 20) -> None:
        """Keep at most ``entries`` answers with records, as many absences, and about ``size``
        bytes of the former."""
        self._entries = entries
        self._size = size
        self._used = 0
        self._answers: dict[DnsQuestion, tuple[float, int, DnsAnswer]] = {}
        # Hash of a question -> the time until which there is nothing, less than 0 where there are
        # other records of the name. Two generations: dropping the older is cheap.
        self._absent: dict[int, float] = {}
        self._absent_before: dict[int, float] = {}
        self._last = 0.0

    def __len__(self) -> int:
        return len(self._answers) + len(self._absent) + len(self._absent_before)

    def get(self, question: DnsQuestion, now: float) -> DnsAnswer | None:
        """The answer, while it is fresh; ``now`` is seconds of the clock given to ``put``."""
        key = hash(question) & _HASH
        until = self._absent.get(key)
        if until is None:
            until = self._absent_before.get(key)
        if until is not None:
            if until > now:
                return dns_answer((question, _NXDOMAIN, (), ceil(until - now), NO_NAME))
            if -until > now:
                return dns_answer((question, _NODATA, (), ceil(-until - now), NO_RECORD))
            return None
        kept = self._answers.get(question)
        if kept is None:
            return None
        if kept[0] > now:
            return kept[2]
        self._drop(question)
        return None

    def put(self, answer: DnsAnswer, now: float) -> None:
        """Keep an answer for its TTL; a failure or a TTL of 0 is not kept."""
        ttl, status = answer.ttl, answer.status
        if ttl <= 0:
            return
        if status is _NXDOMAIN or status is _NODATA:
            self._put_absence(answer.question, status, min(ttl, MAX_NEGATIVE_TTL), now)
            return
        if status is not _OK:
            return
        cost = _ENTRY + sum(_weight(record) for record in answer.records)
        if cost > self._size // 16:
            return
        self._drop(answer.question)
        self._answers[answer.question] = (now + min(ttl, MAX_TTL), cost, answer)
        self._used += cost
        while len(self._answers) > self._entries or self._used > self._size:
            self._drop(next(iter(self._answers)))

    def _put_absence(self, question: DnsQuestion, status: DnsStatus, ttl: int, now: float) -> None:
        until = now + ttl if status is _NXDOMAIN else -(now + ttl)
        if until == self._last:  # replies that came together: one number for all
            until = self._last
        self._last = until
        if question in self._answers:
            self._drop(question)
        self._absent[hash(question) & _HASH] = until
        if len(self._absent) > self._entries // 2:
            self._absent_before, self._absent = self._absent, {}

    def _drop(self, question: DnsQuestion) -> None:
        key = hash(question) & _HASH
        self._absent.pop(key, None)
        self._absent_before.pop(key, None)
        kept = self._answers.pop(question, None)
        if kept is not None:
            self._used -= kept[1]


def _weight(record: object) -> int:
    return 64 + (len(record) if isinstance(record, (str, bytes)) else 64)
