"""A tree in a shared directory: ownership, staging, validation, put-back, check mode."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils import tree_overlay
from ansible_collections.mailfleet.filter.plugins.module_utils.file_attributes import (
    FileAttributeError,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_diff import diff_entries
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import (
    FileState,
    TreeError,
)

from .overlay_site import Site


def test_changes_are_placed_and_a_second_run_changes_nothing(site: Site) -> None:
    first = site.apply({"stock.conf": "ours\n", "local.d/a.inc": "a\n"})
    assert first.plan.changed_files == ["local.d/a.inc", "stock.conf"]
    assert first.validation == "passed"
    assert site.live() == {
        "foreign.conf": "foreign\n",
        "local.d/a.inc": "a\n",
        "stock.conf": "ours\n",
    }
    assert stat.S_IMODE((site.dest / "stock.conf").stat().st_mode) == 0o640
    inode = (site.dest / "stock.conf").stat().st_ino
    second = site.apply({"stock.conf": "ours\n", "local.d/a.inc": "a\n"})
    assert not second.plan.changed
    assert second.generation == first.generation
    assert (site.dest / "stock.conf").stat().st_ino == inode


def test_only_own_files_are_removed_and_only_own_empty_directories(site: Site) -> None:
    (site.dest / "theirs.d").mkdir()
    site.apply({"a.conf": "a", "new.d/b": "b", "theirs.d/c": "c"})
    outcome = site.apply({"a.conf": "a"})
    assert outcome.plan.removed_files == ["new.d/b", "theirs.d/c"]
    assert "foreign.conf" in site.live()
    assert not (site.dest / "new.d").exists()
    assert (site.dest / "theirs.d").is_dir()


def test_a_mode_alone_is_a_change(site: Site) -> None:
    site.apply({"a.conf": "a"}, mode=0o600)
    outcome = site.apply({"a.conf": "a"}, mode=0o640)
    assert outcome.plan.changed_files == ["a.conf"]
    assert stat.S_IMODE((site.dest / "a.conf").stat().st_mode) == 0o640


def test_a_failing_validation_changes_nothing_and_shows_the_line(site: Site) -> None:
    site.apply({"stock.conf": "good\n"})
    before = site.live()
    command = "sh -c 'grep -Hn bad %s/stock.conf && exit 1; exit 0'"
    with pytest.raises(TreeError) as caught:
        site.apply({"stock.conf": "one\n  bad line\n", "x.conf": "x"}, validate=command)
    text = str(caught.value)
    assert "ended with status 1" in text
    assert f"{site.dest}/stock.conf:2: bad line" in text
    assert ".staging-" not in text
    assert site.live() == before
    assert not list(site.state.glob(".staging-*"))


def test_the_validation_sees_the_whole_directory_as_it_will_be(site: Site) -> None:
    site.apply({"gone.conf": "x"})
    command = (
        "sh -c 'test -f %s/foreign.conf && test ! -e %s/gone.conf && grep -q ours %s/stock.conf'"
    )
    assert site.apply({"stock.conf": "ours\n"}, validate=command).validation == "passed"


def test_words_of_secret_files_are_masked_in_the_validations_output(site: Site) -> None:
    command = "sh -c 'cat %s/auth.inc; echo %s/auth.inc:1: bad; exit 1'"
    files = {"auth.inc": 'password = "correct-horse-battery";\n'}
    with pytest.raises(TreeError) as caught:
        site.apply(files, validate=command, secrets=("auth.inc",))
    assert "correct-horse-battery" not in str(caught.value)
    assert "********" in str(caught.value)


def test_a_validation_that_hangs_is_ended_with_its_children(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ansible_collections.mailfleet.filter.plugins.module_utils import tree_validation

    monkeypatch.setattr(tree_validation, "TIMEOUT", 0.3)
    with pytest.raises(TreeError, match="timed out"):
        site.apply({"a": "a"}, validate="sh -c 'sleep 600 & sleep 600' %s")
    assert not (site.dest / "a").exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("true", '"%s" .* is missing'),
        ("no-such-program-here %s", "is not installed"),
        ("true '%s", "No closing quotation"),
    ],
)
def test_a_bad_validation_command(site: Site, command: str, words: str) -> None:
    with pytest.raises(TreeError, match=words):
        site.apply({"a": "a"}, validate=command)
    assert not (site.dest / "a").exists()


def fail_at(monkeypatch: pytest.MonkeyPatch, number: int) -> list[str]:
    """Let the placing of the n-th file fail as on a full disk; later ones work again."""
    real: Callable[[str, FileState], None] = tree_overlay.write_state
    placed: list[str] = []

    def write_state(full: str, state: FileState) -> None:
        placed.append(full)
        if len(placed) == number:
            raise OSError(28, "No space left on device", full)
        real(full, state)

    monkeypatch.setattr(tree_overlay, "write_state", write_state)
    return placed


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_all_is_put_back_when_placing_fails(
    site: Site, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    site.apply({"a.conf": "1", "gone.conf": "1"})
    before = site.live()
    generations = sorted(site.state.glob("generations/*"))
    with monkeypatch.context() as patch:
        placed = fail_at(patch, number)
        with pytest.raises(TreeError, match="put back"):
            site.apply({"a.conf": "2", "new.d/b": "2", "stock.conf": "2"})
        assert len(placed) >= number
    assert site.live() == before
    assert not (site.dest / "new.d").exists()
    assert sorted(site.state.glob("generations/*"))[: len(generations)] == generations
    assert site.apply({"a.conf": "2"}).plan.changed_files == ["a.conf"]


def test_check_mode_leaves_nothing_and_tells_all(site: Site, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    outcome = site.apply({"stock.conf": "x", "new.d/b": "b"}, check=True)
    assert outcome.plan.changed_files == ["new.d/b", "stock.conf"]
    assert outcome.validation == "passed"
    assert sorted(tmp_path.rglob("*")) == before
    site.apply({"stock.conf": "x"})
    before = sorted(tmp_path.rglob("*"))
    assert site.roll_back(check=True).plan.changed_files == ["stock.conf"]
    assert sorted(tmp_path.rglob("*")) == before
    assert site.live()["stock.conf"] == "x"


def test_check_mode_before_anything_is_installed(tmp_path: Path) -> None:
    site = Site(tmp_path)
    outcome = site.apply({"a": "a"}, check=True, validate="not-installed %s", owner="nobody-yet")
    assert outcome.plan.changed_files == ["a"]
    assert "not installed" in outcome.validation
    refused = site.apply({"a": "a"}, check=True, validate="false %s")
    assert "may before the first run" in refused.validation
    assert refused.warnings
    assert list(tmp_path.iterdir()) == []


def test_check_mode_refuses_what_a_later_run_would_refuse(site: Site) -> None:
    site.apply({"a": "a"})
    with pytest.raises(TreeError, match="only pretended"):
        site.apply({"a": "b"}, check=True, validate="false %s")


def test_an_unknown_owner_stops_before_anything_changes(site: Site) -> None:
    with pytest.raises(FileAttributeError, match="there is no user 'nobody-yet'"):
        site.apply({"stock.conf": "x"}, owner="nobody-yet")
    assert site.live()["stock.conf"] == "stock\n"


def test_a_directory_made_for_the_tree(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.apply({"sub/a": "a"})
    assert stat.S_IMODE(site.dest.stat().st_mode) == 0o755
    (site.dest / "sub").chmod(0o700)
    outcome = site.apply({"sub/a": "a"})
    assert outcome.plan.changed_files == ["sub/"]
    assert stat.S_IMODE((site.dest / "sub").stat().st_mode) == 0o755


def test_links_that_lead_out_are_refused(site: Site, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (site.dest / "local.d").symlink_to(tmp_path / "outside")
    with pytest.raises(TreeError, match="a link that leads out"):
        site.apply({"local.d/a": "a"})
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_link_in_place_of_a_file_is_replaced_and_comes_back(site: Site, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("untouched")
    (site.dest / "main.cf").symlink_to(target)
    site.apply({"main.cf": "ours"})
    assert target.read_text() == "untouched"
    assert not (site.dest / "main.cf").is_symlink()
    site.roll_back()
    assert (site.dest / "main.cf").readlink() == target


@pytest.mark.parametrize("path", ["foreign.conf/a", "dir"])
def test_what_stands_in_the_way_is_named(site: Site, path: str) -> None:
    (site.dest / "dir").mkdir()
    with pytest.raises(TreeError, match=r"foreign\.conf is not a directory|dir is a directory"):
        site.apply({path: "x", "stock.conf": "x"})
    assert site.live()["stock.conf"] == "stock\n"


def test_a_name_belongs_to_one_directory(site: Site, tmp_path: Path) -> None:
    site.apply({"a": "a"})
    site.dest = tmp_path / "elsewhere"
    with pytest.raises(TreeError, match="give this one another name"):
        site.apply({"a": "a"})


def test_two_runs_at_once(site: Site) -> None:
    from ansible_collections.mailfleet.filter.plugins.module_utils.tree_state import TreeStore

    with (
        TreeStore(str(site.state)).locked(),
        pytest.raises(TreeError, match="another run works on"),
    ):
        site.apply({"a": "a"})


def test_nothing_is_copied_where_nothing_validates(site: Site) -> None:
    """A unit directory or /etc itself may be large; copying it would be for nobody."""
    os.mkfifo(site.dest / "pipe")
    (site.dest / "large").write_bytes(b"\0" * 1024)
    os.truncate(site.dest / "large", 100 << 20)  # sparse, more than may be staged
    assert site.apply({"a": "a"}, validate=None).validation == "no command given"
    with pytest.raises(TreeError, match="too large"):
        site.apply({"a": "b"})


def test_the_memory_is_for_its_owner_only(site: Site) -> None:
    site.apply({"auth.inc": "password"}, secrets=("auth.inc",))
    assert stat.S_IMODE(site.state.stat().st_mode) == 0o700
    for path in site.state.rglob("*"):
        assert path.is_dir() or path.name == "lock" or stat.S_IMODE(path.stat().st_mode) == 0o600


def test_diffs_show_text_but_no_secret_and_nothing_binary(site: Site) -> None:
    site.apply({"a.conf": "one\n", "auth.inc": "old-password", "b.bin": "x"}, secrets=("auth.inc",))
    files = {"a.conf": "two\n", "auth.inc": "new-password", "b.bin": "\0"}
    entries = diff_entries("/etc/x", site.apply(files, check=True, mode=0o600).plan)
    assert entries[0]["before"] == "one\n"
    assert entries[0]["after"] == "two\n"
    assert entries[1]["before"].endswith("mode 0640\n")
    assert entries[1]["after"].endswith("mode 0600\n")
    text = str(entries)
    assert "password" not in text
    assert "auth.inc changes (secret" in text
    assert "b.bin changes (binary" in text
