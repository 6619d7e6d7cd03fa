"""Role filter_engine has the engine's log files rotated, and the engine told of it."""

from __future__ import annotations

import shutil
import signal
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

import rendered_tree
from filter_engine.config import load

ROLE = rendered_tree.ROLES / "filter_engine"
LOGROTATE = shutil.which("logrotate", path="/usr/sbin:/usr/bin")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A host's configuration and the file for logrotate."""
    directory = tmp_path_factory.mktemp("logs")
    write = {
        "ansible.builtin.template": {
            "src": str(ROLE / "templates/logrotate/filter_engine.j2"),
            "dest": str(directory / "filter_engine"),
            "mode": "0644",
        }
    }
    variables = {"filter_engine_log_target": "file"}
    trees = rendered_tree.render(
        directory / "x", site="single_host", tasks=[write], hosts="all", **variables
    )
    return trees / "solo", directory / "filter_engine"


def test_the_file_that_is_written_is_rotated_and_opened_anew(rendered: tuple[Path, Path]) -> None:
    tree, file = rendered
    given = yaml.safe_load((ROLE / "vars/main.yml").read_text())["__filter_engine_variables"]
    known = {"LOCAL_CONFDIR": str(tree), "LOGDIR": given["LOGDIR"]}
    logging = load(variables=known, environ={}).logging
    (pattern,) = (line.split()[0] for line in file.read_text().splitlines() if line.endswith(" {"))
    assert logging.type == "file"
    assert fnmatch(logging.filename, pattern)
    (told,) = (line for line in file.read_text().splitlines() if "systemctl kill" in line)
    words = told.split()
    assert signal.Signals[f"SIG{words[3].removeprefix('--signal=')}"] is signal.SIGUSR1
    # To the supervisor, which hands it on, and to a unit that the role writes.
    assert words[2] == "--kill-who=main"
    assert (ROLE / f"templates/units/{words[4]}.j2").is_file()


@pytest.mark.skipif(LOGROTATE is None, reason="logrotate is not installed")
def test_logrotate_takes_it(rendered: tuple[Path, Path]) -> None:
    command = [str(LOGROTATE), "--debug", str(rendered[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "error:" not in done.stderr
