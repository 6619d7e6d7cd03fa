"""dkimpy and ``cryptography``, loaded when a scanner gets ready: commands start faster without.

dkimpy brings a DNS resolver.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType


@cache
def dkim_library() -> ModuleType:
    """The package ``dkim`` with ``dkim.util``."""
    import_module("dkim.util")
    return import_module("dkim")


@cache
def primitives() -> ModuleType:
    """``filter_engine.auth.primitives``."""
    return import_module("filter_engine.auth.primitives")


def load_library(_options: object, _setup: object) -> None:
    """Load it before processes are forked: what a check names as its ``prepare``."""
    dkim_library()
    primitives()
