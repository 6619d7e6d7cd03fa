"""The last errors of every process, for the controller's ``/errors``."""

from __future__ import annotations

import logging
import os
from collections import deque
from typing import Any

import orjson

from filter_engine.workers.board import Board
from filter_engine.workers.logs import log_tag, serve_as


class Kept:
    """What is kept of one process's errors; its successor goes on with them."""

    notes = 10
    """How many, fewer of long ones (``logging { error_elts }``)."""
    length = 1000
    """Octets of one (``error_maxlen``)."""
    written = 0
    """Errors since this process began, also those that are kept no more."""


class ErrorNotes(logging.Handler):
    """Writes errors onto a board, beside whatever else the log does with them."""

    def __init__(self, board: Board, slot: int, kind: str) -> None:
        super().__init__(logging.ERROR)
        self._board = board
        self._slot = slot
        self._kind = kind
        self._notes: deque[dict[str, Any]] = deque(_read(board.get(slot)), Kept.notes)

    def emit(self, record: logging.LogRecord) -> None:
        """Note a record (``logging.Handler``)."""
        Kept.written += 1
        try:
            text = " ".join(record.getMessage().split())
            if record.exc_info and record.exc_info[1] is not None:
                text += f": {type(record.exc_info[1]).__name__}"
            note = {
                "ts": record.created,
                "pid": os.getpid(),
                "type": self._kind,
                "id": log_tag(),
                "module": record.name.rpartition(".")[2],
                "message": _cut(text),
            }
            self._notes.append(note)
            while not self._board.put(self._slot, orjson.dumps(list(self._notes))) and self._notes:
                self._notes.popleft()  # long ones leave less room
        except Exception:
            self.handleError(record)


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[: Kept.length].decode("utf-8", "ignore")


def note_errors(board: Board, slot: int, kind: str) -> None:
    """From now on this process notes its errors; what it inherited by the fork is taken off."""
    serve_as(kind)
    Kept.written = 0
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, ErrorNotes):
            root.removeHandler(handler)
    root.addHandler(ErrorNotes(board, slot, kind))


def noted(board: Board) -> list[dict[str, Any]]:
    """The errors of all processes, the newest first."""
    # Of two at the same time the one that was noted later.
    found = [note for said in board.every() for note in reversed(_read(said))]
    return sorted(found, key=lambda note: -float(note["ts"]))


def _read(said: bytes) -> list[dict[str, Any]]:
    try:
        notes = orjson.loads(said) if said else []
    except orjson.JSONDecodeError:  # read while it was written
        return []
    return [note for note in notes if isinstance(note, dict)]
