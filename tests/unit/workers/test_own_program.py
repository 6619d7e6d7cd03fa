"""What the controller says to the command that it runs, and what others see of it."""

from __future__ import annotations

import asyncio
import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from filter_engine.cli.configtest import configtest
from filter_engine.config.variables import IN_ENVIRONMENT
from filter_engine.workers.controller import own_program

SECRET = "hunter2\udcff"
"""With an octet that is no UTF-8, as a shell may have given it."""
ARGUMENTS = "import json, sys; print(json.dumps([sys.argv, {'ok': True}]))"
VARIABLES = f"import os; print(os.environ['{IN_ENVIRONMENT}'])"


@pytest.mark.parametrize("program", [ARGUMENTS, VARIABLES])
def test_variables_are_not_in_the_process_list(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command stands for a program that tells how it was called."""
    monkeypatch.setattr(own_program, "_COMMAND", (sys.executable, "-c", program))
    config = SimpleNamespace(files=["/main.conf"], variables={"SECRET": SECRET})
    desk: Any = SimpleNamespace(context=SimpleNamespace(config=config))
    done = asyncio.run(own_program.OwnProgram(desk)._run(["configtest"]))
    told = json.loads(done.stdout)
    if program is ARGUMENTS:
        assert told[0] == ["-c", "configtest", "--config=/main.conf", "--"]
    else:
        assert told == {"SECRET": SECRET}


def run(text: str, *words: str) -> Result:
    return CliRunner().invoke(configtest, ["--no-host", *words], env={IN_ENVIRONMENT: text})


def test_the_command_reads_them() -> None:
    assert "--var COLOUR: no file uses $COLOUR" in run('{"COLOUR": "red"}').stderr
    wrong = run('{"LOCAL_CONFDIR": "/nowhere"}')
    assert (wrong.exit_code, "no directory /nowhere" in wrong.stderr) == (2, True)
    right = run('{"LOCAL_CONFDIR": "/nowhere"}', "--var", "LOCAL_CONFDIR=/tmp")
    assert right.exit_code == 0


@pytest.mark.parametrize("text", ["hunter2", '["hunter2"]', '{"SECRET": ["hunter2"]}'])
def test_a_complaint_shows_no_value(text: str) -> None:
    done = run(text)
    assert done.exit_code == 2
    assert IN_ENVIRONMENT in done.stderr
    assert "hunter2" not in done.output
