"""A tree whose directory is all its own: generations beside it, a link swapped by rename(2)."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Mapping

from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import (
    ABSENT,
    MAX_TREE_BYTES,
    MAX_TREE_ENTRIES,
    FileState,
    TreeError,
    parents,
    read_state,
    sync_directory,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_plan import Attributes, Plan
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_staging import (
    build_tree,
    staging_directory,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_state import TreeFacts


class ExclusiveTree:
    """Plans, stages and swaps whole trees; `facts.dest` is a link to the current generation."""

    def __init__(self, facts: TreeFacts, directory: Attributes | None) -> None:
        self._facts = facts
        self._directory = directory
        self.dest = facts.dest
        parent, name = os.path.split(self.dest)
        # Beside the link: rename(2) needs one file system, and services must get through.
        self._root = os.path.join(parent, f".{name}.generations")
        if os.path.islink(self.dest):
            target = os.path.join(parent, os.readlink(self.dest))
            if os.path.dirname(os.path.normpath(target)) != self._root:
                raise TreeError(f"{self.dest} is a link this module did not make: remove it")
        elif os.path.lexists(self.dest) and not os.path.isdir(self.dest):
            raise TreeError(f"{self.dest} is not a directory")

    def numbers(self) -> list[int]:
        """Return the numbers of the kept generations, ascending."""
        if not os.path.isdir(self._root):
            return []
        return sorted(int(name) for name in os.listdir(self._root) if name.isdigit())

    def current(self) -> int | None:
        """Return the generation the link points to."""
        if not os.path.islink(self.dest):
            return None
        name = os.path.basename(os.readlink(self.dest))
        return int(name) if name.isdigit() else None

    def earlier(self) -> int:
        """Return the generation before the current one; raises `TreeError` if there is none."""
        current = self.current()
        numbers = [one for one in self.numbers() if current is not None and one < current]
        if not numbers:
            raise TreeError(f"no earlier tree of {self.dest} is kept: nothing to roll back to")
        return numbers[-1]

    def generation_path(self, number: int) -> str:
        """Return a generation's directory; raises `TreeError` if it is not kept."""
        if number not in self.numbers():
            kept = ", ".join(map(str, self.numbers())) or "none"
            raise TreeError(f"there is no generation {number} of {self.dest}; kept: {kept}")
        return os.path.join(self._root, str(number))

    def plan(self, wanted: Mapping[str, FileState]) -> Plan:
        """Compare the wanted files with everything in the live directory."""
        live, live_directories = _walk(self.dest)
        plan = self._compare(live, dict(wanted))
        needed = {parent for path in wanted for parent in parents(path)}
        for path, attributes in live_directories.items():
            if path in wanted:
                plan.before[path] = FileState("other")
            elif path != "." and path not in needed:
                plan.before[path], plan.after[path] = FileState("other"), ABSENT
            elif self._directory is not None and attributes != self._directory:
                plan.directories.append(path)
        return plan

    def plan_roll_back(self, number: int) -> Plan:
        """Compare a kept generation with the live directory."""
        live, _ = _walk(self.dest)
        wanted, _ = _walk(self.generation_path(number))
        return self._compare(live, wanted)

    def _compare(self, live: dict[str, FileState], wanted: dict[str, FileState]) -> Plan:
        before = {path: live.get(path, ABSENT) for path in {*live, *wanted}}
        after = {path: wanted.get(path, ABSENT) for path in {*live, *wanted}}
        secret = set(self._facts.secret)
        if not os.path.islink(self.dest):
            # Foreign files on their way out may be keys; nobody has named them secret.
            secret |= live.keys() - wanted.keys()
        return Plan(before, after, [], secret)

    @contextlib.contextmanager
    def staged(self, plan: Plan, *, check_mode: bool) -> Iterator[str]:
        """Give the whole new tree, not yet linked."""
        if not check_mode:
            os.makedirs(self._root, exist_ok=True)
            os.chmod(self._root, 0o711)  # noqa: S103 - services pass through to their own tree
        files = {path: state for path, state in plan.after.items() if state.kind == "file"}
        directory = self._directory or Attributes(0o755, os.geteuid(), os.getegid())
        with staging_directory(None if check_mode else self._root) as path:
            build_tree(path, files, directory)
            yield path

    @contextlib.contextmanager
    def staged_roll_back(
        self,
        plan: Plan,  # noqa: ARG002 - the shared tree needs it
        number: int,
        *,
        check_mode: bool,  # noqa: ARG002 - nothing is staged, the tree is there
    ) -> Iterator[str]:
        """Give the kept tree itself; a validation command only reads."""
        yield self.generation_path(number)

    def commit(self, plan: Plan, staged: str) -> int:  # noqa: ARG002 - as the other tree's
        """Make a staged tree the live one; returns its number."""
        number = max(self.numbers(), default=0) + 1
        adopts = os.path.isdir(self.dest) and not os.path.islink(self.dest)
        if adopts and self.numbers():
            number += 1
        target = os.path.join(self._root, str(number))
        os.rename(staged, target)
        try:
            self._swap(number, adopt_as=(number - 1) if adopts else None)
        except BaseException as error:
            shutil.rmtree(target, ignore_errors=True)
            if isinstance(error, OSError):
                raise TreeError(f"{error}: {self.dest} is as it was") from error
            raise
        return number

    def commit_roll_back(self, plan: Plan, number: int) -> None:  # noqa: ARG002 - as the other tree's
        """Make a kept generation the live one."""
        if number != self.current():
            self._swap(number, adopt_as=None)

    def remember(self, wanted: Mapping[str, FileState]) -> int | None:  # noqa: ARG002 - see above
        """Return the current generation: the directory itself is the memory."""
        return self.current()

    def _swap(self, number: int, *, adopt_as: int | None) -> None:
        link = os.path.join(self._root, ".link")
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(os.path.join(os.path.basename(self._root), str(number)), link)
        aside = None if adopt_as is None else os.path.join(self._root, str(adopt_as))
        if aside is not None:
            _move_aside(self.dest, aside)
        try:
            os.rename(link, self.dest)
        except OSError:
            if aside is not None:
                _move_aside(aside, self.dest)
            raise
        sync_directory(self._root)
        sync_directory(os.path.dirname(self.dest))

    def prune(self, keep: int) -> None:
        """Keep a first directory that was found (0), the current generation and `keep` others."""
        others = [one for one in self.numbers() if one not in (0, self.current())]
        for number in others[: max(len(others) - keep, 0)]:
            shutil.rmtree(os.path.join(self._root, str(number)))


def _move_aside(source: str, target: str) -> None:
    """Rename a directory; where an overlay file system refuses, copy it and then remove it."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        try:
            shutil.copytree(source, target, symlinks=True, copy_function=_copy_with_owner)
            _own_directories(source, target)
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        shutil.rmtree(source)


def _copy_with_owner(source: str, target: str) -> None:
    shutil.copy2(source, target, follow_symlinks=False)
    info = os.lstat(source)
    os.chown(target, info.st_uid, info.st_gid, follow_symlinks=False)


def _own_directories(source: str, target: str) -> None:
    for directory, _, _ in os.walk(source):
        info = os.stat(directory)
        os.chown(target + directory.removeprefix(source), info.st_uid, info.st_gid)


def _walk(root: str) -> tuple[dict[str, FileState], dict[str, Attributes]]:
    """Return all files and directories below a directory (absent: none); bounded."""
    files: dict[str, FileState] = {}
    directories: dict[str, Attributes] = {}
    real = os.path.realpath(root)
    octets = 0
    for directory, names, file_names in os.walk(real):
        relative = os.path.relpath(directory, real)
        info = os.stat(directory)
        directories[relative] = Attributes(info.st_mode & 0o7777, info.st_uid, info.st_gid)
        links = [name for name in names if os.path.islink(os.path.join(directory, name))]
        for name in [*file_names, *links]:
            path = os.path.normpath(os.path.join(relative, name))
            files[path] = read_state(os.path.join(directory, name))
            octets += len(files[path].content)
        if len(files) + len(directories) > MAX_TREE_ENTRIES or octets > MAX_TREE_BYTES:
            raise TreeError(
                f"{root} holds more than {MAX_TREE_ENTRIES} files or {MAX_TREE_BYTES >> 20} MiB:"
                " is exclusive meant?"
            )
    return files, directories
