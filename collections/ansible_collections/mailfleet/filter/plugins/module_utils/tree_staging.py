"""Builds staged trees: a copy of the live directory, or a tree from nothing but its files."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping

from ansible_collections.mailfleet.filter.plugins.module_utils.file_attributes import UNKNOWN_ID
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import (
    MAX_TREE_BYTES,
    MAX_TREE_ENTRIES,
    FileState,
    TreeError,
    parents,
    read_state,
    write_file,
    write_state,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_plan import Attributes

STAGING_PREFIX = ".staging-"


@contextlib.contextmanager
def staging_directory(parent: str | None) -> Iterator[str]:
    """Give a new directory that is gone afterwards unless it was renamed; None: a temporary one."""
    if parent is not None:
        clear_staging(parent)
    path = tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=parent)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def clear_staging(parent: str) -> None:
    """Remove what crashed runs left; callers hold the tree's lock."""
    for name in os.listdir(parent):
        if name.startswith(STAGING_PREFIX):
            shutil.rmtree(os.path.join(parent, name))


def known_ids(state: FileState) -> FileState:
    """Return the state with our own ids in place of those check mode cannot know."""
    uid = os.geteuid() if state.uid == UNKNOWN_ID else state.uid
    gid = os.getegid() if state.gid == UNKNOWN_ID else state.gid
    return FileState(state.kind, state.mode, uid, gid, state.content, state.target)


def make_directory(path: str, attributes: Attributes) -> None:
    """Create a directory with owner and mode."""
    os.mkdir(path, 0o700)
    set_attributes(path, attributes)


def set_attributes(path: str, attributes: Attributes) -> None:
    """Set owner and mode of a directory; ids unknown in check mode stay."""
    os.chown(path, attributes.uid, attributes.gid)  # -1 (UNKNOWN_ID) means unchanged, chown(2)
    os.chmod(path, attributes.mode)


def build_tree(staged: str, files: Mapping[str, FileState], directory: Attributes) -> None:
    """Fill an empty directory with the files, their directories and attributes."""
    for path in sorted({parent for file in files for parent in parents(file)}):
        make_directory(os.path.join(staged, path), directory)
    for path, state in files.items():
        write_file(os.path.join(staged, path), known_ids(state))
    set_attributes(staged, directory)


def overlay_tree(
    live: str, staged: str, after: Mapping[str, FileState], directory: Attributes
) -> None:
    """Copy the live directory (it may be absent) and bring paths into their new states."""
    if os.path.isdir(live):
        _Copier(live, staged).copy()
    for path, state in after.items():
        for parent in parents(path):
            full = os.path.join(staged, parent)
            if state.kind != "absent" and not os.path.isdir(full):
                make_directory(full, directory)
        full = os.path.join(staged, path)
        if state.kind != "absent" or os.path.lexists(full):
            write_state(full, known_ids(state))


class _Copier:
    """Copies regular files, links and directories with owner and mode; bounded."""

    def __init__(self, live: str, staged: str) -> None:
        self._live = os.path.realpath(live)
        self._staged = staged
        self._entries = 0
        self._octets = 0

    def copy(self) -> None:
        """Copy everything below the live directory; sockets, pipes and devices are left out."""
        self._directory("")

    def _directory(self, relative: str) -> None:
        source, target = os.path.join(self._live, relative), os.path.join(self._staged, relative)
        with os.scandir(source) as scan:
            found = sorted(scan, key=lambda one: one.name)
        for one in found:
            path = os.path.join(relative, one.name)
            self._entries += 1
            if one.is_dir(follow_symlinks=False):
                os.mkdir(os.path.join(self._staged, path), 0o700)
                self._directory(path)
            else:
                self._file(path)
            if self._entries > MAX_TREE_ENTRIES or self._octets > MAX_TREE_BYTES:
                raise TreeError(
                    f"{self._live} holds more than {MAX_TREE_ENTRIES} files or"
                    f" {MAX_TREE_BYTES >> 20} MiB: too much to stage; give the tree a directory"
                    " of its own"
                )
        info = os.stat(source)
        os.chown(target, info.st_uid, info.st_gid)
        os.chmod(target, info.st_mode & 0o7777)

    def _file(self, path: str) -> None:
        source, target = os.path.join(self._live, path), os.path.join(self._staged, path)
        state = read_state(source)
        self._octets += len(state.content)
        if state.kind == "file":
            write_file(target, state)
        elif state.kind == "link":
            real = os.path.realpath(source)
            # A relative link out of the tree would point elsewhere from the staged place.
            within = real.startswith(self._live + "/") and not os.path.isabs(state.target)
            os.symlink(state.target if within else real, target)
