"""Rolling the site out: a line a play on the terminal, everything Ansible says in a log."""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import yaml

from lab.errors import LabError
from lab.lab import Lab
from lab.paths import PROJECT

LOG = PROJECT / ".cache" / "demo-site.log"
PLAYBOOK = PROJECT / "playbooks" / "site.yml"
TAIL = 40
"""Lines of the log shown when the roll-out fails."""
_PLAY = re.compile(r"PLAY \[(.*)\] \**$")
_RECAP = re.compile(r"\S+ +: ok=\d")


def count_plays(playbook: Path) -> int:
    """How many plays a playbook has, with those of the playbooks it imports."""
    number = 0
    for play in yaml.safe_load(playbook.read_text()):
        imported = play.get("ansible.builtin.import_playbook")
        number += count_plays(playbook.parent / imported) if imported else 1
    return number


class Watcher:
    """Takes Ansible's output line by line: all into the log, plays and the recap to a person."""

    def __init__(self, plays: int, log: TextIO, say: Callable[[str], object]) -> None:
        self._plays = plays
        self._log = log
        self._say = say
        self._number = 0
        self.tail: deque[str] = deque(maxlen=TAIL)

    def line(self, line: str) -> None:
        """One line, without its end."""
        self._log.write(f"{line}\n")
        self._log.flush()  # a person may follow it
        if line.strip():
            self.tail.append(line)
        if play := _PLAY.match(line):
            self._number += 1
            self._say(f"   play {self._number} of {self._plays}: {play[1]}")
        elif _RECAP.match(line):
            self._say(f"   {line}")


def roll_out(lab: Lab, site: Path, say: Callable[[str], object]) -> None:
    """Run playbooks/site.yml on a running lab. Raises LabError with the end of the log."""
    argv = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        *("-i", str(site.resolve()), "-i", str(lab.paths.inventory)),
        str(PLAYBOOK),
    ]
    environment = {"ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")}
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("w") as log:
        watcher = Watcher(count_plays(PLAYBOOK), log, say)
        status = lab.exec(argv, environment, watcher.line)
    if status:
        said = "\n".join(f"   {line}" for line in watcher.tail)
        where = LOG.relative_to(PROJECT)
        raise LabError(f"playbooks/site.yml failed; the end of {where}:\n{said}")
