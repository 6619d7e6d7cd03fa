"""Each code has a tree in which it is found, at the right line, and one in which it is not."""

from __future__ import annotations

import ast
import pwd
import re
from pathlib import Path

import pytest

from filter_engine import lint
from filter_engine.config.codes import CODES
from filter_engine.config.findings import Severity

from .cases import FIXTURES, Case, cases

lint.load()
KNOWN = CODES.keys() | lint.REGISTRY.keys()
CONFIG = Path(lint.__file__).parents[1] / "config"
CHECKS = CONFIG.parent / "checks"


def _name(case: Case) -> str:
    return f"{case.code}/{case.directory.name}"


@pytest.mark.parametrize("case", cases(), ids=_name)
def test_fixture(case: Case, tmp_path: Path) -> None:
    if user := case.about.get("user"):
        try:
            pwd.getpwnam(user)
        except KeyError:
            pytest.skip(f"no account {user} here")
    found = [pair for pair in case.findings(tmp_path) if pair[0].code == case.code]
    assert [place for _, place in found] == case.about.get("at", [])
    assert bool(found) is case.fails
    worst = CODES[case.code].severity if case.code in CODES else lint.REGISTRY[case.code].severity
    for finding, _ in found:
        assert finding.message
        assert finding.hint or case.code in ("unread-file", "not-served", "syntax", "odd-syntax")
        assert finding.severity in (worst, Severity.WARNING, Severity.INFO)


@pytest.mark.parametrize("code", sorted(KNOWN))
def test_every_code_has_a_failing_and_a_passing_fixture(code: str) -> None:
    kinds = {path.name.partition("-")[0] for path in (FIXTURES / code).glob("*/")}
    assert kinds == {"failing", "passing"}


def test_every_fixture_is_of_a_code() -> None:
    assert {path.name for path in FIXTURES.iterdir()} <= KNOWN


def test_a_code_is_declared_once() -> None:
    assert CODES.keys() & lint.REGISTRY.keys() == set()


def test_every_code_the_loader_reports_is_in_the_table() -> None:
    files = (path for folder in (CONFIG, CHECKS) for path in folder.rglob("*.py"))
    reported = {code for path in files for code in _codes(path)}
    reported = {code for code in reported if re.fullmatch(r"[a-z]+(-[a-z]+)*", code)}
    assert reported == set(CODES)


def _codes(path: Path) -> set[str]:
    """The string after the severity in calls that make findings."""
    found = set()
    tree = ast.parse(path.read_text())
    constants = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if ast.unparse(node.func) == "tell" and isinstance(code := node.args[2], ast.Constant):
            found.add(str(code.value))
        for before, after in zip(node.args, node.args[1:], strict=False):
            is_severity = ast.unparse(before).startswith("Severity.")
            if not is_severity:
                continue
            if isinstance(after, ast.Constant) and isinstance(after.value, str):
                found.add(after.value)
            elif isinstance(after, ast.Name) and after.id in constants:
                found.add(str(constants[after.id]))
    return found
