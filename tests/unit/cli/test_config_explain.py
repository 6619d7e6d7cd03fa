"""``filter-engine config explain``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from filter_engine.cli.config import config


@pytest.fixture
def variables(tmp_path: Path) -> list[str]:
    for name in ("local.d", "override.d"):
        (tmp_path / name).mkdir()
    (tmp_path / "local.d" / "actions.conf").write_text("reject = 11;")
    (tmp_path / "override.d" / "actions.conf").write_text("\nreject = 12;")
    return ["--var", f"LOCAL_CONFDIR={tmp_path}", "--var", f"DBDIR={tmp_path}"]


def test_for_people(variables: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(config, ["explain", "actions.reject", *variables])
    assert result.exit_code == 0
    head, doc, kind, *rows = result.output.splitlines()
    assert head == "actions.reject = 12"
    assert (doc.strip(), kind.strip()) == (
        "refuse the message with 554",
        "number or null, default 15",
    )
    assert [" ".join(row.split()) for row in rows] == [
        f"override.d {tmp_path}/override.d/actions.conf:2 12 wins",
        f"local.d {tmp_path}/local.d/actions.conf:1 11 replaced by override.d/actions.conf:2",
        "built in - 15 replaced by override.d/actions.conf:2",
    ]


def test_as_json_several_at_once(variables: list[str]) -> None:
    words = ["explain", "actions.reject", "symbols.R_SPF_FAIL.score", "-j", *variables]
    reject, score = json.loads(CliRunner().invoke(config, words).output)
    assert (reject["value"], reject["default"]) == (12.0, 15.0)
    assert [s["role"] for s in reject["statements"]] == ["wins", "replaced", "replaced"]
    assert reject["statements"][1]["replaced_by"]["layer"] == "override.d"
    assert [s["origin"] for s in score["statements"]] == [{"layer": "built in"}]


def test_unknown_key(variables: list[str]) -> None:
    result = CliRunner().invoke(config, ["explain", "actions.rejct", *variables])
    assert result.exit_code == 1
    assert "did you mean 'actions.reject'?" in result.stderr
    result = CliRunner().invoke(config, ["explain", "\x1b[31m", *variables])
    assert result.exit_code == 1
    assert "\x1b" not in result.stderr


def test_bytes_that_are_no_utf_8_and_control_characters(
    variables: list[str], tmp_path: Path
) -> None:
    (tmp_path / "local.d" / "options.inc").write_bytes(b'pidfile = "a\xffb\\u001b[31m";')
    command = [sys.executable, "-m", "filter_engine.cli.main"]
    words = ["config", "explain", "options.pidfile", *variables]
    result = subprocess.run([*command, *words], capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"\x1b" not in result.stdout
    for form in ([], ["-j"], ["--origin"], ["--yaml"], ["--diff-from", "DEFAULT"]):
        words = ["configdump", *form, *variables]
        result = subprocess.run([*command, *words], capture_output=True, check=False)
        assert b"Traceback" not in result.stderr
        assert b"\x1b" not in result.stdout


def test_what_exists_is_explained_beside_what_does_not(tmp_path: Path) -> None:
    variables = ["--var", f"LOCAL_CONFDIR={tmp_path}", "--var", f"DBDIR={tmp_path}"]
    keys = ["actions.reject", "options.nosuch", "options.task_timeout", "nosuch"]
    result = CliRunner().invoke(config, ["explain", *keys, *variables])
    assert result.exit_code == 1
    assert "actions.reject = 15" in result.stdout
    assert "options.task_timeout = 8 s" in result.stdout
    assert result.stderr.count("filter-engine: ") == 2
