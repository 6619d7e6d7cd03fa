"""The decorator of a site's rules: as ``scan.declare.check``, into the registry being filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from filter_engine.scan import declare
from filter_engine.scan.declare import Registry

F = TypeVar("F", bound="Callable[..., object]")
_target: ContextVar[Registry | None] = ContextVar(
    "registry of the rules being loaded", default=None
)


def check(name: str, **declared: Any) -> Callable[[F], F]:
    """Declare a check; the arguments are those of ``filter_engine.scan.declare.check``.

    A file that is imported otherwise than by the engine, in a test for example, declares nothing;
    its functions can be called all the same. Raises ValueError for a name or symbol that is
    already declared, TypeError for an unknown argument.
    """
    target = _target.get()
    return declare.check(name, registry=Registry() if target is None else target, **declared)


@contextmanager
def into(registry: Registry) -> Iterator[None]:
    """Rules that are declared meanwhile go into ``registry``."""
    token = _target.set(registry)
    try:
        yield
    finally:
        _target.reset(token)
