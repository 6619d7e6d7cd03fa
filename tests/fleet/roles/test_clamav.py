"""What role clamav refuses: too little memory for the signatures, and signatures that are old."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

import rendered_tree

ROLE = rendered_tree.ROLES / "clamav"
MEMORY = ("Learn how much memory there is", "Check that ClamAV's signatures fit the memory")


def play(folder: Path, file: str, names: tuple[str, ...], **variables: Any) -> tuple[int, str]:
    """Run these tasks of the role alone, with its defaults, on this machine."""
    known = {task["name"]: task for task in yaml.safe_load((ROLE / "tasks" / file).read_text())}
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    playbook = folder / "play.yml"
    one = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {
            **defaults,
            "ansible_python_interpreter": sys.executable,
            "clamav_enabled": True,
            "clamav_freshclam": True,
        },
        "tasks": [known[name] for name in names],
    }
    playbook.write_text(yaml.safe_dump([one], sort_keys=False))
    done = rendered_tree.ansible(["-i", "localhost,", playbook], variables)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("least", "fits"), [(1, True), (10**9, False)])
def test_a_host_with_too_little_memory_is_refused(least: int, fits: bool, tmp_path: Path) -> None:
    code, said = play(tmp_path, "run.yml", MEMORY, clamav_memory_min=least)
    assert (code == 0) == fits, said
    if not fits:
        assert "ClamAV's signatures ask for 1000000000" in " ".join(said.split())


@pytest.mark.parametrize(("age", "fits"), [(0, True), (40, False)])
def test_signatures_that_nobody_kept_current_are_told(age: int, fits: bool, tmp_path: Path) -> None:
    when = (datetime.now(UTC) - timedelta(days=age)).strftime("%a %b %d %H:%M:%S %Y")
    version = {"stdout": f"ClamAV 1.4.3/27460/{when}"}
    code, said = play(
        tmp_path, "verify.yml", ("The signatures are new enough",), __clamav_version=version
    )
    assert (code == 0) == fits, said
