"""The command line's manners: root, errors, and options that belong to the command behind."""

import os
import shutil
import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from lab import cli
from lab.lab import Lab


@pytest.fixture
def as_user(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "argv", ["lab", "up", "--name", "x"])


def test_an_ordinary_user_without_sudo_is_told(as_user, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 1
    assert "must run as root" in capsys.readouterr().err


def test_an_ordinary_user_goes_on_under_sudo_with_what_the_lab_reads(as_user, monkeypatch):
    started = []

    def instead(file, argv):
        started.append((file, argv))
        raise SystemExit(0)

    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "execvp", instead)
    with pytest.raises(SystemExit):
        cli.main()
    ((file, argv),) = started
    assert file == "sudo"
    assert argv[2:] == [sys.executable, "-m", "lab", "up", "--name", "x"]
    kept = argv[1].removeprefix("--preserve-env=").split(",")
    assert {"PYTHONPATH", "LAB_NAME", "LAB_SITE"} <= set(kept)


def test_help_needs_no_root(as_user, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["lab", "--help"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 0
    assert "exec" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([], []),
        (["ls -l | wc"], ["--", "ls -l | wc"]),
        (["sh", "-c", "echo a  b; id"], ["--", "sh -c 'echo a  b; id'"]),
        (["--", "-x", "y"], ["--", "-x y"]),
    ],
)
def test_a_command_of_several_words_arrives_as_given(monkeypatch, given, sent):
    started = []

    def instead(_file, argv):
        started.append(argv)
        raise SystemExit(0)

    monkeypatch.setattr(os, "execvp", instead)
    monkeypatch.setattr(Lab, "host", lambda _self, name: SimpleNamespace(name=name))
    CliRunner().invoke(cli.cli, ["shell", "dolores", *given])
    (argv,) = started
    assert argv[argv.index("dolores") + 1 :] == sent


def test_an_error_is_one_message_and_status_one(monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(sys, "argv", ["lab", "inventory", "--name", "never-made"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 1
    assert capsys.readouterr().err.startswith(
        "lab: lab never-made is not up; `make lab-up LAB=never-made` "
    )


@pytest.mark.parametrize("dashes", [[], ["--"]])
def test_options_behind_a_command_are_the_commands(monkeypatch, dashes):
    ran = []
    monkeypatch.setattr(Lab, "exec", lambda self, argv: ran.append((self.paths.name, argv)) or 0)
    arguments = ["exec", "--name", "one", *dashes, "molecule", "--name", "two", "-h"]
    assert CliRunner().invoke(cli.cli, arguments).exit_code == 0
    assert ran == [("one", ("molecule", "--name", "two", "-h"))]


def test_the_lab_of_the_surrounding_exec_is_meant(monkeypatch):
    ran = []
    monkeypatch.setenv("LAB_NAME", "outer")
    monkeypatch.setattr(Lab, "down", lambda self, **_: ran.append(self.paths.name) or True)
    result = CliRunner().invoke(cli.cli, ["down", "--json"])
    assert (result.stdout, ran) == ('{"changed": true}\n', ["outer"])


def test_records_that_are_not_json_are_refused():
    result = CliRunner().invoke(cli.cli, ["publish", "example.net"], input="not json")
    assert "not JSON" in str(result.exception)
