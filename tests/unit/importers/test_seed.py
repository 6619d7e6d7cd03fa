"""Seeding once: what restarts, crashes, hand edits and FORCE_CONFIG do."""

from __future__ import annotations

import os

import pytest

from filter_engine.importers import seed as seeding
from filter_engine.importers.environment import import_environment
from filter_engine.importers.outcome import ImportFaultError
from filter_engine.importers.seed import MARK, Seeding, seed
from filter_engine.importers.site_files import site_files
from filter_engine.importers.staging import inspect_staged

KNOWN = site_files()


def run(directory, **environ: str) -> Seeding:
    return seed(
        directory,
        environ,
        lambda: import_environment(environ, "environment", KNOWN),
        lambda files, place: inspect_staged(files, place, {}, {}, {}, ()),
    )


def texts(directory) -> dict[str, str]:
    return {path.name: path.read_text() for path in (directory / "local.d").iterdir()}


def test_seeds_once_and_keeps_hand_edits(tmp_path) -> None:
    site = tmp_path / "etc" / "site"
    assert run(site, ACTIONS="reject = 10;").done
    assert site.stat().st_mode & 0o777 == 0o750
    edited = site / "local.d" / "actions.conf"
    edited.write_text("reject = 11;\n")
    before = texts(site)
    assert not run(site, ACTIONS="reject = 12;", OPTIONS="max_urls = 5;").done
    assert texts(site) == before


def test_force_seeds_again_and_keeps_what_was_there(tmp_path) -> None:
    run(tmp_path, WORKER_CONTROLLER='password = "hunter1";', ACTIONS="reject = 10;")
    done = run(
        tmp_path,
        FORCE_CONFIG="OVERWRITE",
        WORKER_CONTROLLER='password = "hunter2";',
        ACTIONS="reject = 12;",
    )
    found = texts(tmp_path)
    assert "reject = 12" in found["actions.conf"]
    assert "reject = 10" in found["actions.conf.bak"]
    diffs = "".join(change.diff for change in done.changes)
    assert "+reject = 12;" in diffs
    assert "hunter" not in diffs
    assert "hunter2" in found["worker-controller.inc"]


def test_an_empty_force_is_none(tmp_path) -> None:
    run(tmp_path, ACTIONS="reject = 10;")
    assert not run(tmp_path, FORCE_CONFIG="", ACTIONS="reject = 12;").done


def test_forcing_the_same_again_makes_no_backups(tmp_path) -> None:
    run(tmp_path, ACTIONS="reject = 10;")
    assert run(tmp_path, FORCE_CONFIG="1", ACTIONS="reject = 10;").backups == []


def test_a_file_from_before_is_kept(tmp_path) -> None:
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d" / "actions.conf").write_text("reject = 9;\n")
    run(tmp_path, ACTIONS="reject = 10;")
    assert texts(tmp_path)["actions.conf.bak"] == "reject = 9;\n"


@pytest.mark.parametrize(
    "value", ["reject =", "reject = high;", 'reject = 1; .include "/nonexistent"']
)
def test_a_configuration_that_would_be_refused_is_not_written(tmp_path, value: str) -> None:
    with pytest.raises(ImportFaultError, match="ACTIONS"):
        run(tmp_path, ACTIONS=value, OPTIONS="max_urls = 5;")
    assert not (tmp_path / "local.d").exists()
    assert run(tmp_path, ACTIONS="reject = 1;").done, "the mended environment is read"


def test_errors_name_the_site_and_not_the_stage(tmp_path) -> None:
    with pytest.raises(ImportFaultError) as caught:
        run(tmp_path, ACTIONS="reject = high;")
    assert str(tmp_path / "local.d" / "actions.conf") in str(caught.value)
    assert "filter-engine-" not in str(caught.value)


def test_what_a_crash_interrupts_is_done_again(tmp_path, monkeypatch) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(seeding, "replace", crash)  # the mark is what this writes
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, ACTIONS="reject = 10;")
    assert not (tmp_path / MARK).exists()
    assert run(tmp_path, ACTIONS="reject = 10;").done
    assert sorted(os.listdir(tmp_path / "local.d")) == ["actions.conf", "logging.inc"]


def test_a_directory_that_cannot_be_made_is_told(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ImportFaultError, match="file"):
        run(tmp_path / "file" / "site", ACTIONS="reject = 10;")


def test_a_default_replaces_nothing(tmp_path) -> None:
    """Nobody wrote a level into the environment; somebody wrote the file."""
    (tmp_path / "local.d").mkdir()
    own = tmp_path / "local.d" / "logging.inc"
    own.write_text('level = "debug"; # while we look for it\n')
    done = run(tmp_path, ACTIONS="reject = 10;")
    assert own.read_text() == 'level = "debug"; # while we look for it\n'
    assert [change.path for change in done.changes] == ["local.d/actions.conf"]
    run(tmp_path, FORCE_CONFIG="1", SYSLOG_LEVEL="3")
    assert 'level = "error"' in own.read_text()


def test_a_crash_between_two_files_is_made_good(tmp_path, monkeypatch) -> None:
    """Power fails between the first file and the second: the next start does all of it again."""
    environ = {"ACTIONS": "reject = 10;", "OPTIONS": "max_urls = 5;", "SYSLOG_LEVEL": "3"}
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d" / "actions.conf").write_text("reject = 9;\n")
    real, written = os.replace, []

    def replace(source: str, target: str) -> None:
        if written:
            raise KeyboardInterrupt  # nothing of Python's catches it on the way
        written.append(target)
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, **environ)
    monkeypatch.undo()
    assert not (tmp_path / MARK).exists()
    assert sorted(os.listdir(tmp_path / "local.d")) == ["actions.conf", "actions.conf.bak"]
    assert run(tmp_path, **environ).done
    found = texts(tmp_path)
    assert set(found) == {"actions.conf", "actions.conf.bak", "logging.inc", "options.inc"}
    assert found["actions.conf.bak"] == "reject = 9;\n"
    assert (tmp_path / MARK).exists()
