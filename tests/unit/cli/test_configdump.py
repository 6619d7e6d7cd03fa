"""The forms of configdump."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from filter_engine.cli.configdump import configdump
from filter_engine.ucl import parse, to_python


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in ("local.d", "override.d"):
        (tmp_path / name).mkdir()
    (tmp_path / "local.d" / "options.inc").write_text("\ntask_timeout = 10s;\ndns { timeout = 2s }")
    (tmp_path / "local.d" / "worker-controller.inc").write_text('password = "hunter2";')
    (tmp_path / "local.d" / "groups.conf").write_text('symbols { "R_SPF_FAIL" { score = 3.5 } }')
    (tmp_path / "override.d" / "actions.conf").write_text("reject = 12;")
    return tmp_path


def _run(site: Path, *words: str) -> Result:
    variables = ["--var", f"LOCAL_CONFDIR={site}", "--var", f"DBDIR={site}"]
    result = CliRunner().invoke(configdump, [*variables, *words])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def _json(site: Path, *words: str) -> Any:
    return json.loads(_run(site, *words).stdout)


def test_all_forms_say_the_same(site: Path) -> None:
    as_json = _json(site, "-j")
    assert _json(site, "--compact") == as_json
    assert _run(site, "--compact").stdout.count("\n") == 1
    text = _run(site).stdout
    for form in ("--origin", "--show-help"):
        commented = _run(site, form).stdout
        assert commented != text
        assert parse(commented) == parse(text)
    pytest.importorskip("yaml")
    import yaml

    assert yaml.safe_load(_run(site, "--yaml").stdout)["options"] == as_json["options"]


def test_sections_and_sections_in_them(site: Path) -> None:
    assert _json(site, "-j", "options.dns", "actions.reject") == {
        "options": {"dns": {"timeout": 2.0, "retransmits": 5, "sockets": 16, "fake_records": []}},
        "actions": {"reject": 12.0},
    }
    assert len(_json(site, "-j", "worker")["worker"]) == 4
    assert "check_local" in to_python(parse(_run(site, "spf").stdout))["spf"]  # type: ignore[index]  # a section


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("wroker", "did you mean 'worker'?"),
        ("options.dsn", "did you mean 'dns'?"),
        ("actions.reject.x", "is an option"),
        ("", "known: options"),
        ("\x1b[31m", "known: options"),
    ],
)
def test_unknown_sections(site: Path, name: str, hint: str) -> None:
    result = _run(site, name)
    assert result.exit_code == 1
    assert hint in result.stderr
    assert "\x1b" not in result.stderr


def test_origin_of_every_value(site: Path) -> None:
    lines = _run(site, "--origin", "options", "actions").stdout.splitlines()
    assert "    task_timeout = 10.0; # local.d/options.inc:2" in lines
    assert "    reject = 12.0; # override.d/actions.conf:1" in lines
    assert "    max_urls = 10240; # built in" in lines
    told = _json(site, "--origin", "-j", "options")["options"]
    assert told["task_timeout"] == {
        "value": 10.0,
        "origin": {
            "layer": "local.d",
            "file": f"{site}/local.d/options.inc",
            "line": 2,
        },
    }
    assert told["max_urls"]["origin"] == {"layer": "built in"}
    assert told["dns"]["timeout"]["origin"]["line"] == 3


def test_help_tells_type_unit_and_default(site: Path) -> None:
    text = _run(site, "--show-help", "options", "actions").stdout
    assert re.search(r"# time for [^=]*# time; seconds; default 8.*\n    task_timeout = ", text)
    assert re.search(
        r"# number or null; default null; also rewrite subject\n    # rewrite_subject", text
    )


def test_differences_and_exit_status_as_of_diff(site: Path, tmp_path: Path) -> None:
    result = _run(site, "--diff-from", "DEFAULT")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "options.task_timeout: 8 s -> 10 s (local.d/options.inc:2)" in lines
    assert any(line.startswith("symbols.R_SPF_FAIL.score: ") for line in lines)
    assert "hunter2" not in result.stdout
    assert len(lines) == 5
    assert (_run(site, "--diff-from", str(site)).exit_code, _run(site).exit_code) == (0, 0)
    changes = _json(site, "--diff-from", "DEFAULT", "-j", "actions")
    assert [(c["key"], c["old"]["value"], c["new"]["value"]) for c in changes] == [
        ("actions.reject", 15.0, 12.0)
    ]
    other = tmp_path / "other"
    (other / "local.d").mkdir(parents=True)
    (other / "local.d" / "options.inc").write_text("task_timeout = maybe")
    assert _run(site, "--diff-from", str(other)).exit_code == 2
    assert _run(site, "--diff-from", str(tmp_path / "none")).exit_code == 2


def test_groups_and_symbols(site: Path) -> None:
    details = _json(site, "--symbol-details", "-j")
    assert details["R_SPF_FAIL"]["score"] == 3.5
    assert details["R_SPF_FAIL"]["check"] == "spf"
    assert details["R_SPF_FAIL"]["origin"]["layer"] == "local.d"
    assert details["R_SPF_SOFTFAIL"]["origin"] == {"layer": "built in"}
    assert "spf" in details["R_SPF_FAIL"]["groups"]
    groups = _json(site, "--groups", "-j")
    assert groups["spf"]["symbols"]["R_SPF_FAIL"] == 3.5
    assert groups["headers"]["max_score"] == 8.0
    assert list(_json(site, "--groups", "-j", "spf")) == ["spf"]
    assert "did you mean 'R_SPF_FAIL'?" in _run(site, "-d", "R_SPF_FIAL").stderr
    assert to_python(parse(_run(site, "-g", "spf").stdout)) == {"spf": groups["spf"]}


def test_state_of_modules(site: Path) -> None:
    (site / "local.d" / "mid.conf").write_text("enabled = no;")
    state = _json(site, "--modules-state", "-j")
    assert "spf" in state["enabled"]
    shipped = {
        name: f"shipped modules.d/{name}.conf:2" for name in ("bimi", "mx_check", "spamtrap")
    }
    assert state["disabled_explicitly"] == {"mid": "local.d/mid.conf:1"} | shipped
    text = _run(site, "-m").stdout
    assert "Modules disabled (explicitly): bimi (shipped modules.d/bimi.conf:2), mid (" in text


@pytest.mark.parametrize(
    "words",
    [
        ["-j", "--yaml"],
        ["-m", "-g"],
        ["-m", "spf"],
        ["--show-help", "-j"],
        ["-c", "/no/such/file"],
        ["-c", "/"],
    ],
)
def test_wrong_usage(site: Path, words: list[str]) -> None:
    result = _run(site, *words)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_cannot_be_read(site: Path) -> None:
    (site / "local.d" / "options.inc").chmod(0)
    result = _run(site)
    assert result.exit_code == 1
    assert "options.inc" in result.stderr


def test_files_that_are_none(site: Path) -> None:
    (site / "local.d" / "redis.conf").mkdir()
    os.mkfifo(site / "local.d" / "spf.conf")
    result = _run(site)
    assert result.exit_code == 1
    assert "redis.conf: not a regular file" in result.stderr
    assert "spf.conf: not a regular file" in result.stderr


def test_the_option_for_symbols_is_named(tmp_path: Path) -> None:
    variables = ["--var", f"LOCAL_CONFDIR={tmp_path}", "--var", f"DBDIR={tmp_path}"]
    result = CliRunner().invoke(configdump, ["symbols", *variables])
    assert result.exit_code == 1
    assert "configdump -d" in result.stderr


def test_a_settings_rule_that_is_left_out_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "local.d").mkdir()
    rules = 'kept { ip = "192.0.2.1"; whitelist = true; }\nlost { ipp = "x"; whitelist = true; }\n'
    (tmp_path / "local.d/settings.conf").write_text(rules)
    variables = ["--var", f"LOCAL_CONFDIR={tmp_path}", "--var", f"DBDIR={tmp_path}"]
    result = CliRunner().invoke(configdump, ["settings", "-j", *variables])
    assert list(json.loads(result.output)["settings"]) == ["kept"]


def test_help_of_settings_and_of_sections_that_are_rspamds(site: Path) -> None:
    (site / "local.d" / "settings.conf").write_text('a { ip = "192.0.2.1"; priority = high; }')
    (site / "local.d" / "clickhouse.conf").write_text("limit = 5;")
    shown = _run(site, "--show-help", "settings", "clickhouse", "elastic", "redis").stdout
    assert "# the highest that fits is applied" in shown
    assert "# old name of limits.max_rows" in shown
    assert "# no_ssl_verify: Rspamd's, not used by this engine" in shown
    assert re.search(r"^elastic \{\n", shown, re.MULTILINE)
    assert "# time for one command\n    # time; seconds; default 1 s\n" in shown
    assert _json(site, "-j", "redis")["redis"]["timeout"] == 1.0
    assert "redis" not in _json(site, "-j")


def test_details_name_the_line_of_a_rule(site: Path) -> None:
    rule = "MINE {\n re = 'Subject=/x/{header}';\n score = 2;\n}\n"
    (site / "local.d" / "regexp.conf").write_text(rule)
    said = _json(site, "-d", "MINE", "-j")["MINE"]
    assert (said["score"], said["origin"]["layer"], said["origin"]["line"]) == (2.0, "local.d", 3)
