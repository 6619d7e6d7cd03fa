"""Replacing or removing a file so that readers see the old one or the new, also after a crash."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Put ``content`` where ``path`` is, with the owner and mode of what was there, else ``mode``.

    The owner is kept as far as the process may. Raises OSError.
    """
    old = None
    with suppress(FileNotFoundError):
        old = path.stat()
    import tempfile

    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            if old is not None:
                for owner, group in ((-1, old.st_gid), (old.st_uid, -1)):
                    with suppress(PermissionError):
                        os.fchown(file.fileno(), owner, group)
            # After the owner: a change of owner takes bits away.
            os.fchmod(file.fileno(), mode if old is None else stat.S_IMODE(old.st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync(path.parent)


def remove_file(path: Path) -> None:
    """Remove a file, if there is one. Raises OSError."""
    path.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(directory: Path) -> None:
    """Changes of names, too, must survive a crash."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
