"""One message out of a file: bounded, and surely a message."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path
from typing import Final

FROM_LINE: Final = re.compile(rb"From [^\r\n]{0,1000}\r?\n")
"""The line that separates messages in an mbox (RFC 4155), before the first header."""
_HEADER: Final = re.compile(rb"[!-9;-~]{1,100}[ \t]*:")


class NoMessageError(Exception):
    """There is no message to be had; the text says why, without the file's name."""


def message_of(data: bytes) -> bytes:
    """The message in ``data`` without the line ``From `` of an mbox.

    Raises ``NoMessageError`` where the first line is no header field.
    """
    separator = FROM_LINE.match(data)
    if separator:
        data = data[separator.end() :]
    if not data.strip():
        raise NoMessageError("empty")
    if not _HEADER.match(data):
        raise NoMessageError("no message: its first line is no header field")
    return data


def read_message(path: Path | str, limit: int, *, directory: int | None = None) -> bytes:
    """The octets of a file, at most ``limit``; ``path`` is looked up in the open ``directory``.

    Symbolic links are followed unless there is a ``directory``. Raises ``NoMessageError``.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    if directory is not None:
        flags |= os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, dir_fd=directory)
    except OSError as error:
        link = directory is not None and error.errno == errno.ELOOP
        raise NoMessageError("a symbolic link" if link else _said(error)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NoMessageError("no regular file")
    with os.fdopen(descriptor, "rb") as file:
        try:
            data = file.read(limit + 1)
        except OSError as error:
            raise NoMessageError(_said(error)) from None
    if len(data) > limit:
        raise NoMessageError(f"larger than {limit} octets (max_message)")
    return message_of(data)


def _said(error: OSError) -> str:
    return error.strerror or type(error).__name__
