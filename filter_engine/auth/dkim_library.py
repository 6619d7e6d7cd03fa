"""dkimpy, loaded when a scanner gets ready: it brings a DNS resolver, which commands do without."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType


@cache
def dkim_library() -> ModuleType:
    """The package ``dkim`` with ``dkim.util``."""
    import_module("dkim.util")
    return import_module("dkim")


def load_library(_options: object, _setup: object) -> None:
    """Load it before processes are forked: what a check names as its ``prepare``."""
    dkim_library()
