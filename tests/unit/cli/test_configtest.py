"""The command configtest: rules, codes to ignore, reports, and that it touches nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from filter_engine.cli.configtest import configtest

ACCEPTANCE = Path(__file__).resolve().parents[1] / "lint/acceptance/master"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "site/local.d").mkdir(parents=True)
    return tmp_path / "site"


def _run(tree: Path, *arguments: str) -> Result:
    variables = ["--var", f"LOCAL_CONFDIR={tree}", "--var", f"DBDIR={tree}/db"]
    return CliRunner().invoke(configtest, [*variables, *arguments])


def _write(tree: Path, name: str, text: str) -> None:
    (tree / "local.d" / name).write_text(text)


TEST_PATTERNS = 'gtube_patterns = "all";\n'


def test_rules_are_applied_and_fail_when_strict(tree: Path) -> None:
    _write(tree, "options.inc", TEST_PATTERNS)
    result = _run(tree)
    assert result.exit_code == 0
    assert f"{tree}/local.d/options.inc:1:1: warning: gtube_patterns" in result.output
    assert "[test-patterns]\n    write gtube_patterns" in result.output
    assert result.output.endswith("syntax OK\n")
    assert _run(tree, "--strict").exit_code == 1
    assert _run(tree, "--strict", "--no-lint").output == "syntax OK\n"


def test_a_rules_error_fails_as_well(tree: Path) -> None:
    _write(tree, "worker-controller.inc", 'secure_ip = "0.0.0.0/0";\n')
    result = _run(tree)
    assert result.exit_code == 1
    assert "[open-to-the-world]" in result.stderr
    assert "syntax OK" not in result.output


@pytest.mark.parametrize(
    "ignore",
    [
        ["--ignore", "test-patterns", "--ignore", "unknown-option"],
        ["--ignore", "unknown-option,test-patterns"],
    ],
)
def test_codes_are_ignored(tree: Path, ignore: list[str]) -> None:
    _write(tree, "options.inc", TEST_PATTERNS + "colour = red;\n")
    assert _run(tree, "--strict").exit_code == 1
    assert _run(tree, "--strict", *ignore).output == "syntax OK\n"


def test_a_code_that_does_not_exist_is_refused(tree: Path) -> None:
    result = _run(tree, "--ignore", "test-patern")
    assert result.exit_code == 2
    assert "did you mean 'test-patterns'?" in result.stderr


def test_errors_that_stop_the_engine_cannot_be_ignored(tree: Path) -> None:
    result = _run(tree, "--ignore", "wrong-type")
    assert result.exit_code == 2
    assert "cannot be ignored" in result.stderr


def test_quiet_says_nothing_of_a_good_tree(tree: Path) -> None:
    assert _run(tree, "-q").output == ""


def test_files_are_groups(tree: Path) -> None:
    _write(tree, "options.inc", "a = 1;\nb = 2;\n")
    _write(tree, "logging.inc", "c = 3;\n")
    findings, _, rest = _run(tree).output.rpartition("\n\n")
    assert findings.count("logging.inc") == 1
    assert rest.count("options.inc") == 2


def test_a_syntax_error_shows_the_line_with_a_caret(tree: Path) -> None:
    _write(tree, "options.inc", "task_timeout = 5s;\ndns }\n")
    result = _run(tree)
    assert result.exit_code == 1
    head, line, caret, *_ = result.stderr.splitlines()
    assert head.startswith(f"{tree}/local.d/options.inc:2:5: error:")
    assert line == "    dns }"
    assert caret == "        ^"


@pytest.mark.parametrize(
    "line",
    [
        'password = "Jx4kW8vQ2m',
        "password = Jx4kW8vQ2m }",
        "servers = x; 'password' : 'Jx4kW8vQ2m' ]",
        'enable_password "Jx4kW8vQ2m',
    ],
)
def test_a_syntax_error_hides_secrets(tree: Path, line: str) -> None:
    _write(tree, "redis.conf", line)
    for arguments in ((), ("--json",)):
        result = _run(tree, *arguments)
        assert result.exit_code == 1
        assert "redis.conf" in result.output + result.stderr
        assert "Jx4k" not in result.output + result.stderr


def test_json_names_the_configuration(tree: Path) -> None:
    first = json.loads(_run(tree, "--json").output)
    assert first["ok"] is True
    assert len(first["config_id"]) == 64
    assert json.loads(_run(tree, "--json").output) == first
    _write(tree, "options.inc", "task_timeout = 5s;")
    assert json.loads(_run(tree, "--json").output)["config_id"] != first["config_id"]
    _write(tree, "options.inc", "task_timeout = soon;")
    assert json.loads(_run(tree, "--json").output)["config_id"] is None


def test_another_hosts_tree_is_not_compared_with_this_host(tree: Path) -> None:
    _write(tree, "worker-normal.inc", 'bind_socket = "10.195.171.241:11333";')
    assert "[address-not-on-host]" in _run(tree).output
    assert _run(tree, "--no-host").output == "syntax OK\n"


def test_a_picture_of_a_host_is_compared(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "etc/postfix").mkdir(parents=True)
    (tmp_path / "etc/postfix/main.cf").write_text("smtpd_milters = inet:localhost:11334\n")
    result = _run(tree, "--host-root", str(tmp_path))
    assert f"{tmp_path}/etc/postfix/main.cf:1:1: warning: smtpd_milters" in result.output


def test_an_account_that_is_not_there_is_refused(tree: Path) -> None:
    result = _run(tree, "--user", "nobody-of-that-name")
    assert result.exit_code == 2
    assert "there is no account" in result.stderr


_OPENS = """
import os, sys
def audit(event, args):
    if event == "open":
        path, mode, flags = args
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
            print("WRITES", path, file=sys.stderr)
    elif event in {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink",
                   "os.chmod", "os.chown", "os.truncate", "os.utime", "socket.connect",
                   "socket.getaddrinfo", "socket.gethostbyname", "subprocess.Popen"}:
        print("WRITES", event, args, file=sys.stderr)
sys.addaudithook(audit)
sys.dont_write_bytecode = True
from filter_engine.cli.main import main
sys.argv[0] = "filter-engine"
main()
"""


def test_a_staged_tree_is_checked_and_nothing_is_touched(tmp_path: Path) -> None:
    tree = shutil.copytree(ACCEPTANCE, tmp_path / "staged")
    before = _picture(tree)
    done = subprocess.run(
        [sys.executable, "-c", _OPENS, "configtest", "--strict", "--var", f"LOCAL_CONFDIR={tree}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "[port-role]" in done.stderr
    # no file is opened for writing, none made or moved; no name looked up, nothing connected
    assert "WRITES" not in done.stderr
    assert _picture(tree) == before


def _picture(tree: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): ((found := os.stat(path)).st_mtime_ns, found.st_mode)
        for path in (tree, *tree.rglob("*"))
    }


def test_the_rules_are_cheap() -> None:
    """All of them together; the command's time is mostly import and loading."""
    from filter_engine import checks, lint
    from filter_engine.config.loader import inspect
    from filter_engine.scan.declare import REGISTRY
    from filter_engine.scanner import sections

    checks.load()
    config = inspect(
        None,
        {"LOCAL_CONFDIR": str(ACCEPTANCE)},
        {},
        modules=sections(REGISTRY),
        groups=REGISTRY.groups(),
    ).config
    assert config is not None
    lint.run(config, lint.Host())
    took = []
    for _ in range(5):
        start = time.process_time()
        lint.run(config, lint.Host())
        took.append(time.process_time() - start)
    assert min(took) < 0.15


@pytest.mark.parametrize(
    ("name", "meant"), [("LOCAL_CONFDR", "LOCAL_CONFDIR"), ("dbdir", "DBDIR"), ("LOGDR", "LOGDIR")]
)
def test_a_misspelt_variable_is_refused(tree: Path, name: str, meant: str) -> None:
    result = _run(tree, "--var", f"{name}=/nonexistent")
    assert result.exit_code == 2
    assert f"did you mean {meant}?" in result.stderr


def test_a_variable_that_no_file_uses_is_told(tree: Path) -> None:
    _write(tree, "options.inc", 'pidfile = "${PIDS}/engine.pid";\n')
    result = _run(tree, "--var", "PIDS=/run", "--var", "COLOUR=red")
    assert result.exit_code == 0
    assert result.stderr == "filter-engine: warning: --var COLOUR: no file uses $COLOUR\n"
