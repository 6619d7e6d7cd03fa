"""Reading a file that a configuration names: never a pipe or a device, never endless.

All that a site's files, or files found beside them, can name is read here: opening a FIFO waits for
a writer, and some files of ``/proc`` give their next line only when there is one.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

_CHUNK = 1024 * 1024


def read_regular_file(
    path: str | os.PathLike[str],
    limit: int,
    *,
    follow: bool = True,
    examine: Callable[[os.stat_result], None] | None = None,
) -> bytes:
    """The content of a regular file of at most ``limit`` bytes, without waiting for any of it.

    Without ``follow`` a symbolic link is refused (ELOOP). ``examine`` sees the status of the file
    that was opened, before it is read, and may raise.

    Raises ``OSError`` whose ``strerror`` says what is wrong: EINVAL for what is no regular file,
    EFBIG for one that is larger, EAGAIN for one that has nothing to give now.
    """
    name = os.fspath(path)
    if "\0" in name:
        raise OSError(errno.EINVAL, "a null byte in the path", name)
    # Looked at first: opening some devices already does something.
    _require_regular(os.stat(name), name)
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    descriptor = os.open(name, flags if follow else flags | os.O_NOFOLLOW)
    try:
        # And again what was opened: another may have been put in its place in between.
        found = os.fstat(descriptor)
        _require_regular(found, name)
        if examine is not None:
            examine(found)
        if found.st_size > limit:
            raise _too_large(limit, name)
        chunks: list[bytes] = []
        left = limit + 1
        while left > 0 and (chunk := os.read(descriptor, min(left, _CHUNK))):
            chunks.append(chunk)
            left -= len(chunk)
        if left <= 0:
            raise _too_large(limit, name)
        return b"".join(chunks)
    finally:
        os.close(descriptor)


def _require_regular(found: os.stat_result, name: str) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", name)


def _too_large(limit: int, name: str) -> OSError:
    return OSError(errno.EFBIG, f"larger than {limit} bytes", name)
