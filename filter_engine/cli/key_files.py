"""Private keys as files: made once, never overwritten, their account's alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

KEY_MODE: Final = 0o600


class KeyPlaceError(Exception):
    """The file cannot be made; the text names it and says why."""


def place_key(path: Path, content: bytes) -> None:
    """Create the file with mode 0600, whole or not at all. Raises ``KeyPlaceError``.

    Made by root it belongs to whoever owns the directory, which is the account that signs. link(2)
    fails where the name is taken, so that a key made meanwhile is never overwritten.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, KEY_MODE), "wb") as stream:
            stream.write(content)
            os.fchmod(stream.fileno(), KEY_MODE)  # whatever the umask is
            if os.geteuid() == 0:
                owner = os.stat(path.parent)
                os.fchown(stream.fileno(), owner.st_uid, owner.st_gid)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(temporary, path)
    except FileExistsError:
        raise KeyPlaceError(f"{path} is there and is not overwritten") from None
    except OSError as error:
        raise KeyPlaceError(f"{path} cannot be created: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
