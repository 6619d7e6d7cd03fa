"""Libraries that reading a message takes and commands do without."""

from __future__ import annotations

from importlib import import_module
from typing import Final

_LIBRARIES: Final = ("email.utils", "selectolax.lexbor")


def preload() -> None:
    """Load them now: before the fork, so that workers share their memory."""
    for name in _LIBRARIES:
        import_module(name)
