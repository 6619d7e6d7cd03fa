"""The roll-out's progress: a line a play, all of Ansible's words in the log."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from demo import roll_out as demo_roll_out
from demo.roll_out import PLAYBOOK, TAIL, Watcher, count_plays
from lab.errors import LabError

SAID = """
PLAY [Check the inventory] *****************************************************

TASK [Gather] ******************************************************************
ok: [dolores]

PLAY [Run the filter] **********************************************************
PLAY RECAP *********************************************************************
dolores                    : ok=3    changed=0    unreachable=0    failed=0
"""


def test_a_line_a_play_and_the_recap_are_shown_and_all_is_logged() -> None:
    shown: list[str] = []
    log = io.StringIO()
    watcher = Watcher(2, log, shown.append)
    for line in SAID.splitlines():
        watcher.line(line)
    assert shown[:2] == [
        "   play 1 of 2: Check the inventory",
        "   play 2 of 2: Run the filter",
    ]
    assert [line.split()[0] for line in shown[2:]] == ["dolores"]
    assert log.getvalue() == SAID


def test_imported_playbooks_count(tmp_path: Path) -> None:
    (tmp_path / "one.yml").write_text("- ansible.builtin.import_playbook: two.yml\n- hosts: all\n")
    (tmp_path / "two.yml").write_text("- hosts: all\n- hosts: all\n")
    assert count_plays(tmp_path / "one.yml") == 3
    assert count_plays(PLAYBOOK) > 3


def test_a_failure_shows_the_end_of_the_log_and_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing:
        class paths:
            inventory = tmp_path

        def exec(self, _argv: Any, _env: Any, watch: Any) -> int:
            for number in range(TAIL + 5):
                watch(f"line {number}")
            return 2

    lab: Any = Failing()
    monkeypatch.setattr(demo_roll_out, "PROJECT", tmp_path)
    monkeypatch.setattr(demo_roll_out, "LOG", tmp_path / ".cache" / "demo-site.log")
    with pytest.raises(LabError) as failed:
        demo_roll_out.roll_out(lab, tmp_path, print)
    words = str(failed.value)
    assert ".cache/demo-site.log" in words
    assert f"line {TAIL + 4}" in words
    assert "line 4\n" not in words
    assert len((tmp_path / ".cache" / "demo-site.log").read_text().splitlines()) == TAIL + 5
