"""Classes of options without generated code.

``dataclass`` writes and compiles six methods for each class. There are about a hundred classes of
options, made anew at every start of a command; here they share their methods.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, fields
from typing import Any, TypeVar, dataclass_transform

C = TypeVar("C")


@dataclass_transform(kw_only_default=True, frozen_default=True)
def options_class(cls: type[C]) -> type[C]:
    """As ``dataclass(frozen=True, kw_only=True)``, for classes below ``SharedMethods``."""
    if not cls.__dict__.get("__doc__"):
        cls.__doc__ = cls.__name__  # else dataclass works out a signature
    return dataclass(init=False, repr=False, eq=False, kw_only=True)(cls)


class SharedMethods:
    """The methods of a frozen dataclass, for any fields."""

    def __init__(self, **values: Any) -> None:
        """Take options by their names; raises TypeError for others."""
        own = self.__dict__
        made: Field[Any]
        for made in fields(self):  # type: ignore[arg-type]  # every class below is one
            name = made.name
            if made.init and name in values:
                own[name] = values.pop(name)
            elif made.default is not MISSING:
                own[name] = made.default
            elif made.default_factory is not MISSING:
                own[name] = made.default_factory()
            elif made.init:
                raise TypeError(f"{type(self).__name__} needs {name}")
        if values:
            raise TypeError(f"{type(self).__name__} has no option {', '.join(sorted(values))}")
        self.__post_init__()

    def __post_init__(self) -> None:
        """Work out the fields that are not given (``init=False``)."""

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def _compared(self) -> tuple[object, ...]:
        own = self.__dict__
        return tuple(own[made.name] for made in fields(self) if made.compare)  # type: ignore[arg-type]

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        assert isinstance(other, SharedMethods)
        return self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash(self._compared())

    def __repr__(self) -> str:
        own = self.__dict__
        shown = (f"{f.name}={own[f.name]!r}" for f in fields(self) if f.repr)  # type: ignore[arg-type]
        return f"{type(self).__qualname__}({', '.join(shown)})"
