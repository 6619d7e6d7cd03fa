"""``filter-engine rule test``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from filter_engine.cli.main import group

RULE = """\
from filter_engine.rules import Ask, Envelope, Example, Finding, Symbol, Task, check


@check("prizes", symbols=[Symbol("PRIZE", 1.0, "A prize"), Symbol("LISTED", 1.0, "Listed")])
async def prizes(task: Task, ask: Ask):
    found = []
    if "prize" in (task.message.subject or ""):
        found.append(Finding("PRIZE", evidence="Subject"))
    answer = await ask.dns("listed.example", "A")
    if answer.records:
        found.append(Finding("LISTED", tuple(answer.records)))
    if task.envelope.helo == "raise":
        raise ValueError("oh")
    return found


EXAMPLES = [
    Example("Subject: a prize\\n\\nhi", expect={"PRIZE"}, name="prize"),
    Example("Subject: lunch\\n\\nhi", expect=(%s), dns={"listed.example": {"A": ["127.0.0.2"]}}),
    Example(b"Subject: x\\r\\n\\r\\nhi", envelope=Envelope(helo="%s")),
]
"""


def run(path: Path, text: str, *options: str) -> Result:
    path.write_text(text)
    return CliRunner().invoke(group, ["rule", "test", *options, str(path)])


def test_examples_that_hold(tmp_path: Path) -> None:
    result = run(tmp_path / "prizes.py", RULE % ('"LISTED",', "mx"))
    assert result.exit_code == 0, result.output
    assert "ok   prize: PRIZE (Subject)" in result.output
    assert "ok   example 2: LISTED (127.0.0.2)" in result.output
    assert "ok   example 3: nothing" in result.output


def test_examples_that_do_not_hold(tmp_path: Path) -> None:
    result = run(tmp_path / "prizes.py", RULE % ('"PRIZE",', "raise"), "--json")
    assert result.exit_code == 1
    report = json.loads(result.output)
    assert report["symbols"] == ["PRIZE", "LISTED"]
    first, second, third = report["examples"]
    assert first["ok"]
    assert (second["missing"], second["unexpected"]) == (["PRIZE"], ["LISTED"])
    assert third["failed"] == ["prizes"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("x = 1 / 0\n", "bad.py:1: error: rule file: ZeroDivisionError"), ("x = 1\n", "nothing was")],
)
def test_files_without_tests(tmp_path: Path, text: str, message: str) -> None:
    result = run(tmp_path / "bad.py", text)
    assert message in result.output
    assert result.exit_code == 1


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "rules.md"
    code = page.read_text().split("```python\n")[1].split("```")[0]
    result = run(tmp_path / "invoices.py", code)
    assert result.exit_code == 0, result.output
    assert result.output.count("  ok ") == 2


RETURNING = """\
from filter_engine.rules import Example, Finding, Symbol, Task, check


@check("prizes", symbols=[Symbol("PRIZE", 1.0, "A prize")])
def prizes(task: Task):
    return %s


EXAMPLES = [Example("Subject: a prize\\n\\nhi", expect=%s, name="one")]
"""


def test_a_rule_that_returns_a_wrong_type_is_told_without_a_traceback(tmp_path: Path) -> None:
    result = run(tmp_path / "prizes.py", RETURNING % ('["PRIZE"]', "()"))
    assert result.exit_code == 1
    assert "TypeError: check prizes returned 'PRIZE' where a Finding is due" in result.output
    assert "Traceback" not in result.output


def test_an_error_is_told_with_its_line(tmp_path: Path) -> None:
    result = run(tmp_path / "prizes.py", RETURNING % ("task.no_such", "()"))
    assert result.exit_code == 1
    assert "check prizes failed: AttributeError" in result.output
    assert "prizes.py:6)" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("symbol", ["SPELT_WRONG", "R_SPF_ALLOW"])
def test_symbols_that_the_file_does_not_declare_are_named(tmp_path: Path, symbol: str) -> None:
    result = run(tmp_path / "prizes.py", RETURNING % (f'[Finding("{symbol}")]', "()"))
    assert result.exit_code == 1
    assert f"{symbol} is returned, and no check of the file declares it" in result.output


def test_a_file_without_checks(tmp_path: Path) -> None:
    result = run(tmp_path / "prizes.py", "EXAMPLES = []\n")
    assert result.exit_code == 1
    assert "no function is declared with @check" in result.output
