"""The record of what was changed through the controller: who, what, before, after; and undo.

One line of JSON a change, in ``$DBDIR/dynamic_changes.jsonl``. Past ``LARGEST`` octets the file is
put aside (``.1``) and another begun; turns are taken by a lock on a file that stays.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import orjson

from filter_engine.config.dynamic import DynamicError

log = logging.getLogger(__name__)

FILE: Final = "dynamic_changes.jsonl"
LOCK: Final = "dynamic_changes.lock"
LARGEST: Final = 16 * 1024 * 1024
_SHOWN: Final = 200
"""Characters of a text in the log."""


class Changes:
    """The record of one host; processes take turns by a lock."""

    def __init__(self, directory: str) -> None:
        self._file = Path(directory, FILE)
        self._lock = Path(directory, LOCK)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else changes anything meanwhile. Raises ``DynamicError`` without DBDIR."""
        try:
            handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise DynamicError(f"cannot write {self._lock}: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def note(
        self, who: str, what: str, target: str, before: object, after: object, undoes: int = 0
    ) -> int:
        """Write one change down, within ``turn``; returns its number."""
        last = self.entries(1)
        number = (last[0]["id"] if last else 0) + 1
        entry: dict[str, object] = {
            "id": number,
            "time": round(time.time(), 3),
            "who": who,
            "what": what,
            "target": target,
            "before": before,
            "after": after,
        }
        if undoes:
            entry["undoes"] = undoes
        with suppress(FileNotFoundError):
            if self._file.stat().st_size > LARGEST:
                self._file.replace(self._file.with_suffix(".jsonl.1"))
        with open(self._file, "ab", opener=_opener) as file:
            file.write(orjson.dumps(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        log.warning(
            "controller: change %d by %s: %s %s: %.200s -> %.200s",
            number,
            who,
            what,
            target,
            _short(before),
            _short(after),
        )
        return number

    def entries(self, most: int = 100) -> list[dict[str, Any]]:
        """The last changes, the newest first; lines that cannot be read are left out."""
        found: list[dict[str, Any]] = []
        for path in (self._file, self._file.with_suffix(".jsonl.1")):
            if len(found) >= most:
                break
            with suppress(OSError):
                for line in reversed(path.read_bytes().splitlines()):
                    with suppress(orjson.JSONDecodeError):
                        entry = orjson.loads(line)
                        if isinstance(entry, dict) and isinstance(entry.get("id"), int):
                            found.append(entry)
                    if len(found) >= most:
                        break
        return found

    def entry(self, number: int) -> dict[str, Any] | None:
        """One change; None when it is not in the record."""
        found = (entry for entry in self.entries(10_000) if entry["id"] == number)
        return next(found, None)


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o640)


def _short(value: object) -> str:
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{len(value)} characters"
    return orjson.dumps(value).decode()
