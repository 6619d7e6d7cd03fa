"""tests/rows.yml: each row of the features list names tests that there are."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
LEDGER = ROOT / "tests" / "rows.yml"
ROW = re.compile(r"(?P<list>[A-F]|finding )(?P<number>[1-9]\d?)\Z")


class _OneOfEach(yaml.SafeLoader):
    """YAML lets the last of two equal keys win, and a row would be lost in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        names = [str(key.value) for key, _ in node.value]
        twice = {name for name in names if names.count(name) > 1}
        assert not twice, f"{LEDGER}: twice: {', '.join(sorted(twice))}"
        return super().construct_mapping(node, deep)


ROWS: dict[str, list[str]] = yaml.load(LEDGER.read_text(), _OneOfEach)


@cache
def names(path: Path) -> frozenset[str]:
    """The tests of a file."""
    tree = ast.walk(ast.parse(path.read_text()))
    return frozenset(node.name for node in tree if isinstance(node, ast.FunctionDef))


def missing(node: str) -> str:
    """Why a node is none; empty when it is there."""
    file, _, name = node.partition("::")
    path = ROOT / file
    if not file.startswith(("tests/", "molecule/")) or ".." in file:
        return f"{file}: tests are below tests/ and molecule/"
    if name:
        bare = name.partition("[")[0]
        if not path.is_file() or not any(one.startswith(bare) for one in names(path)):
            return f"{file} has no test {bare}"
        return "" if bare.startswith("test_") else f"{bare} is no name of a test"
    if path.is_file():
        return "" if any(one.startswith("test_") for one in names(path)) else f"{file} has no test"
    return "" if path.is_dir() and any(path.rglob("*")) else f"{file} is not there"


@pytest.mark.parametrize("row", ROWS)
def test_each_row_names_tests_that_there_are(row: str) -> None:
    assert ROW.match(row), f"{row} is no row: write A1, or finding 1"
    assert ROWS[row], f"{row} names no test: leave it out"
    assert [told for node in ROWS[row] if (told := missing(node))] == []


def test_rows_stand_in_order() -> None:
    found = [ROW.match(row) for row in ROWS]
    order = [(one["list"], int(one["number"])) for one in found if one is not None]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ("tests/fleet/docs/test_rows.py::test_rows_stand", ""),
        ("tests/fleet/docs", ""),
        ("tests/fleet/docs/test_rows.py::test_of_nothing", "has no test test_of_nothing"),
        ("tests/fleet/docs/test_gone.py", "is not there"),
        ("tests/rows.py", "is not there"),
        ("docs/engine.md", "tests are below"),
        ("tests/fleet/docs/lint_docs.py", "has no test"),
    ],
)
def test_what_is_not_there_is_told(node: str, told: str) -> None:
    assert (told in missing(node)) if told else missing(node) == ""
