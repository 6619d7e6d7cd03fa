"""The commands configtest and configdump."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from filter_engine.cli.configdump import configdump
from filter_engine.cli.configtest import configtest
from filter_engine.ucl import parse, to_python


@pytest.fixture
def local(tmp_path: Path) -> Path:
    (tmp_path / "local.d").mkdir()
    return tmp_path / "local.d"


def _var(local: Path) -> list[str]:
    return ["--var", f"LOCAL_CONFDIR={local.parent}", "--var", f"DBDIR={local.parent}"]


def test_a_good_tree_says_syntax_ok(local: Path) -> None:
    (local / "options.inc").write_text("task_timeout = 5s;")
    result = CliRunner().invoke(configtest, [*_var(local), "--strict"])
    assert (result.exit_code, result.output) == (0, "syntax OK\n")


def test_warnings_fail_only_when_strict(local: Path) -> None:
    (local / "options.inc").write_text("\ntask_timeuot = 5s;")
    result = CliRunner().invoke(configtest, _var(local))
    assert result.exit_code == 0
    assert f"{local}/options.inc:2:1: warning: unknown option" in result.output
    assert "did you mean 'task_timeout'?" in result.output
    assert result.output.endswith("syntax OK\n")
    result = CliRunner().invoke(configtest, [*_var(local), "--strict"])
    assert result.exit_code == 1
    assert "syntax OK" not in result.output
    assert result.stderr.endswith("the configuration is refused: 1 warning\n")


def test_errors_fail(local: Path) -> None:
    (local / "options.inc").write_text("task_timeout = \x1b[31mred")
    (local / "actions.conf").write_text("reject = {")
    result = CliRunner().invoke(configtest, _var(local))
    assert result.exit_code == 1
    assert "options.inc:1:1: error:" in result.stderr
    assert "actions.conf:1:11: error:" in result.stderr
    assert "2 errors" in result.stderr
    assert "\x1b" not in result.output


def test_json_report(local: Path) -> None:
    (local / "options.inc").write_text("task_timeout = maybe")
    result = CliRunner().invoke(configtest, [*_var(local), "--json"])
    assert result.exit_code == 1
    report = json.loads(result.output)
    assert report["ok"] is False
    (finding,) = report["findings"]
    assert finding["file"] == str(local / "options.inc")
    assert (finding["line"], finding["severity"], finding["code"]) == (1, "error", "wrong-type")


def test_dump_is_ucl_that_loads_to_the_same(local: Path, tmp_path: Path) -> None:
    (local / "actions.conf").write_text("reject = 11; greylist = null")
    (local / "worker-controller.inc").write_text('password = "hunter2"')
    (local / "groups.conf").write_text('symbols { "A" { score = 2 } }')
    shown = CliRunner().invoke(configdump, [*_var(local), "--show-secrets"])
    assert shown.exit_code == 0
    again = tmp_path / "again.conf"
    (empty := tmp_path / "empty").mkdir()
    again.write_text(shown.output)
    result = CliRunner().invoke(
        configtest, ["-c", str(again), "--strict", "--no-lint", "--var", f"LOCAL_CONFDIR={empty}"]
    )
    assert result.output == "syntax OK\n"
    second = CliRunner().invoke(
        configdump,
        ["-c", str(again), "--show-secrets", "--var", f"LOCAL_CONFDIR={empty}"],
    )
    assert parse(second.output) == parse(shown.output)


def test_dump_hides_secrets(local: Path) -> None:
    (local / "worker-controller.inc").write_text('password = "hunter2"')
    hidden = CliRunner().invoke(configdump, [*_var(local), "worker"])
    assert "hunter2" not in hidden.output
    assert 'password = "(hidden)";' in hidden.output
    shown = CliRunner().invoke(configdump, [*_var(local), "worker", "--show-secrets"])
    assert "hunter2" in shown.output


def test_dump_of_sections(local: Path) -> None:
    (local / "actions.conf").write_text("reject = 11; greylist = null")
    result = CliRunner().invoke(configdump, [*_var(local), "actions", "-j"])
    shown = json.loads(result.output)
    assert shown["actions"]["reject"] == 11.0
    assert shown["actions"]["greylist"] is None
    assert "rewrite_subject" not in shown["actions"]
    result = CliRunner().invoke(configdump, [*_var(local), "options"])
    assert to_python(parse(result.output))["options"]["task_timeout"] == 8.0  # type: ignore[index]  # a section
    result = CliRunner().invoke(configdump, [*_var(local), "wroker"])
    assert result.exit_code == 1
    assert "did you mean 'worker'?" in result.stderr


def test_dump_of_a_broken_tree(local: Path) -> None:
    (local / "options.inc").write_text("task_timeout = maybe")
    result = CliRunner().invoke(configdump, _var(local))
    assert result.exit_code == 1
    assert "options.inc:1" in result.stderr
