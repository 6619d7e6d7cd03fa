"""Every type of multimap's rules is whole: one row of the table is all that a type needs."""

from __future__ import annotations

import logging
import re
from dataclasses import fields
from pathlib import Path

import pytest

from filter_engine.checks.multimap.options import TYPES, MultimapOptions, MultimapRule
from filter_engine.checks.multimap.types import TABLE, compile_filter

from .multimap_site import load, scan, write_map

PAGE = Path(__file__).resolve().parents[3] / "docs" / "maps.md"
GIVEN = {
    "header": 'header = "Subject";',
    "selector": 'selector = "user";',
    "variable": 'variable = "asn";',
    "target_symbol": 'target_symbol = "OTHER";',
}
"""The options that types need, each with something that will do."""
COMBINED = 'rules { one { selector = "user"; map = ["x"]; } } expression = "one";'


def _rule(directory: Path, kind: str, *, needed: bool = True) -> str:
    if kind == "combined":
        return f'RULE {{ type = "{kind}"; score = 1; {COMBINED} }}'
    row = TABLE[kind].needs
    more = GIVEN[row.attribute] if row is not None and needed else ""
    # rules with an empty map look at nothing; a text of rules has other lines
    entries = write_map(directory, "" if kind == "regexp_rules" else "203.0.113.99\n")
    return f'RULE {{ type = "{kind}"; score = 1; map = "{entries}"; {more} }}'


def test_the_option_takes_the_types_of_the_table() -> None:
    assert set(TYPES) == set(TABLE)


@pytest.mark.parametrize("kind", TABLE)
def test_a_rule_of_each_type_is_bound_and_run(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = f"multimap {{ {_rule(tmp_path, kind)} }}"
    multimap = load(tmp_path, text).modules["multimap"]
    assert isinstance(multimap, MultimapOptions)
    assert multimap.rules["RULE"].type == kind
    verdict = scan(tmp_path, text)
    assert "RULE" not in {symbol.name for symbol in verdict.symbols}
    # a check that raises is lost, and the log says so
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("kind", [kind for kind, row in TABLE.items() if row.needs is not None])
def test_a_rule_without_what_its_type_needs_is_left_out(tmp_path: Path, kind: str) -> None:
    row = TABLE[kind].needs
    assert row is not None
    assert row.attribute in {made.name for made in fields(MultimapRule)}
    text = f"multimap {{ {_rule(tmp_path, kind, needed=False)} }}"
    config = load(tmp_path, text)
    multimap = config.modules["multimap"]
    assert isinstance(multimap, MultimapOptions)
    assert multimap.rules == {}
    assert any(row.missing in finding.message for finding in config.findings)


@pytest.mark.parametrize("kind", TABLE)
def test_each_type_reads_the_empty_filter(kind: str) -> None:
    assert compile_filter(kind, "")("x") == ("x",)


def test_the_page_has_each_type() -> None:
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE.read_text(), re.MULTILINE)
    assert set(TABLE) <= {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
