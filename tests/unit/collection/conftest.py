"""The collection on the path, and real runs of its modules and playbooks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
COLLECTIONS = ROOT / "collections"
PLUGINS = COLLECTIONS / "ansible_collections/mailfleet/filter/plugins"

if str(COLLECTIONS) not in sys.path:
    sys.path.insert(0, str(COLLECTIONS))

from .overlay_site import Site  # noqa: E402 - needs the collection on the path


class Ansible:
    """Runs the project's ansible programs with its configuration, nothing of the user's."""

    def __init__(self, home: Path) -> None:
        self.directory = Path(sys.executable).parent
        self.environment = {
            "PATH": f"{self.directory}:{os.environ['PATH']}",
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
            "ANSIBLE_REMOTE_TEMP": str(home / "remote_tmp"),
            "ANSIBLE_NOCOLOR": "1",
        }

    def run(
        self, program: str, *arguments: str | Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.directory / program, *map(str, arguments)],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def ansible(tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    return Ansible(tmp_path_factory.mktemp("ansible_home"))


@pytest.fixture
def run_module() -> Callable[..., dict[str, Any]]:
    """Run a module as a host does: its file, the arguments on standard input."""

    def run(name: str, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
        values = {**arguments, "_ansible_check_mode": check_mode}
        done = subprocess.run(
            [sys.executable, PLUGINS / "modules" / f"{name}.py"],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": values}),
            env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stdout, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        assert bool(result.get("failed")) == (done.returncode != 0)
        return result

    return run


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A host with a shared directory that holds two files of others."""
    site = Site(tmp_path)
    site.dest.mkdir()
    (site.dest / "stock.conf").write_text("stock\n")
    (site.dest / "foreign.conf").write_text("foreign\n")
    return site
