"""The engine's unit: started again when that is of use, and not in a hot loop."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import rendered_tree
from filter_engine.cli.exit_status import REFUSED
from filter_engine.cli.learn import learn

UNITS = rendered_tree.ROLES / "filter_engine/templates"
NAMES = ("units/filter-engine.service", "learn_units/mailfleet-learn.service")
ENGINE = "filter-engine.service"


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the units as the role writes them."""
    directory = tmp_path_factory.mktemp("units")
    tasks = [
        {
            "ansible.builtin.template": {
                "src": str(UNITS / f"{name}.j2"),
                "dest": str(directory / name.split("/")[1]),
                "mode": "0600",
            }
        }
        for name in NAMES
    ]
    rendered_tree.render(directory / "x", site="single_host", tasks=tasks)
    return directory


def said(unit: Path, key: str) -> str:
    (line,) = (line for line in unit.read_text().splitlines() if line.startswith(f"{key}="))
    return line.partition("=")[2]


@pytest.mark.parametrize("name", [name.split("/")[1] for name in NAMES])
def test_a_refused_configuration_is_not_tried_again(units: Path, name: str) -> None:
    assert said(units / name, "RestartPreventExitStatus") == str(REFUSED)
    assert said(units / name, "Restart") == "on-failure"
    assert said(units / name, "StartLimitIntervalSec") == "0"  # all else is, for ever


@pytest.mark.parametrize(
    ("has_served", "result", "status", "waits"),
    [
        (True, "signal", "KILL", False),
        (True, "exit-code", "1", False),
        (False, "exit-code", "1", True),
        (False, "signal", "ILL", True),
        (False, "timeout", "TERM", True),
        (False, "exit-code", str(REFUSED), False),
        (False, "success", "0", False),
    ],
)
def test_only_a_start_that_came_to_nothing_waits(
    units: Path, tmp_path: Path, has_served: bool, result: str, status: str, waits: bool
) -> None:
    unit = units / ENGINE
    program, served = said(unit, "ExecStartPost").split()
    shell, option, line = said(unit, "ExecStopPost").split(" ", 2)
    assert (program, shell, option) == ("/usr/bin/touch", "/bin/sh", "-c")
    assert float(said(unit, "RestartSec").removesuffix("s")) <= 1
    assert served.startswith(f"/run/{said(unit, 'RuntimeDirectory')}/")  # gone with the unit
    file = tmp_path / "served"
    if has_served:
        file.touch()
    # systemd makes $ of $$; that it waits is told by a status instead.
    line = line.strip("'").replace("$$", "$").replace(served, str(file))
    assert "sleep 10" in line
    done = subprocess.run(
        [shell, option, line.replace("sleep 10", "exit 7")],
        env={"SERVICE_RESULT": result, "EXIT_STATUS": status},
        check=False,
    )
    assert done.returncode == (7 if waits else 0)


def test_the_learning_says_so_as_well(tmp_path: Path) -> None:
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d/actions.conf").write_text("reject = often;\n")
    words = ["watch", f"--var=LOCAL_CONFDIR={tmp_path}", "--spam", str(tmp_path)]
    done = CliRunner().invoke(learn, words)
    assert done.exit_code == REFUSED
    assert "actions.conf:1" in done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_unit(units: Path, tmp_path: Path) -> None:
    unit = tmp_path / ENGINE
    text = (units / ENGINE).read_text()
    # The release is not here; systemd wants a program that is.
    program = said(units / ENGINE, "ExecStart").split()[0]
    unit.write_text(text.replace(program, sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, ENGINE in done.stderr) == (0, False), done.stderr
