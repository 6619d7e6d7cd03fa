"""What DNS said lately, within the time it may be believed."""

from __future__ import annotations

from filter_engine.scan.question import DnsAnswer, DnsQuestion

MAX_TTL = 86400
"""Seconds a positive answer is kept at most."""
MAX_NEGATIVE_TTL = 900
"""Seconds an absence is kept at most (RFC 2308, section 5)."""
_ENTRY = 256
"""Rough bytes an answer costs besides its records."""


class AnswerCache:
    """Answers by question, bounded by number and by bytes; the oldest go first."""

    def __init__(self, entries: int = 32768, size: int = 32 << 20) -> None:
        """Keep at most ``entries`` answers and about ``size`` bytes."""
        self._entries = entries
        self._size = size
        self._used = 0
        self.answers: dict[DnsQuestion, tuple[float, int, DnsAnswer]] = {}
        """What is kept, fresh or not: who finds nothing here need not ask ``get``."""

    def __len__(self) -> int:
        return len(self.answers)

    def get(self, question: DnsQuestion, now: float) -> DnsAnswer | None:
        """The answer, while it is fresh; ``now`` is seconds of the clock given to ``put``."""
        kept = self.answers.get(question)
        if kept is None:
            return None
        if kept[0] > now:
            return kept[2]
        self._drop(question)
        return None

    def put(self, answer: DnsAnswer, now: float) -> None:
        """Keep an answer for its TTL; a failure or a TTL of 0 is not kept."""
        if answer.ttl <= 0 or answer.failed:
            return
        ttl = min(answer.ttl, MAX_NEGATIVE_TTL if answer.missing else MAX_TTL)
        cost = _ENTRY + sum(_weight(record) for record in answer.records)
        if cost > self._size // 16:
            return
        self._drop(answer.question)
        self.answers[answer.question] = (now + ttl, cost, answer)
        self._used += cost
        while len(self.answers) > self._entries or self._used > self._size:
            self._drop(next(iter(self.answers)))

    def _drop(self, question: DnsQuestion) -> None:
        kept = self.answers.pop(question, None)
        if kept is not None:
            self._used -= kept[1]


def _weight(record: object) -> int:
    return 64 + (len(record) if isinstance(record, (str, bytes)) else 64)
