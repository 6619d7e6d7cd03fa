"""A tree with a directory of its own: whole generations behind a link."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils import tree_generations
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_apply import (
    Outcome,
    Request,
    TreeRun,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_diff import diff_entries
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import (
    TreeError,
    WantedFile,
)

ME, GROUP = str(os.getuid()), str(os.getgid())


class Site:
    """One exclusive tree in a temporary directory."""

    def __init__(self, root: Path) -> None:
        self.dest = root / "etc" / "engine"
        self.dest.parent.mkdir()
        self.root = root / "etc" / ".engine.generations"
        self.keep = 5
        self._state = root / "state" / "tree"

    def apply(
        self, files: dict[str, str], *, check: bool = False, validate: str | None = "true %s"
    ) -> Outcome:
        wanted = {
            path: WantedFile(path, text.encode(), 0o640, ME, GROUP) for path, text in files.items()
        }
        request = Request(
            str(self._state), str(self.dest), True, validate, self.keep, check, ME, GROUP, 0o750
        )
        return TreeRun(request).apply(wanted)

    def roll_back(self, generation: int | None = None) -> Outcome:
        return TreeRun(Request(str(self._state), None, None, None, self.keep, False)).roll_back(
            generation
        )

    def live(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.dest)): path.read_text()
            for path in sorted(self.dest.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_link_to_a_generation(site: Site) -> None:
    outcome = site.apply({"a.conf": "1", "local.d/b": "1"})
    assert outcome.generation == 1
    assert os.readlink(site.dest) == ".engine.generations/1"
    assert site.live() == {"a.conf": "1", "local.d/b": "1"}
    assert stat.S_IMODE((site.dest / "local.d").stat().st_mode) == 0o750
    assert not site.apply({"a.conf": "1", "local.d/b": "1"}).plan.changed
    assert site.apply({"a.conf": "2"}).plan.removed_files == ["local.d", "local.d/b"]


def test_unknown_files_go_with_the_next_run(site: Site) -> None:
    site.apply({"a.conf": "1"})
    (site.dest / "stray.conf").write_text("x")
    (site.dest / "stray.d").mkdir()
    outcome = site.apply({"a.conf": "1"})
    assert outcome.plan.removed_files == ["stray.conf", "stray.d"]
    text = str(diff_entries("/etc/engine", outcome.plan))
    assert "directory /etc/engine/stray.d goes away" in text
    assert site.live() == {"a.conf": "1"}
    site.roll_back()
    assert site.live() == {"a.conf": "1", "stray.conf": "x"}


def test_a_mode_or_a_directory_changed_by_hand_is_a_change(site: Site) -> None:
    site.apply({"a.conf": "1", "local.d/b": "1"})
    (site.dest / "a.conf").chmod(0o644)
    (site.dest / "local.d").chmod(0o755)
    outcome = site.apply({"a.conf": "1", "local.d/b": "1"})
    assert outcome.plan.changed_files == ["a.conf", "local.d/"]
    assert stat.S_IMODE((site.dest / "local.d").stat().st_mode) == 0o750


def test_a_directory_that_was_there_is_kept_as_generation_0(site: Site) -> None:
    site.dest.mkdir()
    (site.dest / "key").write_text("private, nobody named it")
    outcome = site.apply({"a.conf": "1"})
    assert "nobody named it" not in str(diff_entries("/etc/engine", outcome.plan))
    assert (site.root / "0" / "key").exists()
    site.keep = 1
    for text in "2345":
        site.apply({"a.conf": text})
    assert sorted(path.name for path in site.root.iterdir()) == ["0", "4", "5"]
    site.roll_back(0)
    assert site.live() == {"key": "private, nobody named it"}


def test_a_directory_that_cannot_be_renamed_is_copied(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overlay file systems refuse to rename a directory of a lower layer (EXDEV)."""
    site.dest.mkdir()
    (site.dest / "old.conf").write_text("old")
    (site.dest / "old.conf").chmod(0o604)
    real = os.rename

    def rename(source: str, target: str) -> None:
        if source == str(site.dest):
            raise OSError(18, "Invalid cross-device link", source)
        real(source, target)

    monkeypatch.setattr(tree_generations.os, "rename", rename)
    site.apply({"a.conf": "1"})
    assert site.live() == {"a.conf": "1"}
    kept = site.root / "0" / "old.conf"
    assert (kept.read_text(), stat.S_IMODE(kept.stat().st_mode)) == ("old", 0o604)


def test_all_is_as_it_was_when_the_swap_fails(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.dest.mkdir()
    (site.dest / "old.conf").write_text("old")
    real = os.rename

    def rename(source: str, target: str) -> None:
        if source.endswith("/.link"):
            raise OSError(28, "No space left on device", source)
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(tree_generations.os, "rename", rename)
        with pytest.raises(TreeError, match="is as it was"):
            site.apply({"a.conf": "1"})
    assert site.live() == {"old.conf": "old"}
    assert site.apply({"a.conf": "1"}).plan.changed
    assert (site.root / "0" / "old.conf").exists()


def test_a_failing_validation_leaves_no_trace(site: Site) -> None:
    site.apply({"a.conf": "1"})
    with pytest.raises(TreeError, match="not valid"):
        site.apply({"a.conf": "2"}, validate="grep -rq 1 %s")
    assert site.live() == {"a.conf": "1"}
    assert sorted(path.name for path in site.root.iterdir()) == ["1"]


def test_check_mode_leaves_nothing(site: Site) -> None:
    assert site.apply({"a.conf": "1"}, check=True).plan.changed_files == ["a.conf"]
    assert list(site.dest.parent.iterdir()) == []


def test_a_link_of_somebody_else_is_refused(site: Site, tmp_path: Path) -> None:
    site.dest.symlink_to(tmp_path)
    with pytest.raises(TreeError, match="did not make"):
        site.apply({"a.conf": "1"})


def test_a_directory_becomes_a_file(site: Site) -> None:
    site.apply({"a": "file", "b/c": "1"})
    site.apply({"a/x": "1", "b": "file"})
    assert site.live() == {"a/x": "1", "b": "file"}


def test_a_reader_never_sees_half_a_tree(site: Site) -> None:
    """Every file of a tree opened through one directory handle is of one generation."""
    names = [f"{number}.conf" for number in range(20)]
    site.apply(dict.fromkeys(names, "0"))
    seen: set[frozenset[str]] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            handle = os.open(site.dest, os.O_RDONLY | os.O_DIRECTORY)
            try:
                texts = set()
                for name in names:
                    with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=handle)) as stream:
                        texts.add(stream.read())
                seen.add(frozenset(texts))
            finally:
                os.close(handle)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for text in "12345":
            site.apply(dict.fromkeys(names, text))
    finally:
        stop.set()
        reader.join()
    assert seen
    assert all(len(texts) == 1 for texts in seen)
