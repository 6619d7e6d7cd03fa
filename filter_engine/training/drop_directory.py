"""A directory that mail is dropped into to be learnt.

What lies there may be anybody's: no symbolic link is followed, nothing but a regular file is
opened, and only what was read is deleted.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

from filter_engine.training.messages import NoMessageError, read_message

SETTLED: Final = 2.0
"""Seconds without a change after which a file is complete, where it is not moved in as a whole."""
_MOST: Final = 100
"""Files of one look: the other directories have their turn then."""
KEPT: Final = 1000
"""Files of a maildir that could not be learnt, in ``cur``: the oldest go first."""
KEPT_SECONDS: Final = 30 * 86400.0
"""How long they lie there."""
_SWEEP: Final = 3600.0
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
        self._sweep_at = 0.0
        """When ``cur`` is looked through next."""
        self.problem = ""
        """Why the directory cannot be looked into; empty when it can."""

    def look(self) -> Iterator[tuple[str, Dropped | NoMessageError]]:
        """The files that are complete, read one by one; a file that is no mail is told once.

        In a maildir it goes from ``new`` to ``cur``, so that nobody fills ``new`` with it.
        """
        try:
            with self._opened() as (directory, whole):
                self.problem = ""
                if whole and self._clock() >= self._sweep_at:
                    self._sweep(directory)
                for name, state in self._complete(directory, whole):
                    try:
                        raw = read_message(name, self._limit, directory=directory)
                    except NoMessageError as error:
                        self._put_by(name, state, directory if whole else None)
                        yield name, error
                        continue
                    yield name, Dropped(name, state, raw, _user(name))
        except OSError as error:
            self.problem = error.strerror or type(error).__name__

    def keep(self, dropped: Dropped) -> None:
        """Leave a file for good, unless it changes; one of a maildir goes to ``cur``."""
        try:
            with self._opened() as (directory, whole):
                self._put_by(dropped.name, dropped.state, directory if whole else None)
        except OSError:
            self._told[dropped.name] = dropped.state

    def _put_by(self, name: str, state: _State, directory: int | None) -> None:
        """Move a file from ``new``, which is ``directory``, to ``cur``; else remember it."""
        try:
            if directory is None:
                raise FileNotFoundError
            with _cur(directory, make=True) as cur:
                os.rename(name, name, src_dir_fd=directory, dst_dir_fd=cur)
            self._sweep_at = 0.0
        except OSError:
            self._told[name] = state

    def _sweep(self, directory: int) -> None:
        """Delete from ``cur`` what is old or too many."""
        self._sweep_at = self._clock() + _SWEEP
        try:
            with _cur(directory) as cur:
                found: list[tuple[float, str]] = []
                for name in os.listdir(cur):
                    said = os.stat(name, dir_fd=cur, follow_symlinks=False)
                    if not stat.S_ISDIR(said.st_mode):
                        found.append((said.st_ctime, name))
                found.sort(reverse=True)
                oldest = self._clock() - KEPT_SECONDS
                for number, (moved, name) in enumerate(found):
                    if number >= KEPT or moved < oldest:
                        os.unlink(name, dir_fd=cur)
        except OSError:
            return  # none there, or not ours: the next sweep tries again

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


@contextmanager
def _cur(new: int, *, make: bool = False) -> Iterator[int]:
    """The open ``cur`` beside an open ``new``. Raises OSError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
    maildir = os.open("..", flags, dir_fd=new)
    try:
        if make:
            with suppress(FileExistsError):
                os.mkdir("cur", 0o770, dir_fd=maildir)
        cur = os.open("cur", flags, dir_fd=maildir)
    finally:
        os.close(maildir)
    try:
        yield cur
    finally:
        os.close(cur)


def _state(name: str, directory: int) -> _State | None:
    """What tells whether a file has changed; None for a directory."""
    found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if stat.S_ISDIR(found.st_mode):
        return None
    return _State(found.st_ino, found.st_size, found.st_mtime_ns)


def _user(name: str) -> str:
    """The recipient in a name such as ``1700000000.17.host,R=alice%40example.net``."""
    return unquote(name.partition(_USER)[2].partition(",")[0], errors="replace")[:320]
