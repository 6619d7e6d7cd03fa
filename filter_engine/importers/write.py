"""Putting files into a site's directory: shown first, atomic, the earlier file kept as ``.bak``.

Mode, owner and group stay: what root wrote must still be readable for the engine's account.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from filter_engine.importers.outcome import ImportFaultError
from filter_engine.importers.redact import redact
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.regular_file import read_regular_file

FILE_MODE = 0o640
DIRECTORY_MODE = 0o750
"""Modes of what is new: configuration holds passwords. Its owner and group are those of the
directory it comes into. A file that exists keeps its own."""

MAX_FILE = 16 * 1024 * 1024
"""Bytes of a file that is read to be replaced."""

_PART = re.compile(r"(?!\.{1,2}\Z)[\w.+-][\w.+ -]{0,199}\Z")


class State(StrEnum):
    """What becomes of a file."""

    NEW = "new"
    SAME = "unchanged"
    CHANGED = "changed"


@frozen
class Change:
    """One file: its path below the directory, its text, and how it differs, secrets hidden."""

    path: str
    text: str
    state: State
    diff: str = ""


def check_path(path: str) -> None:
    """Refuse a path that is not a plain one below the directory (``ImportFaultError``)."""
    parts = path.split("/")
    if len(parts) > 8 or not all(_PART.match(part) for part in parts):
        raise ImportFaultError("this is no plain name of a file", repr(path[:80]))


def plan(files: Mapping[str, str], directory: Path) -> list[Change]:
    """What writing ``files`` into ``directory`` would do; touches nothing.

    Raises ``ImportFaultError`` for a file that cannot be read or may not be written.
    """
    changes = []
    for path, text in sorted(files.items()):
        check_path(path)
        before = read(directory / path)
        if before != text:
            _refuse_link(directory / path)
        if before is None:
            changes.append(Change(path, text, State.NEW))
        elif before == text:
            changes.append(Change(path, text, State.SAME))
        else:
            changes.append(Change(path, text, State.CHANGED, show_diff(before, text, path)))
    return changes


def _refuse_link(path: Path) -> None:
    """A link is neither replaced, which would cut it, nor followed, which may leave the site."""
    if path.is_symlink():
        raise ImportFaultError(
            f"it is a symbolic link to {os.readlink(path)}: nothing was written",
            str(path),
            0,
            "change the file it names, or put a file in the link's place",
        )


def read(path: Path) -> str | None:
    """The text of a file, undecodable bytes as surrogates; None when there is none."""
    try:
        return read_regular_file(path, MAX_FILE).decode("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ImportFaultError(f"cannot read it: {error.strerror}", str(path)) from None


def show_diff(before: str, after: str, path: str) -> str:
    """How two texts differ, secrets hidden; says so when only secrets do, or none can be told."""
    lines = difflib.unified_diff(
        redact(before).splitlines(), redact(after).splitlines(), path, f"{path} (new)", lineterm=""
    )
    return "\n".join(lines) or f"{path}: only blanks or hidden values differ"


def apply(changes: Iterable[Change], directory: Path) -> list[Path]:
    """Write what is new or changed, each file at once or not at all; returns the backups made.

    Raises ``ImportFaultError`` where the system refuses.
    """
    backups = []
    for change in changes:
        if change.state is State.SAME:
            continue
        path = directory / change.path
        try:
            make_directories(path.parent)
            _refuse_link(path)
            if change.state is State.CHANGED:
                backups.append(keep(path))
            replace(path, change.text)
        except OSError as error:
            raise ImportFaultError(f"cannot write it: {error.strerror}", str(path)) from None
    return backups


def make_directories(directory: Path) -> None:
    """Make a directory and those above it; owner and group are those of the one above."""
    missing = []
    while not directory.is_dir():
        missing.append(directory)
        directory = directory.parent
    for found in reversed(missing):
        with contextlib.suppress(FileExistsError):
            found.mkdir(mode=DIRECTORY_MODE)
            above = found.parent.stat()
            with contextlib.suppress(PermissionError):
                os.chown(found, above.st_uid, above.st_gid)


def keep(path: Path) -> Path:
    """Keep a file as ``.bak``; an older one stays and this becomes ``.bak.1``, and so on."""
    for number in range(10_000):
        backup = path.with_name(f"{path.name}.bak{f'.{number}' if number else ''}")
        try:
            os.link(path, backup, follow_symlinks=False)
        except FileExistsError:
            continue
        except OSError:  # a file system without hard links
            if backup.exists():
                continue
            shutil.copy2(path, backup)
            state = path.stat()
            with contextlib.suppress(PermissionError):
                os.chown(backup, state.st_uid, state.st_gid)
        return backup
    raise ImportFaultError("ten thousand backups of it are kept already", str(path))


def replace(path: Path, text: str) -> None:
    """Write a file so that at any moment the old one is there, or the whole new one.

    It keeps mode, owner and group; raises ``OSError`` where that cannot be.
    """
    try:
        old: os.stat_result | None = path.lstat()
    except FileNotFoundError:
        old = None
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            _own(file.fileno(), old, path.parent.stat())
            os.fchmod(file.fileno(), FILE_MODE if old is None else old.st_mode & 0o777)
            os.fsync(file.fileno())
        os.replace(name, path)
        _sync_directory(path.parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _own(descriptor: int, old: os.stat_result | None, directory: os.stat_result) -> None:
    """Give a file the owner and group of the one it replaces, or of its directory.

    Who may not give files away keeps a new one; an old one changes hands only within its group.
    """
    wanted = old or directory
    found = os.fstat(descriptor)
    if (found.st_uid, found.st_gid) == (wanted.st_uid, wanted.st_gid):
        return
    try:
        os.fchown(descriptor, wanted.st_uid, wanted.st_gid)
    except PermissionError:
        if old is not None:
            os.fchown(descriptor, -1, wanted.st_gid)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
