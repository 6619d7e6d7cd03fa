"""Imports point one way, as docs/engine.md draws it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ENGINE = Path(__file__).resolve().parents[3] / "filter_engine"
ROOMS = ENGINE.parent / "docs" / "engine.md"
MAY_IMPORT: dict[str, set[str]] = {
    "lazy_dataclass": set(),
    "ucl": set(),
    "config": {"ucl"},
    "lint": {"config", "ucl"},
    "importers": {"config", "ucl"},
    "upstream": {"config"},
    "maps": {"matching", "config", "ucl"},
    "scan": {"maps", "config", "upstream"},
    "dns": {"scan", "config", "upstream"},
    "streams": {"dns", "scan", "config", "upstream"},
    "store": {"dns", "scan", "config", "upstream"},
    "message": {"dns"},
    "matching": set(),
    "selectors": {"matching", "message", "dns", "config"},
    "auth": {"dns", "message", "scan", "config"},
    "zone": {"auth", "dns"},
    "headers": {"auth", "dns", "scan", "config", "ucl"},
    "fuzzy": {"statistics", "message", "scan", "config"},
    "checks": {
        "fuzzy",
        "statistics",
        "headers",
        "selectors",
        "maps",
        "matching",
        "auth",
        "dns",
        "message",
        "scan",
        "config",
        "ucl",
        "upstream",
    },
    "rules": {"message", "scan", "config", "ucl"},
    "statistics": {"dns", "message", "scan", "config", "ucl"},
    "training": {
        "checks",
        "statistics",
        "store",
        "streams",
        "dns",
        "message",
        "scan",
        "config",
    },
    "scanner": {
        "upstream",
        "store",
        "streams",
        "rules",
        "maps",
        "checks",
        "headers",
        "dns",
        "matching",
        "message",
        "scan",
        "config",
    },
    "explain": {"headers", "message", "scan", "config"},
    "wire": {"scan", "config"},
    "webui": set(),
    "workers": {
        "webui",
        "explain",
        "lint",
        "wire",
        "scanner",
        "fuzzy",
        "checks",
        "statistics",
        "headers",
        "selectors",
        "upstream",
        "message",
        "store",
        "maps",
        "matching",
        "scan",
        "config",
        "ucl",
    },
    "cli": {
        "fuzzy",
        "statistics",
        "message",
        "streams",
        "training",
        "workers",
        "wire",
        "scanner",
        "explain",
        "zone",
        "rules",
        "headers",
        "dns",
        "checks",
        "auth",
        "store",
        "maps",
        "scan",
        "lint",
        "importers",
        "config",
        "ucl",
    },
}
"""Room -> rooms it may import at run time, itself aside."""


def _runtime(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        for inner in ("body", "orelse", "finalbody"):
            yield from _runtime(getattr(node, inner, []))


def _imported(path: Path) -> set[str]:
    rooms: set[str] = set()
    for node in _runtime(ast.parse(path.read_text()).body):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        rooms |= {n.split(".")[1] for n in names if n.startswith("filter_engine.")}
    return rooms


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_lies_below(room: str) -> None:
    folder = ENGINE / room
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [ENGINE / f"{room}.py"]
    assert files
    allowed = MAY_IMPORT[room] | {room, "lazy_dataclass", "__version__"}
    wrong = {str(p.relative_to(ENGINE)): bad for p in files if (bad := _imported(p) - allowed)}
    assert wrong == {}


def test_every_room_is_known() -> None:
    rooms = {p.stem for p in ENGINE.iterdir() if p.is_dir() or p.suffix == ".py"}
    assert rooms - {"__init__", "__pycache__", "conf", "py"} == set(MAY_IMPORT)


def test_the_page_has_a_row_for_every_room() -> None:
    rows = re.findall(r"^\| `([a-z_]+)(?:/|\.py)` \| \S", ROOMS.read_text(), re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) - {"conf"} == set(MAY_IMPORT)


def _chain() -> list[set[str]]:
    (drawn,) = re.findall(r"^`(cli -> [^`]*)`\.$", ROOMS.read_text(), re.MULTILINE)
    return [
        {room.strip().removesuffix(".py") for room in group.split(",")}
        for group in drawn.split("->")
    ]


def test_the_page_draws_every_room_once() -> None:
    drawn = [room for group in _chain() for room in group]
    assert sorted(drawn) == sorted(set(MAY_IMPORT) - {"lazy_dataclass"})


def test_every_import_goes_along_the_arrows_of_the_page() -> None:
    place = {room: n for n, group in enumerate(_chain()) for room in group}
    wrong = [(room, of) for room in place for of in MAY_IMPORT[room] if place[of] <= place[room]]
    assert wrong == []


def test_every_arrow_of_the_page_is_an_import() -> None:
    chain = _chain()
    arrows = pairwise(chain)
    assert [a for a in arrows if not any(MAY_IMPORT[room] & a[1] for room in a[0])] == []
