"""What DNS said lately, within the time it may be believed."""

from __future__ import annotations

from collections.abc import Iterable
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

    def get_all(self, questions: Iterable[DnsQuestion], now: float) -> dict[DnsQuestion, DnsAnswer]:
        """``get`` for many: the answers that are fresh."""
        absent, absent_before, kept = self._absent, self._absent_before, self._answers
        found: dict[DnsQuestion, DnsAnswer] = {}
        for question in questions:
            key = hash(question) & _HASH
            until = absent[key] if key in absent else absent_before.get(key)
            if until is None:
                if question in kept:
                    answer = self.get(question, now)
                    if answer is not None:
                        found[question] = answer
            elif until > now:  # nearly all that are found
                left = ceil(until - now)
                found[question] = dns_answer((question, _NXDOMAIN, (), left, NO_NAME))
            elif -until > now:
                left = ceil(-until - now)
                found[question] = dns_answer((question, _NODATA, (), left, NO_RECORD))
        return found

    def put(self, answer: DnsAnswer, now: float) -> None:
        """Keep an answer for its TTL; a failure or a TTL of 0 is not kept."""
        question, status, _, ttl, _ = answer
        if ttl <= 0:
            return
        if status is _NXDOMAIN or status is _NODATA:
            if question in self._answers:
                self._drop(question)
            until = now + (ttl if ttl < MAX_NEGATIVE_TTL else MAX_NEGATIVE_TTL)
            if status is _NODATA:
                until = -until
            if until == self._last:  # replies that came together: one number for all
                until = self._last
            self._last = until
            self._absent[hash(question) & _HASH] = until
            if len(self._absent) > self._entries // 2:
                self._absent_before, self._absent = self._absent, {}
            return
        if status is not _OK:
            return
        cost = _ENTRY + sum(_weight(record) for record in answer.records)
        if cost > self._size // 16:
            return
        self._drop(question)
        self._answers[question] = (now + min(ttl, MAX_TTL), cost, answer)
        self._used += cost
        while len(self._answers) > self._entries or self._used > self._size:
            self._drop(next(iter(self._answers)))

    def _drop(self, question: DnsQuestion) -> None:
        key = hash(question) & _HASH
        self._absent.pop(key, None)
        self._absent_before.pop(key, None)
        kept = self._answers.pop(question, None)
        if kept is not None:
            self._used -= kept[1]


def _weight(record: object) -> int:
    return 64 + (len(record) if isinstance(record, (str, bytes)) else 64)
