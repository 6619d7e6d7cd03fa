"""The one setting of the machine a lab needs: enough inotify instances.

The kernel grants each user 128, for all containers together, and every host's systemd takes about
half a dozen. A dozen hosts with their services use them up; then logins and boots hang for minutes
without a word. The limit is raised while a lab is up and given back by the last `down`.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from lab.lock import locked
from lab.paths import RUNTIME

LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
WANTED = 4096

_BEFORE = RUNTIME / "inotify.before"
_LOCK = RUNTIME / "machine.lock"


def raise_limit() -> bool:
    """Raise the limit if it is low, and remember what it was; return whether it is high enough."""
    with locked(_LOCK):
        before = int(LIMIT.read_text())
        if before < WANTED:
            try:
                LIMIT.write_text(str(WANTED))
            except OSError:  # /proc/sys is read-only, as in many containers
                return False
            _BEFORE.write_text(str(before))
        return True


def restore_limit() -> None:
    """Give the limit back and remove the lab's runtime directory, if no lab is left."""
    if not RUNTIME.is_dir():
        return
    with locked(_LOCK):
        if any(path.is_dir() for path in RUNTIME.iterdir()):
            return
        if _BEFORE.exists():
            LIMIT.write_text(_BEFORE.read_text())
            _BEFORE.unlink()
    with suppress(OSError):  # another lab comes up at this moment
        RUNTIME.rmdir()
