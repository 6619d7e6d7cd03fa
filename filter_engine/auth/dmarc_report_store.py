"""Where rows of reports are kept between a message and its report: keys and scripts.

Keys are Rspamd's: a sorted set of rows for each domain, ``rua`` and day, and a set of these a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from filter_engine.auth.dmarc_row import ReportRow, decode_row
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.store import Embedded, Script, Store, StoreQuestion, Value

DAY: Final = 86_400
"""Seconds."""
MAX_RUA: Final = 2048
"""Characters of ``rua`` that become part of a key."""


def _add(store: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> Value:
    index, rows = keys
    name, row, most, seconds = args
    store.put(index, {name: b"1"})
    store.expire(index, float(seconds))
    known = store.everything(rows)
    if row in known or len(known) < int(most):
        store.increase(rows, row, 1)
    store.expire(rows, float(seconds))
    return None


def _names(store: Embedded, keys: Sequence[bytes], _args: Sequence[bytes]) -> Value:
    return list(store.everything(keys[0]))


def _rows(store: Embedded, keys: Sequence[bytes], _args: Sequence[bytes]) -> Value:
    return [part for pair in store.everything(keys[0]).items() for part in pair]


def _remove(store: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> Value:
    store.drop(keys[0], args[0])
    return store.delete(keys[1])


_ADD: Final = Script(
    "dmarc add",
    """
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('ZINCRBY', KEYS[2], 1, ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -(tonumber(ARGV[3]) + 1))
redis.call('EXPIRE', KEYS[2], ARGV[4])
""",
    _add,
    writes=True,
)
_NAMES: Final = Script(
    "dmarc names", "return redis.call('SMEMBERS', KEYS[1])", _names, writes=False
)
_ROWS: Final = Script(
    "dmarc rows",
    "return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')",
    _rows,
    writes=False,
)
_REMOVE: Final = Script(
    "dmarc remove",
    "redis.call('SREM', KEYS[1], ARGV[1]) return redis.call('DEL', KEYS[2])",
    _remove,
    writes=True,
)


@frozen
class Collection:
    """The rows for one domain and ``rua`` on one day."""

    name: bytes
    """Its key."""
    domain: str
    rua: str


@frozen
class ReportStore:
    """The questions to the store."""

    store: Store
    index_prefix: str = "dmarc_idx"
    report_prefix: str = "dmarc_rpt"
    join_char: str = ";"

    def add(
        self, now: float, domain: str, rua: str, row: ReportRow, *, most: int, seconds: float
    ) -> StoreQuestion:
        """Count a message; at most ``most`` rows of a domain and day are kept for ``seconds``."""
        parts = (self.report_prefix, domain, rua[:MAX_RUA], day_of(now))
        name = self.join_char.join(parts).encode("utf-8", "replace")
        args = (name, row.encode().encode("utf-8", "replace"), b"%d" % most, b"%d" % int(seconds))
        return self.store.run(_ADD, (self._index(day_of(now)), name), args)

    def names(self, day: str) -> StoreQuestion:
        """The collections of a day (``YYYYMMDD``)."""
        return self.store.run(_NAMES, (self._index(day),), ())

    def rows(self, collection: Collection) -> StoreQuestion:
        """Its rows."""
        return self.store.run(_ROWS, (collection.name,), ())

    def remove(self, day: str, collection: Collection) -> StoreQuestion:
        """Forget it."""
        return self.store.run(_REMOVE, (self._index(day), collection.name), (collection.name,))

    def collections(self, answer: Any) -> Iterator[Collection]:
        """What an answer to ``names`` holds; other keys are left out."""
        for name in answer or ():
            parts = name.decode("utf-8", "replace").split(self.join_char)
            if len(parts) >= 4 and parts[0] == self.report_prefix:
                yield Collection(name, parts[1], self.join_char.join(parts[2:-1]))

    def _index(self, day: str) -> bytes:
        return f"{self.index_prefix}{self.join_char}{day}".encode()


def read_rows(answer: Any) -> Iterator[tuple[ReportRow, int]]:
    """What an answer to ``rows`` holds; rows that cannot be read are left out."""
    parts = list(answer or ())
    for text, count in zip(parts[::2], parts[1::2], strict=False):
        try:
            yield decode_row(text.decode("utf-8", "replace")), int(float(count))
        except ValueError:
            continue


def day_of(seconds: float) -> str:
    """``YYYYMMDD`` in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d")


def period(day: str) -> tuple[int, int]:
    """Begin and last second of a day, seconds since the epoch. Raises ValueError for no day."""
    begin = int(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).timestamp())
    return begin, begin + DAY - 1
