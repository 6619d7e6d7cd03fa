"""The public suffix list's own test lines against ``organisational_domain``."""

from __future__ import annotations

from typing import Any

import pytest

from conformance_data import DATA
from filter_engine.dns.names import organisational_domain, to_ascii

TESTS = DATA / "psl" / "tests.txt"


def lines() -> list[Any]:
    if not TESTS.exists():
        missing = pytest.mark.skip(
            reason=f"no {TESTS}: set CONFORMANCE_DIR to the conformance data"
        )
        return [pytest.param("", None, marks=missing)]
    text = TESTS.read_text(encoding="utf-8")
    pairs = [line.split() for line in text.splitlines() if line and not line.startswith("//")]
    return [
        pytest.param(name, None if registered == "null" else registered, id=f"{number} {name}")
        for number, (name, registered) in enumerate(pairs)
        if name != "null"
    ]


@pytest.mark.parametrize(("name", "registered"), lines())
def test_line(name: str, registered: str | None) -> None:
    ascii_name = to_ascii(name)
    assert ascii_name is not None
    if registered is None:
        # Nothing is registered below a suffix: the name stands for itself.
        assert organisational_domain(ascii_name) == ascii_name
    else:
        assert organisational_domain(ascii_name) == to_ascii(registered)


def test_lines_are_all_there() -> None:
    if not TESTS.exists():
        pytest.skip(f"no {TESTS}: set CONFORMANCE_DIR to the conformance data")
    assert len(lines()) == 77  # and one for a null name, which cannot be asked here
