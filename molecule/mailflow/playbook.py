"""Running the project's playbooks on a lab's site."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.lab import Lab
from lab.paths import PROJECT

_RECAP = re.compile(r"^(\S+)\s*: ok=\d+\s+changed=(\d+)", re.M)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Played:
    """A run that succeeded: changed tasks by host, and all it said."""

    changed: dict[str, int]
    output: str


def play(lab: Lab, playbook: str, *arguments: str) -> Played:
    """Run `playbooks/PLAYBOOK`; raises LabError with the end of its output when it fails."""
    command = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        *("-i", lab.record.site, "-i", str(lab.paths.inventory)),
        str(PROJECT / "playbooks" / playbook),
        *arguments,
    ]
    done = subprocess.run(  # noqa: S603 - ours
        command,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")},
    )
    output = _COLOUR.sub("", done.stdout)
    if done.returncode:
        raise LabError(f"{playbook} failed:\n{output[-4000:]}\n{done.stderr[-2000:]}")
    recap = output.rpartition("PLAY RECAP")[2]
    return Played({host: int(n) for host, n in _RECAP.findall(recap)}, output + done.stderr)
