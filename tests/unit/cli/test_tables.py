"""Colours are for terminals, and for those that want them; in a pipe there are tabs."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

TABLE = """
from filter_engine.cli.tables import action_cell, print_table
print_table(("action", "number"), [(action_cell("reject"), 1), (action_cell("a\\x1b[1m"), 22)], {1})
"""
RED = "\x1b[31m"


def on_terminal(*words: str, **more: str) -> str:
    """What a program writes to a terminal."""
    known = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "CI")}
    environment = known | {"TERM": "xterm", "COLUMNS": "80", **more}
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, *words], env=environment, stdin=slave, stdout=slave, stderr=slave
    ) as process:
        os.close(slave)
        said = b""
        while True:
            try:
                octets = os.read(master, 4096)
            except OSError:  # EIO: nobody holds the other side any more (pty(7))
                break
            if not octets:
                break
            said += octets
        process.wait(60)
    os.close(master)
    return said.decode().replace("\r\n", "\n")


def test_a_table_on_a_terminal() -> None:
    said = on_terminal("-c", TABLE)
    assert f"{RED}reject" in said
    assert [line.split()[-1] for line in said.splitlines()][1:] == ["1", "22"]
    assert "\x1b[1m" not in said.replace("\x1b[1;31m", ""), "what the cell says is not obeyed"


def test_no_colour_is_heeded_everywhere(tmp_path: Path) -> None:
    assert RED not in on_terminal("-c", TABLE, NO_COLOR="1")
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d" / "actions.conf").write_text("reject = often;")
    words = ("-m", "filter_engine.cli.main", "configtest", f"--var=LOCAL_CONFDIR={tmp_path}")
    assert f"{RED}error" in on_terminal(*words)
    plain = on_terminal(*words, NO_COLOR="1")
    assert "error: " in plain
    assert "\x1b[" not in plain


@pytest.mark.parametrize("variable", [{}, {"NO_COLOR": "1"}])
def test_a_pipe_gets_tabs(variable: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TABLE],
        env=os.environ | variable,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout == "action\tnumber\nreject\t1\na?[1m\t22\n"
