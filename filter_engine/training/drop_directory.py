"""A directory that mail is dropped into to be learnt.

What lies there may be anybody's: no symbolic link is followed, nothing but a regular file is
opened, and only what was read is deleted.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

from filter_engine.training.messages import NoMessageError, read_message

SETTLED: Final = 2.0
"""Seconds without a change after which a file is complete, where it is not moved in as a whole."""
_MOST: Final = 100
"""Files of one look: the other directories have their turn then."""
_USER: Final = ",R="
"""In a name, before whose mail it is."""


class _State(NamedTuple):
    inode: int
    size: int
    changed: int
    """Nanoseconds."""


class Dropped(NamedTuple):
    """A mail that is complete."""

    name: str
    state: _State
    raw: bytes
    user: str
    """Whose it is; empty where the name does not say."""


class DropDirectory:
    """One directory, looked at again and again."""

    def __init__(
        self,
        path: Path,
        *,
        spam: bool,
        limit: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``limit``: octets of the largest mail."""
        self.path = path
        self.folder = path
        """Where its files are: ``new`` of a maildir."""
        self.spam = spam
        self._limit = limit
        self._clock = clock
        self._seen: dict[str, _State] = {}
        """Files as they were at the last look, where that must have been the same."""
        self._told: dict[str, _State] = {}
        """Files that were told to be none to learn."""
        self.problem = ""
        """Why the directory cannot be looked into; empty when it can."""

    def look(self) -> Iterator[tuple[str, Dropped | NoMessageError]]:
        """The files that are complete, read one by one; a file that is no mail is told once."""
        try:
            with self._opened() as (directory, whole):
                self.problem = ""
                for name, state in self._complete(directory, whole):
                    try:
                        raw = read_message(name, self._limit, directory=directory)
                    except NoMessageError as error:
                        self._told[name] = state
                        yield name, error
                        continue
                    yield name, Dropped(name, state, raw, _user(name))
        except OSError as error:
            self.problem = error.strerror or type(error).__name__

    def keep(self, dropped: Dropped) -> None:
        """Leave a file for good, unless it changes."""
        self._told[dropped.name] = dropped.state

    def remove(self, dropped: Dropped) -> str:
        """Delete what was learnt; why it could not be, else empty.

        A file that is no longer the one that was read stays.
        """
        try:
            with self._opened() as (directory, _):
                if _state(dropped.name, directory) == dropped.state:
                    os.unlink(dropped.name, dir_fd=directory)
        except FileNotFoundError:
            pass  # somebody else took it
        except OSError as error:
            self._told[dropped.name] = dropped.state  # not to be learnt again and again
            return error.strerror or type(error).__name__
        return ""

    @contextmanager
    def _opened(self) -> Iterator[tuple[int, bool]]:
        """The open directory, and whether files are moved into it as a whole (maildir)."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        self.folder = self.path / "new"
        try:
            descriptor = os.open(self.folder, flags | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError):
            self.folder = self.path
            descriptor = os.open(self.path, flags)
        try:
            yield descriptor, self.folder is not self.path
        finally:
            os.close(descriptor)

    def _complete(self, directory: int, whole: bool) -> list[tuple[str, _State]]:
        before, told = self._seen, self._told
        self._seen, self._told = {}, {}
        ready: list[tuple[str, _State]] = []
        now = self._clock()
        for name in sorted(os.listdir(directory)):
            if name.startswith("."):
                continue
            try:
                state = _state(name, directory)
            except OSError:
                continue  # gone
            if state is None:
                continue
            if told.get(name) == state:
                self._told[name] = state
                continue
            if not whole:
                self._seen[name] = state
                age = now - state.changed / 1e9
                if before.get(name) != state or 0.0 <= age < SETTLED:
                    continue
            if len(ready) < _MOST:
                ready.append((name, state))
        return ready


def _state(name: str, directory: int) -> _State | None:
    """What tells whether a file has changed; None for a directory."""
    found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if stat.S_ISDIR(found.st_mode):
        return None
    return _State(found.st_ino, found.st_size, found.st_mtime_ns)


def _user(name: str) -> str:
    """The recipient in a name such as ``1700000000.17.host,R=alice%40example.net``."""
    return unquote(name.partition(_USER)[2].partition(",")[0], errors="replace")[:320]
