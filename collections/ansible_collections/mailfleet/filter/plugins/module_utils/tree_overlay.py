"""A tree in a directory shared with others: only the files it rendered are its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import (
    ABSENT,
    FileState,
    TreeError,
    inside,
    parents,
    read_state,
    sync_directory,
    write_state,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_plan import Attributes, Plan
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_staging import (
    make_directory,
    overlay_tree,
    set_attributes,
    staging_directory,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_state import (
    Entry,
    Generation,
    TreeFacts,
    TreeStore,
)


class OverlayTree:
    """Plans, stages and places files in `facts.dest`, and remembers them in the store."""

    def __init__(self, store: TreeStore, facts: TreeFacts, directory: Attributes | None) -> None:
        self._store = store
        self._facts = facts
        self._directory = directory
        self.dest = facts.dest
        if os.path.islink(self.dest) and not os.path.isdir(self.dest):
            raise TreeError(f"{self.dest} is a link to nothing: remove it")
        if os.path.lexists(self.dest) and not os.path.isdir(self.dest):
            raise TreeError(f"{self.dest} is not a directory")

    @property
    def _current(self) -> Generation | None:
        number = self._facts.current
        return None if number is None else self._store.generation(number)

    def plan(self, wanted: Mapping[str, FileState]) -> Plan:
        """Compare the live files with the wanted ones and those no longer wanted."""
        owned = self._current.ours if self._current else {}
        gone = {path: ABSENT for path in owned if path not in wanted}
        return self._compare({**gone, **wanted})

    def plan_roll_back(self, number: int) -> Plan:
        """Compare what the tree was in a generation with the live files."""
        store, current = self._store, self._facts.current
        ours = store.generation(number).ours
        after = {}
        for path in store.known_paths():
            state = store.state_in(path, number)
            if path in ours or current is None or state != store.state_in(path, current):
                after[path] = state
        return self._compare(after)

    def earlier(self) -> int:
        """Return the generation before the current one; raises `TreeError` if there is none."""
        current = self._facts.current
        numbers = [one for one in self._store.numbers() if current is not None and one < current]
        if not numbers:
            raise TreeError(f"no earlier tree of {self.dest} is kept: nothing to roll back to")
        return numbers[-1]

    def _compare(self, after: Mapping[str, FileState]) -> Plan:
        before = {path: self._live(path, state) for path, state in after.items()}
        return Plan(before, dict(after), self._changed_directories(), set(self._facts.secret))

    def _live(self, path: str, after: FileState) -> FileState:
        for parent in parents(path):
            full = os.path.join(self.dest, parent)
            if os.path.lexists(full) and not os.path.isdir(full) and after.kind != "absent":
                raise TreeError(f"{full} is not a directory, but the tree has {path}: remove it")
        full = inside(self.dest, path)
        state = read_state(full)
        if state.kind == "other":
            raise TreeError(f"{full} is a directory or device where the tree has a file: remove it")
        return state

    def _changed_directories(self) -> list[str]:
        """Return the directories the tree made whose owner or mode is not the wanted one."""
        if self._directory is None:
            return []
        changed = []
        for path in self._facts.directories:
            full = os.path.join(self.dest, path)
            if not os.path.isdir(full):
                continue
            info = os.stat(full)
            if Attributes(info.st_mode & 0o7777, info.st_uid, info.st_gid) != self._directory:
                changed.append(path)
        return changed

    @contextlib.contextmanager
    def staged(self, plan: Plan, *, check_mode: bool) -> Iterator[str]:
        """Give a copy of the live directory with the plan applied."""
        if not self._facts.validate:
            # Nobody would look at the copy, and a shared directory may be large.
            yield self.dest
            return
        parent = None if check_mode else self._store.directory
        with staging_directory(parent) as path:
            overlay_tree(self.dest, path, plan.after, self._new_directory())
            yield path

    def staged_roll_back(
        self,
        plan: Plan,
        number: int,  # noqa: ARG002 - the exclusive tree needs it
        *,
        check_mode: bool,
    ) -> contextlib.AbstractContextManager[str]:
        """Give a copy of the live directory with the generation's files."""
        return self.staged(plan, check_mode=check_mode)

    def _new_directory(self) -> Attributes:
        return self._directory or Attributes(0o755, os.geteuid(), os.getegid())

    def commit(self, plan: Plan, staged: str) -> int:  # noqa: ARG002 - as the other tree's
        """Place a plan of wanted files; returns the new generation's number."""
        self._note_found(plan)
        ours = {path: Entry(state, state.kind != "absent") for path, state in plan.after.items()}
        generation = self._store.add(ours)
        try:
            self._place(plan)
        except BaseException:
            self._store.remove(generation.number)
            raise
        return generation.number

    def commit_roll_back(self, plan: Plan, number: int) -> None:  # noqa: ARG002 - as the other tree's
        """Place a plan of a kept generation."""
        self._note_found(plan)
        self._place(plan)

    def remember(self, wanted: Mapping[str, FileState]) -> int | None:
        """Note that the live files, equal to the wanted ones, are the tree's."""
        if self._current is None or self._current.ours != wanted:
            return self.commit(self.plan(wanted), self.dest)
        return self._facts.current

    def prune(self, keep: int) -> None:
        """Keep what was found first, the current generation and `keep` others."""
        if self._facts.current is not None:
            self._store.prune(keep, self._facts.current)

    def _note_found(self, plan: Plan) -> None:
        """Keep what is there now, unless the current generation says just that already."""
        current = self._current
        if current is None:
            self._store.add({p: Entry(state, False) for p, state in plan.before.items()})
            return
        live = {path: self._live(path, ABSENT) for path in current.ours} | plan.before
        noted = current.entries
        if any(noted[path].state != state for path, state in live.items() if path in noted):
            entries = {p: Entry(s, p in noted and noted[p].ours) for p, s in live.items()}
            self._store.add(entries)
            return
        last = self._store.generation(self._store.numbers()[-1])
        new = [path for path in live if path not in noted and path not in last.entries]
        if new:
            last.entries.update({path: Entry(live[path], False) for path in new})
            self._store.write(last)

    def _place(self, plan: Plan) -> None:
        """Bring every differing path into its new state; puts all back if one fails."""
        made: list[str] = []
        placed: list[str] = []
        try:
            for path in [*plan.changed_files, *plan.removed_files]:
                if path.endswith("/"):
                    set_attributes(os.path.join(self.dest, path), self._new_directory())
                    continue
                if plan.after[path].kind != "absent":
                    self._make_directories(path, made)
                write_state(inside(self.dest, path), plan.after[path])
                placed.append(path)
            for directory in {os.path.dirname(os.path.join(self.dest, path)) for path in placed}:
                sync_directory(directory)
        except BaseException as error:
            self._put_back(plan, placed, made)
            if isinstance(error, OSError):
                raise TreeError(f"{error}: all files of {self.dest} were put back") from error
            raise
        self._facts.directories = sorted({*self._facts.directories, *made})
        self._remove_empty_directories(plan)

    def _make_directories(self, path: str, made: list[str]) -> None:
        if not os.path.isdir(self.dest):
            os.makedirs(os.path.dirname(self.dest), mode=0o755, exist_ok=True)
            make_directory(self.dest, self._new_directory())
            made.append(".")
        for parent in parents(path):
            full = inside(self.dest, parent)
            if not os.path.isdir(full):
                make_directory(full, self._new_directory())
                made.append(parent)

    def _put_back(self, plan: Plan, placed: list[str], made: list[str]) -> None:
        for path in reversed(placed):
            write_state(inside(self.dest, path), plan.before[path])
        for path in reversed(made):
            os.rmdir(os.path.normpath(os.path.join(self.dest, path)))

    def _remove_empty_directories(self, plan: Plan) -> None:
        """Remove directories the tree made that hold nothing any more."""
        needed = {p for path, s in plan.after.items() if s.kind != "absent" for p in parents(path)}
        for path in sorted(self._facts.directories, reverse=True):
            full = os.path.join(self.dest, path)
            if path == "." or path in needed or not os.path.isdir(full) or os.listdir(full):
                continue
            os.rmdir(full)
        self._facts.directories = [
            path for path in self._facts.directories if os.path.isdir(os.path.join(self.dest, path))
        ]
