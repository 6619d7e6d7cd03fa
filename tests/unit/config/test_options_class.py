"""Classes of options behave as frozen dataclasses do."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace

import pytest

from filter_engine.config.kinds import NUMBER, STRING
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import Section, option


@options_class
class Base(Section):
    """Options that two sections share."""

    name: str = option(STRING, "a", doc="a name")


@options_class
class Inner(Base):
    """Adds one."""

    size: float = option(NUMBER, 1.0, doc="a size")
    token: str = option(STRING, "", doc="a token", secret=True)


def test_defaults_given_and_replaced() -> None:
    made = Inner(size=2.0)
    assert (made.name, made.size) == ("a", 2.0)
    assert replace(made, name="b") == Inner(name="b", size=2.0)
    assert [field.name for field in fields(Inner)] == ["origins", "name", "size", "token"]
    assert "origins" not in vars(Base).get("__annotations__", {})


def test_nothing_can_be_set_or_deleted() -> None:
    made = Inner()
    with pytest.raises(FrozenInstanceError):
        made.size = 3.0  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del made.size


def test_unknown_names_are_refused() -> None:
    with pytest.raises(TypeError, match="Inner has no option sise"):
        Inner(sise=2.0)  # type: ignore[call-arg]


def test_equality_hash_and_text() -> None:
    one, same = Inner(size=2.0), Inner(size=2.0)
    assert one == same
    assert hash(one) == hash(same)
    assert one != Inner()
    assert Base() != Inner()
    assert repr(Inner(token="s3cret")) == "Inner(name='a', size=1.0)"
