"""Documentation that can be checked is: links lead somewhere, rooms stay small, names stay out."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
MAX_LINES = 450
"""A file does one thing; "about 400 lines" with a little air."""


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


TRACKED = _tracked()
MARKDOWN = [path for path in TRACKED if path.suffix == ".md"]
PYTHON = [path for path in TRACKED if path.suffix == ".py"]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MARKDOWN, ids=_name)
def test_links_lead_somewhere(path: Path) -> None:
    dead = []
    for target in LINK.findall(path.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, _anchor = target.partition("#")
        if file and not (path.parent / file).exists():
            dead.append(target)
    assert dead == []


def test_rooms_are_small() -> None:
    big = {_name(p): n for p in PYTHON if (n := len(p.read_text().splitlines())) > MAX_LINES}
    assert big == {}


def test_no_room_is_called_by_what_it_is_not() -> None:
    vague = {"utils", "util", "helpers", "helper", "misc", "common"}
    assert [_name(p) for p in PYTHON if p.stem in vague or p.parent.name in vague] == []


def test_the_engine_knows_nothing_of_the_fleet() -> None:
    pattern = re.compile(r"^\s*(?:from|import)\s+(?:ansible|molecule|lab|demo)\b", re.M)
    engine = [p for p in PYTHON if p.is_relative_to(ROOT / "filter_engine")]
    assert engine
    assert [_name(p) for p in engine if pattern.search(p.read_text())] == []


def test_make_targets_in_the_documentation_exist() -> None:
    targets = set(re.findall(r"^([a-z][\w%-]*):", (ROOT / "Makefile").read_text(), re.M))
    named = {
        target
        for path in MARKDOWN
        for target in re.findall(r"(?:`|^)make ([a-z][\w-]*\w)\b(?!-?\*)", path.read_text(), re.M)
    }
    unknown = {t for t in named if t not in targets and not t.startswith("molecule-")}
    assert unknown == set()


def test_the_readme_leads_to_every_page() -> None:
    linked = set(LINK.findall((ROOT / "README.md").read_text()))
    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} <= linked


def test_the_places_of_extensions_exist() -> None:
    page = (ROOT / "docs" / "extending.md").read_text()
    tops = "filter_engine|tests|molecule|roles|playbooks"
    named = set(re.findall(rf"`((?:{tops})/[\w./]+)`", page))
    assert len(named) > 30
    generic = re.compile(r"NAME|SUBJECT|CODE")
    assert {p for p in named if not generic.search(p) and not (ROOT / p).exists()} == set()
