"""A collection of mail: directories, maildirs and mbox files, and which of it is spam or ham."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from filter_engine.training.messages import NoMessageError, message_of, read_message

_SPAM: Final = frozenset({"spam", "junk"})
_HAM: Final = frozenset({"ham", "nonspam", "notspam"})
_NOT: Final = frozenset({"no", "non", "not"})
_WORDS: Final = re.compile(r"[a-z]+")
_SEPARATOR: Final = re.compile(rb"From \S[^\n]{0,1000}\d\d:\d\d[^\n]{0,1000}\n")
"""After an empty line, one that begins with ``From `` and has a time of day: mail quotes the like
without it."""
_EMPTY: Final = (b"\n", b"\r\n")
_LINE: Final = 1 << 16
"""Octets of a line that are read at a time."""
_MAILDIR: Final = ("cur", "new")
_DEPTH: Final = 50


class Found(NamedTuple):
    """A message, or why there is none."""

    path: str
    """The file, with a number behind it in an mbox."""
    spam: bool | None
    """Its class; None where nothing says."""
    raw: bytes
    problem: str = ""


class Source(NamedTuple):
    """A file of a collection."""

    path: Path
    spam: bool | None


def class_of(name: str) -> bool | None:
    """Whether a file or folder of that name holds spam (True) or ham, None: it does not say.

    Whole words count: ``20021010_easy_ham``, ``spam_2``, ``.Junk``, ``not-spam``.
    """
    words = _WORDS.findall(name.lower())
    found = set(words)
    if found & _HAM or (found & _SPAM and found & _NOT):
        return False
    return True if found & _SPAM else None


def sources(top: Path, spam: bool | None = None) -> Iterator[Source]:
    """All files of a collection in the order of their names; the innermost name says the class.

    With ``spam`` everything is of that class. Symbolic links are followed only for ``top``. Raises
    OSError when ``top`` cannot be read.
    """
    if top.is_dir():
        yield from _walk(top, class_of(top.name) if spam is None else spam, spam, 0)
    else:
        top.stat()
        yield Source(top, class_of(top.name) if spam is None else spam)


def _walk(folder: Path, known: bool | None, forced: bool | None, depth: int) -> Iterator[Source]:
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    names = {entry.name for entry in listed if entry.is_dir(follow_symlinks=False)}
    is_maildir = names.issuperset(_MAILDIR)
    for entry in listed:
        own = class_of(entry.name) if forced is None else forced
        spam = known if own is None else own
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name == "tmp" and is_maildir:
                continue
            hidden = entry.name.startswith(".")
            if (hidden and not (path / "cur").is_dir()) or depth >= _DEPTH:
                continue
            try:
                yield from _walk(path, spam, forced, depth + 1)
            except OSError:
                yield Source(path, spam)  # told when it is read
        # Beside its folders a maildir has files of the server's own.
        elif entry.is_file(follow_symlinks=False) and not (
            is_maildir or entry.name.startswith(".")
        ):
            yield Source(path, spam)


def messages(source: Source, limit: int) -> Iterator[Found]:
    """The messages of a file: one, or those of an mbox. None is larger than ``limit`` octets."""
    path, spam = source
    shown = str(path)
    try:
        if path.is_file():  # whatever else would wait
            with path.open("rb") as file:
                if file.read(5) == b"From ":
                    file.seek(0)
                    yield from _mbox(shown, file, spam, limit)
                    return
    except OSError as error:
        yield Found(shown, spam, b"", error.strerror or type(error).__name__)
        return
    try:
        yield Found(shown, spam, read_message(path, limit))
    except NoMessageError as error:
        yield Found(shown, spam, b"", str(error))


def _mbox(shown: str, file: BinaryIO, spam: bool | None, limit: int) -> Iterator[Found]:
    parted = _parted(file, limit)
    ahead = next(parted, None)
    number = 0
    while ahead is not None:
        raw, ahead = ahead, next(parted, None)
        number += 1
        name = shown if number == 1 and ahead is None else f"{shown}:{number}"
        if len(raw) > limit:
            yield Found(name, spam, b"", f"larger than {limit} octets (max_message)")
            continue
        try:
            yield Found(name, spam, message_of(raw))
        except NoMessageError as error:
            yield Found(name, spam, b"", str(error))


def _parted(file: BinaryIO, limit: int) -> Iterator[bytes]:
    """The messages of an mbox, of one that is too large a little more than ``limit`` octets.

    Line by line, and not mapped: a mail program may write the file anew meanwhile.
    """
    lines: list[bytes] = []
    size = 0
    begins, may_part = True, True
    while line := file.readline(_LINE):
        if may_part and lines and _SEPARATOR.fullmatch(line):
            yield b"".join(lines)
            lines.clear()
            size = 0
        if size <= limit:
            lines.append(line)
            size += len(line)
        may_part = begins and line in _EMPTY
        begins = line.endswith(b"\n")
    if lines:
        yield b"".join(lines)
