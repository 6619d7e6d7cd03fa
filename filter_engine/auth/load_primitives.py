"""``cryptography``, loaded when a scanner gets ready: commands start faster without."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType


@cache
def primitives() -> ModuleType:
    """``filter_engine.auth.primitives``."""
    return import_module("filter_engine.auth.primitives")


def load_primitives(_options: object, _setup: object) -> None:
    """Load it before processes are forked: what a check names as its ``prepare``."""
    primitives()
