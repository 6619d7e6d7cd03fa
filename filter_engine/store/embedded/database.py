"""The commands on SQLite: strings, hashes and lists with a time to live.

A string is the field ``''`` of its key; the values of a list stand under numbers that fall as
values are put before it. WAL lets all workers read while one writes.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from filter_engine.scan.store import StoreQuestion, Value

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS item (
    key BLOB NOT NULL, field BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (key, field)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS element (
    key BLOB NOT NULL, place INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (key, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS life (key BLOB PRIMARY KEY, ends REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS life_ends ON life (ends);
"""
_SWEEP: Final = 60.0
"""Seconds between two searches for what has ended."""
_SWEPT: Final = 2000
"""Keys removed in one search."""
_MANY: Final = 500
"""Keys in one SELECT."""


class Database:
    """One connection to the file. Not for two threads at a time."""

    def __init__(self, path: str, timeout: float = 1.0) -> None:
        """Open, and make the file (mode 0600) if need be. Raises ``sqlite3.Error``, ``OSError``."""
        memory = path == ":memory:"
        if not memory and not Path(path).exists():
            Path(path).touch(mode=0o600)
        self._base = sqlite3.connect(
            path, timeout=timeout, isolation_level=None, check_same_thread=False
        )
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = NORMAL")
        self._base.executescript(_SCHEMA)
        self._swept = 0.0
        self.now = time.time()

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def answer(self, question: StoreQuestion) -> Value:
        """Carry one question out, in a transaction of its own unless one is open.

        Raises ``sqlite3.Error``; ``ValueError`` for what is no number.
        """
        if question.script is not None:
            return question.script.embedded(self, question.keys, question.args)
        value: Value = _COMMANDS[question.command](self, question.keys, question.args)
        return value

    def begin(self, *, writes: bool, now: float) -> None:
        """Begin a transaction at the time ``now`` (seconds since the epoch)."""
        self.now = now
        self._base.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        if writes and now - self._swept > _SWEEP:
            self._swept = now
            self._sweep()

    def end(self, *, good: bool = True) -> None:
        """End it; what was written is kept, or forgotten."""
        if not self._base.in_transaction:
            return
        try:
            if good:
                self._base.execute("COMMIT")
        finally:  # a transaction that stays open would let none begin any more
            if self._base.in_transaction:
                self._base.execute("ROLLBACK")

    def _sweep(self) -> None:
        rows = self._base.execute(
            "SELECT key FROM life WHERE ends <= ? LIMIT ?", (self.now, _SWEPT)
        ).fetchall()
        for (key,) in rows:
            self._remove(key)

    def _remove(self, key: bytes) -> int:
        gone = self._base.execute("DELETE FROM item WHERE key = ?", (key,)).rowcount
        gone += self._base.execute("DELETE FROM element WHERE key = ?", (key,)).rowcount
        self._base.execute("DELETE FROM life WHERE key = ?", (key,))
        return gone

    def _fresh(self, key: bytes) -> None:
        """Before a write: what has ended is no longer there."""
        ended = self._base.execute(
            "SELECT 1 FROM life WHERE key = ? AND ends <= ?", (key, self.now)
        ).fetchone()
        if ended:
            self._remove(key)

    def get(self, key: bytes) -> bytes | None:
        """The string under a key."""
        return self.fields(key, b"")[0]

    def set(self, key: bytes, value: bytes, ttl: float | None = None) -> None:
        """Set a string; it stays for ``ttl`` seconds, or for ever."""
        self._remove(key)
        self._base.execute("INSERT INTO item VALUES (?, x'', ?)", (key, value))
        if ttl is not None:
            self.expire(key, ttl)

    def delete(self, *keys: bytes) -> int:
        """Remove keys; how many there were."""
        count = 0
        for key in keys:
            self._fresh(key)
            count += bool(self._remove(key))
        return count

    def fields(self, key: bytes, *names: bytes) -> list[bytes | None]:
        """Some fields of a hash; the others, of which there may be many, are not read."""
        found: dict[bytes, bytes] = {}
        for start in range(0, len(names), _MANY):
            some = names[start : start + _MANY]
            marks = ",".join("?" * len(some))
            found.update(
                self._base.execute(
                    f"SELECT field, value FROM item WHERE key = ? AND field IN ({marks}) "  # noqa: S608  # marks only
                    "AND NOT EXISTS (SELECT 1 FROM life WHERE key = item.key AND ends <= ?)",
                    (key, *some, self.now),
                )
            )
        return [found.get(name) for name in names]

    def everything(self, key: bytes) -> dict[bytes, bytes]:
        """All fields of a hash."""
        rows = self._base.execute(
            "SELECT field, value FROM item WHERE key = ?1 AND NOT EXISTS "
            "(SELECT 1 FROM life WHERE key = ?1 AND ends <= ?2)",
            (key, self.now),
        )
        return dict(rows.fetchall())

    def many(self, keys: Sequence[bytes]) -> dict[bytes, dict[bytes, bytes]]:
        """All fields of many hashes, of those there are."""
        found: dict[bytes, dict[bytes, bytes]] = {}
        for start in range(0, len(keys), _MANY):
            some = keys[start : start + _MANY]
            marks = ",".join("?" * len(some))
            rows = self._base.execute(
                f"SELECT key, field, value FROM item WHERE key IN ({marks})",  # noqa: S608  # marks only
                some,
            )
            for key, field, value in rows:
                found.setdefault(key, {})[field] = value
            ended = self._base.execute(
                f"SELECT key FROM life WHERE ends <= ? AND key IN ({marks})",  # noqa: S608
                (self.now, *some),
            )
            for (key,) in ended:
                found.pop(key, None)
        return found

    def put(self, key: bytes, fields: Mapping[bytes, bytes]) -> int:
        """Set fields of a hash; how many are new."""
        self._fresh(key)
        new = self.fields(key, *fields).count(None)
        self._base.executemany(
            "INSERT OR REPLACE INTO item VALUES (?, ?, ?)",
            [(key, name, value) for name, value in fields.items()],
        )
        return new

    def increase(self, key: bytes, field: bytes, by: int) -> int:
        """Add to a number in a hash; the sum. Raises ``ValueError`` where no number stands."""
        self._fresh(key)
        row = self._base.execute(
            "SELECT value FROM item WHERE key = ? AND field = ?", (key, field)
        ).fetchone()
        total = (int(row[0]) if row else 0) + by
        self._base.execute(
            "INSERT OR REPLACE INTO item VALUES (?, ?, ?)", (key, field, b"%d" % total)
        )
        return total

    def drop(self, key: bytes, *names: bytes) -> int:
        """Remove fields of a hash; how many there were."""
        self._fresh(key)
        return sum(
            self._base.execute("DELETE FROM item WHERE key = ? AND field = ?", (key, name)).rowcount
            for name in names
        )

    def leave_highest(self, key: bytes, count: int) -> None:
        """Leave the ``count`` fields of a hash whose numbers are the highest: a sorted set."""
        self._base.execute(
            "DELETE FROM item WHERE key = ?1 AND field IN (SELECT field FROM item WHERE key = ?1 "
            "ORDER BY CAST(value AS REAL), field "
            "LIMIT max((SELECT count(*) FROM item WHERE key = ?1) - ?2, 0))",
            (key, count),
        )

    def expire(self, key: bytes, ttl: float) -> bool:
        """Let a key end in ``ttl`` seconds; whether there is one."""
        self._fresh(key)
        there = self._base.execute(
            "SELECT EXISTS (SELECT 1 FROM item WHERE key = ?1) OR "
            "EXISTS (SELECT 1 FROM element WHERE key = ?1)",
            (key,),
        ).fetchone()[0]
        if there:
            self._base.execute("INSERT OR REPLACE INTO life VALUES (?, ?)", (key, self.now + ttl))
        return bool(there)

    def push(self, key: bytes, *values: bytes) -> int:
        """Put values before a list; its length."""
        self._fresh(key)
        least, count = self._base.execute(
            "SELECT coalesce(min(place), 0), count(*) FROM element WHERE key = ?", (key,)
        ).fetchone()
        self._base.executemany(
            "INSERT INTO element VALUES (?, ?, ?)",
            [(key, least - 1 - index, value) for index, value in enumerate(values)],
        )
        return int(count) + len(values)

    def trim(self, key: bytes, count: int) -> None:
        """Leave the first ``count`` of a list."""
        self._base.execute(
            "DELETE FROM element WHERE key = ?1 AND place NOT IN "
            "(SELECT place FROM element WHERE key = ?1 ORDER BY place LIMIT ?2)",
            (key, count),
        )

    def items(self, key: bytes, first: int, last: int) -> list[bytes]:
        """Values of a list; negative places count from its end."""
        self_ended = self._base.execute(
            "SELECT 1 FROM life WHERE key = ? AND ends <= ?", (key, self.now)
        ).fetchone()
        if self_ended:
            return []
        rows = self._base.execute(
            "SELECT value FROM element WHERE key = ? ORDER BY place", (key,)
        ).fetchall()
        values = [value for (value,) in rows]
        return values[first : len(values) + last + 1 if last < 0 else last + 1]


Run = Callable[[Database, tuple[bytes, ...], tuple[bytes, ...]], Any]


def _set(base: Database, keys: tuple[bytes, ...], args: tuple[bytes, ...]) -> bytes | None:
    value, *options = args
    if b"NX" in options and base.get(keys[0]) is not None:
        return None
    ttl = int(options[options.index(b"PX") + 1]) / 1000 if b"PX" in options else None
    base.set(keys[0], value, ttl)
    return b"OK"


def _trim(base: Database, keys: tuple[bytes, ...], args: tuple[bytes, ...]) -> bytes:
    base.trim(keys[0], int(args[1]) + 1)
    return b"OK"


_COMMANDS: Final[Mapping[bytes, Run]] = {
    b"GET": lambda base, keys, _args: base.get(keys[0]),
    b"MGET": lambda base, keys, _args: [base.get(key) for key in keys],
    b"SET": _set,
    b"DEL": lambda base, keys, _args: base.delete(*keys),
    b"PEXPIRE": lambda base, keys, args: int(base.expire(keys[0], int(args[0]) / 1000)),
    b"INCRBY": lambda base, keys, args: base.increase(keys[0], b"", int(args[0])),
    b"HMGET": lambda base, keys, args: base.fields(keys[0], *args),
    b"HGETALL": lambda base, keys, _args: [
        part for pair in base.everything(keys[0]).items() for part in pair
    ],
    b"HSET": lambda base, keys, args: base.put(
        keys[0], dict(zip(args[::2], args[1::2], strict=True))
    ),
    b"HINCRBY": lambda base, keys, args: base.increase(keys[0], args[0], int(args[1])),
    b"HDEL": lambda base, keys, args: base.drop(keys[0], *args),
    b"LPUSH": lambda base, keys, args: base.push(keys[0], *args),
    b"LTRIM": _trim,
    b"LRANGE": lambda base, keys, args: base.items(keys[0], int(args[0]), int(args[1])),
}
