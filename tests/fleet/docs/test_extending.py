"""What docs/extending.md asks of three additions, whose two places would part unseen."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"


def routes() -> Iterator[str]:
    """The path of every endpoint of the controller."""
    for file in sorted((ROOT / "filter_engine/workers/controller").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Route":
                path = node.args[0]
                if isinstance(path, ast.Constant) and "{" not in str(path.value):  # a pattern
                    yield str(path.value)


def test_every_endpoint_has_its_row() -> None:
    found = set(routes())
    assert len(found) > 40
    text = "".join((DOCS / name).read_text() for name in ("controller.md", "webui.md"))
    missing = {
        path
        for path in found
        if not re.search(rf"`(?:[A-Z]+ )?/?{re.escape(path.strip('/'))}[`?|]", text)
    }
    assert not missing


def test_every_page_of_the_webui_is_opened_by_a_test() -> None:
    script = (ROOT / "filter_engine/webui/app.js").read_text()
    listed = re.search(r"const PAGES = \[(.*?)\];", script, re.DOTALL)
    assert listed is not None
    pages = re.findall(r'\["([a-z]+)",', listed.group(1))
    tree = ast.parse((ROOT / "tests/webui/test_pages.py").read_text())
    (tested,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "PAGES"
    )
    assert sorted(pages) == sorted(tested)
    views = ROOT / "filter_engine/webui/views"
    assert [page for page in pages if not (views / f"{page}.js").is_file()] == []


def test_every_part_of_scenario_fleet_has_its_tests_and_its_target() -> None:
    tests = ROOT / "molecule/fleet/tests"
    (parts,) = re.findall(r"^FLEET_PARTS := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [part for part in parts.split() if not (tests / f"test_{part}.py").is_file()] == []
    tree = ast.parse((tests / "conftest.py").read_text())
    (late,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_LATE"
    )
    assert set(late) <= {f"test_{part}" for part in parts.split()}
