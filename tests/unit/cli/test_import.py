"""``filter-engine import`` and ``migrate`` as a user calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from filter_engine.cli.import_ import import_

COMMANDS = 'set-option-for-controller password "hunter2"\ndisable-module chartable\n'


def run(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "filter_engine.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env={"PATH": "/usr/bin:/bin", **environ},
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "custom-commands.conf"
    path.write_text(COMMANDS)
    return path


def test_without_a_directory_it_only_shows(source: Path) -> None:
    done = run("import", "custom-commands", source)
    assert done.returncode == 0, done.stderr
    assert "--- override.d/chartable.conf\nenabled = false;" in done.stdout
    assert "override.d/worker-controller.inc" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_it_writes_and_what_is_written_passes_configtest(source: Path, tmp_path: Path) -> None:
    to = tmp_path / "site"
    done = run("import", "custom-commands", source, "--to", to)
    assert done.returncode == 0, done.stderr
    assert (to / "override.d" / "chartable.conf").read_text() == "enabled = false;\n"
    assert "hunter2" in (to / "override.d" / "worker-controller.inc").read_text()
    assert run("configtest", f"--var=LOCAL_CONFDIR={to}").returncode == 0
    again = run("import", "custom-commands", source, "--to", to)
    assert again.returncode == 0
    assert "chartable.conf: unchanged" in again.stdout


def test_files_that_differ_are_replaced_only_by_force(source: Path, tmp_path: Path) -> None:
    to = tmp_path / "site"
    target = to / "override.d" / "worker-controller.inc"
    target.parent.mkdir(parents=True)
    target.write_text('password = "hunter1";\ncount = 1;\n')
    refused = run("import", "custom-commands", source, "--to", to)
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert not (target.parent / "chartable.conf").exists(), "all or nothing"
    dry = run("import", "custom-commands", source, "--to", to, "--force", "--dry-run")
    assert dry.returncode == 0
    assert "hunter1" in target.read_text()
    forced = run("import", "custom-commands", source, "--to", to, "--force")
    assert forced.returncode == 0, forced.stderr
    assert target.read_text() == 'password = "hunter2";\ncount = 1;\n'
    assert "hunter1" in (target.parent / "worker-controller.inc.bak").read_text()
    assert "hunter" not in refused.stdout + refused.stderr + dry.stdout + forced.stdout


def test_what_is_lost_is_listed_and_told_by_the_status(tmp_path: Path) -> None:
    source = tmp_path / "env"
    source.write_text("# c\nACTIONS=reject = 10;\nWORKER_CONTROLER=count = 1;\n")
    done = run("import", "env", source)
    assert done.returncode == 3, done.stderr
    assert f"{source}:3: WORKER_CONTROLER: " in done.stdout
    report = json.loads(run("import", "env", source, "--json").stdout)
    assert [(r["line"], r["lost"]) for r in report["remarks"]] == [(3, True)]
    assert [file["path"] for file in report["files"]] == [
        "local.d/actions.conf",
        "local.d/logging.inc",
    ]


def test_as_variables_with_the_secrets_apart(tmp_path: Path) -> None:
    done = run(
        "import", "env", "--process-env", "--format", "variables", "--to", tmp_path / "group_vars",
        WORKER_CONTROLLER='password = "hunter2";',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "group_vars" / "filter_engine.json").read_text())
    name = "vault_filter_engine_worker_controller_password"
    assert found["filter_engine_local_d"]["worker-controller.inc"] == {
        "password": f"{{{{ {name} }}}}"
    }
    vault = tmp_path / "group_vars" / "filter_engine_vault.json"
    assert json.loads(vault.read_text()) == {name: "hunter2"}
    assert "ansible-vault" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_faults_name_file_and_line(tmp_path: Path) -> None:
    source = tmp_path / "commands"
    source.write_text("\nadd-line ../../etc/passwd x\n")
    done = run("import", "custom-commands", source, "--to", tmp_path / "site")
    assert done.returncode == 1
    assert f"{source}:2: " in done.stderr
    assert not (tmp_path / "site").exists()
    assert run("import", "env").returncode == 2


def test_migrate(tmp_path: Path) -> None:
    options = tmp_path / "local.d" / "options.inc"
    options.parent.mkdir()
    options.write_text("# c\nenable_test_patterns = true;\n")
    metrics = options.with_name("metrics.conf")
    metrics.write_text("actions { reject = 20; }\n")
    listed = run("migrate", "--list")
    assert listed.returncode == 0
    assert "1 metrics: " in listed.stdout
    dry = run("migrate", tmp_path, "all", "--dry-run")
    assert dry.returncode == 0
    assert '+gtube_patterns = "all";' in dry.stdout
    assert "enable_test_patterns" in options.read_text()
    assert run("migrate", tmp_path, "99").returncode == 2
    done = run("migrate", tmp_path, "all")
    assert done.returncode == 0, done.stderr
    assert "applied: metrics, test-patterns" in done.stdout
    assert options.read_text() == '# c\ngtube_patterns = "all";\n'
    assert sorted(path.name for path in options.parent.iterdir()) == [
        "actions.conf", "metrics.conf.bak", "options.inc", "options.inc.bak",
    ]  # fmt: skip
    assert run("configtest", f"--var=LOCAL_CONFDIR={tmp_path}").returncode == 0
    assert "applied: nothing" in run("migrate", tmp_path, "all").stdout


def test_what_the_loader_says_of_variables_is_told(tmp_path: Path) -> None:
    source = tmp_path / "site.env"
    source.write_text("OPTIONS=task_timeot = 9s;\n")
    result = CliRunner().invoke(import_, ["env", str(source), "--to", str(tmp_path / "to")])
    assert result.exit_code == 3, result.output
    assert "local.d/options.inc:2: unknown-option" in result.output
    assert "did you mean 'task_timeout'" in result.output
