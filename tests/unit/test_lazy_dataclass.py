"""The lazy dataclasses are the library's, method for method."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import Any

import pytest

from filter_engine.lazy_dataclass import frozen, mutable, settled


@frozen
class Lazy:
    """A mail."""

    size: int
    name: str = "a"
    parts: list[int] = field(default_factory=list, compare=False, repr=False)


@frozen
class Below(Lazy):
    """A field more, worked out."""

    double: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "double", 2 * self.size)


@settled
class Settled:
    """Held by the type checker."""

    size: int
    name: str = "b"


@mutable
class Counted:
    """May change."""

    hits: int = 0


@dataclass(frozen=True, slots=True)
class Library:
    """The library's own of the same fields as `Lazy`."""

    size: int
    name: str = "a"
    parts: list[int] = field(default_factory=list, compare=False, repr=False)


def test_methods_are_as_the_librarys() -> None:
    lazy, library = Lazy(1), Library(1)
    assert repr(lazy) == repr(library).replace("Library", "Lazy")
    assert lazy == Lazy(1, parts=[3]) != Lazy(2)
    assert hash(lazy) == hash(library)
    assert asdict(lazy) == asdict(library)
    assert replace(lazy, size=2) == Lazy(2)
    assert [f.name for f in fields(lazy)] == [f.name for f in fields(library)]
    assert Lazy.__match_args__ == Library.__match_args__  # type: ignore[attr-defined]
    assert Lazy(1) != Below(1)


@pytest.mark.parametrize("other", [None, 1, Library(1)])
def test_equal_to_its_own_kind_alone(other: object) -> None:
    assert Lazy(1) != other


def test_post_init_runs_and_fields_are_inherited() -> None:
    assert Below(3, "b") == Below(3, "b", [1], 6)
    assert Below(3).double == 6


def test_nothing_of_a_frozen_one_changes() -> None:
    made: Any = Lazy(1)
    with pytest.raises(FrozenInstanceError, match="size"):
        made.size = 2
    with pytest.raises(FrozenInstanceError, match="size"):
        del made.size
    assert made.size == 1


def test_a_settled_one_is_equal_and_hashed_by_its_fields() -> None:
    assert Settled(1) == Settled(1, "b")
    assert {Settled(1): 1}[Settled(1)] == 1
    assert Settled(1) != Settled(2)
    assert repr(Settled(1)).endswith("Settled(size=1, name='b')")
    assert replace(Settled(1), size=3).size == 3


def test_a_mutable_one_changes_and_has_no_hash() -> None:
    counted = Counted()
    counted.hits += 1
    assert counted == Counted(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(counted)


@pytest.mark.parametrize("made", [Lazy(1, "b", [2]), Below(2), Counted(4)])
def test_copied_and_pickled(made: object) -> None:
    assert copy.copy(made) == made
    assert copy.deepcopy(made) == made
    assert pickle.loads(pickle.dumps(made)) == made


def test_slots_are_kept() -> None:
    assert not hasattr(Lazy(1), "__dict__")
    with pytest.raises(AttributeError):
        Counted().other = 1  # type: ignore[attr-defined]


def test_a_missing_value_is_named() -> None:
    with pytest.raises(TypeError, match="'size'"):
        Lazy()  # type: ignore[call-arg]


def test_its_own_methods_stay() -> None:
    @frozen
    class Own:
        size: int

        def __repr__(self) -> str:
            return "mine"

        def __hash__(self) -> int:
            return 7

    assert (repr(Own(1)), hash(Own(1)), Own(1) == Own(1)) == ("mine", 7, True)
