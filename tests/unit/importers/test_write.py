"""Writing: nothing lost, nothing half done, no secret shown."""

from __future__ import annotations

import os

import pytest

from filter_engine.importers.outcome import ImportFaultError
from filter_engine.importers.redact import HIDDEN, redact
from filter_engine.importers.write import State, apply, plan


def test_new_same_changed(tmp_path) -> None:
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d" / "a.conf").write_text("a = 1;\n")
    (tmp_path / "local.d" / "b.conf").write_text("b = 1;\n")
    (tmp_path / "local.d" / "b.conf").chmod(0o600)
    files = {"local.d/a.conf": "a = 1;\n", "local.d/b.conf": "b = 2;\n", "maps/c.map": "x\n"}
    changes = plan(files, tmp_path)
    assert [change.state for change in changes] == [State.SAME, State.CHANGED, State.NEW]
    assert "-b = 1;\n+b = 2;" in changes[1].diff
    assert not (tmp_path / "maps").exists(), "a plan touches nothing"
    backups = apply(changes, tmp_path)
    assert [path.read_text() for path in backups] == ["b = 1;\n"]
    assert backups[0].name == "b.conf.bak"
    assert (tmp_path / "local.d" / "b.conf").read_text() == "b = 2;\n"
    assert (tmp_path / "local.d" / "b.conf").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "maps" / "c.map").stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path / "local.d")) == ["a.conf", "b.conf", "b.conf.bak"]


def test_no_backup_is_overwritten(tmp_path) -> None:
    for text in ("1", "2", "3"):
        apply(plan({"a.conf": text}, tmp_path), tmp_path)
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {"a.conf": "3", "a.conf.bak": "1", "a.conf.bak.1": "2"}


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../b", "a//b", "", ".", "a\nb", "a\0"])
def test_paths_stay_below_the_directory(path: str, tmp_path) -> None:
    with pytest.raises(ImportFaultError):
        plan({path: "x"}, tmp_path)


def test_what_stands_in_the_way_is_named(tmp_path) -> None:
    (tmp_path / "local.d").write_text("a file")
    with pytest.raises(ImportFaultError, match=r"local\.d"):
        apply(plan({"local.d/a.conf": "a = 1;"}, tmp_path), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        'password="hunter2";',
        "enable_password = hunter2;",
        "password 'hunter2';",
        '"password": "hunter2"',
        'sentinel_password = "a\\"hunter2";',
        "password = <<EOD\nhunter2\nEOD\n",
        'api_key = ["hunter2", "x"];',
        "secret: hunter2",
        'password = "hunter2',
        "keypair { privkey = hunter2; }",
        'url = "http://user:hunter2@host/";',
        "key = <<EOD\n-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\nEOD",
    ],
)
def test_secrets_are_hidden(text: str) -> None:
    assert "hunter2" not in redact(text)
    assert HIDDEN in redact(text)


def test_what_is_no_secret_is_shown() -> None:
    text = 'reject = 15; keyfile = "/x"; selector = "mail"; symbol = "X";'
    assert redact(text) == text


def test_a_diff_of_secrets_alone_says_so(tmp_path) -> None:
    (tmp_path / "a.inc").write_text('password = "hunter1";\n')
    (change,) = plan({"a.inc": 'password = "hunter2";\n'}, tmp_path)
    assert change.state is State.CHANGED
    assert "hunter" not in change.diff
    assert "hidden" in change.diff
