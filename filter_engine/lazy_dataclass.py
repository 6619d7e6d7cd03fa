"""Dataclasses whose methods are written when the first of them is called.

``dataclass`` writes and compiles up to eight methods for each class, about half a millisecond. A
command that reads the configuration loads some two hundred classes and makes objects of few; here
a class costs a tenth. What the methods do is the library's: they are taken from a dataclass of the
same fields.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import Field, FrozenInstanceError, dataclass, field, fields, make_dataclass
from typing import Any, TypeVar, dataclass_transform

C = TypeVar("C")

_WRITTEN = ("__init__", "__repr__", "__eq__")


@dataclass_transform(frozen_default=True, field_specifiers=(Field, field))
def frozen(cls: type[C]) -> type[C]:
    """As ``dataclass(frozen=True, slots=True)``."""
    return _lazy(cls, is_frozen=True)


@dataclass_transform(frozen_default=True, field_specifiers=(Field, field))
def settled(cls: type[C]) -> type[C]:
    """As ``frozen``, which here the type checker alone holds: for what a scan makes many of.

    Refusing to be changed makes an object twice as dear to make.
    """
    return _lazy(cls, is_frozen=True, is_guarded=False)


@dataclass_transform(field_specifiers=(Field, field))
def mutable(cls: type[C]) -> type[C]:
    """As ``dataclass(slots=True)``."""
    return _lazy(cls, is_frozen=False)


def _lazy(cls: type[C], *, is_frozen: bool, is_guarded: bool = True) -> type[C]:
    if not cls.__dict__.get("__doc__"):
        cls.__doc__ = cls.__name__  # else dataclass works out a signature
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    own = made.__dict__
    names = [name for name in _WRITTEN if name not in own]
    if is_frozen:
        for name in ("__setattr__", "__delattr__", "__getstate__", "__setstate__"):
            if is_guarded:
                setattr(made, name, _Frozen.__dict__[name])
        if own.get("__hash__") is None:
            names.append("__hash__")
    elif "__eq__" in names:
        made.__hash__ = None
    for name in names:
        setattr(
            made, name, _first_call(made, name, is_frozen and (is_guarded or name != "__init__"))
        )
    written: type[C] = made
    return written


def _first_call(cls: Any, name: str, is_frozen: bool) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        _write(cls, name, is_frozen)
        return getattr(cls, name)(self, *args, **kwargs)

    return method


def _write(cls: Any, name: str, is_frozen: bool) -> None:
    """Put the library's method in the place of that of `_first_call`."""
    library = make_dataclass(
        cls.__name__,
        [(made.name, made.type, copy(made)) for made in fields(cls)],
        namespace={"__post_init__": cls.__post_init__} if hasattr(cls, "__post_init__") else {},
        init=name == "__init__",
        repr=name == "__repr__",
        eq=name in ("__eq__", "__hash__"),
        frozen=is_frozen,
    )
    method = getattr(library, name)
    method.__qualname__ = f"{cls.__qualname__}.{name}"
    setattr(cls, name, method)


class _Frozen:
    """What a frozen class has of its own; pickle and copy may not assign either."""

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __getstate__(self: Any) -> list[Any]:
        return [getattr(self, made.name) for made in fields(self)]

    def __setstate__(self: Any, state: list[Any]) -> None:
        for made, value in zip(fields(self), state, strict=True):
            object.__setattr__(self, made.name, value)
