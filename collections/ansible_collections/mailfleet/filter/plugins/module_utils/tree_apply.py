"""Brings a tree to what is wanted, or back to what it was: plan, stage, validate, swap, note."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from typing import Protocol

from ansible_collections.mailfleet.filter.plugins.module_utils.file_attributes import Owners
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import (
    FileState,
    TreeError,
    WantedFile,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_generations import (
    ExclusiveTree,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_overlay import OverlayTree
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_plan import (
    Attributes,
    Plan,
    wanted_state,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_state import (
    TreeFacts,
    TreeStore,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_validation import (
    CommandMissing,
    ValidationFailed,
    validate,
)

NOT_VALIDATED = "nothing to validate"


class Tree(Protocol):
    """The two ways of having files on a host: `OverlayTree` and `ExclusiveTree`."""

    def plan(self, wanted: Mapping[str, FileState]) -> Plan:
        """Compare the wanted files with the live ones."""

    def plan_roll_back(self, number: int) -> Plan:
        """Compare a kept generation with the live files."""

    def earlier(self) -> int:
        """Return the generation before the current one."""

    def staged(self, plan: Plan, *, check_mode: bool) -> AbstractContextManager[str]:
        """Give a directory with what the live one would be."""

    def staged_roll_back(
        self, plan: Plan, number: int, *, check_mode: bool
    ) -> AbstractContextManager[str]:
        """Give a directory with what the live one would be after a roll-back."""

    def commit(self, plan: Plan, staged: str) -> int:
        """Make the plan live; returns the new generation."""

    def commit_roll_back(self, plan: Plan, number: int) -> None:
        """Make a kept generation live."""

    def remember(self, wanted: Mapping[str, FileState]) -> int | None:
        """Note that the wanted files are live already; returns the generation."""

    def prune(self, keep: int) -> None:
        """Forget old generations."""


@dataclass(frozen=True)
class Request:
    """What a run asks for. `dest`, `exclusive` and `validate` None: as in the last run."""

    state_directory: str
    dest: str | None
    exclusive: bool | None
    validate: str | None
    keep: int
    check_mode: bool
    directory_owner: str = "root"
    directory_group: str = "root"
    directory_mode: int = 0o755


@dataclass
class Outcome:
    """What a run did, or in check mode would do; `validation` says how the staged tree fared."""

    dest: str
    plan: Plan
    generation: int | None
    validation: str = NOT_VALIDATED
    warnings: list[str] = field(default_factory=list)


class TreeRun:
    """One run over one tree.

    Raises `TreeError`, `FileAttributeError` or OSError; then nothing on the host has changed.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._store = TreeStore(request.state_directory)
        self._first = True
        self._warnings: list[str] = []

    def apply(self, files: Mapping[str, WantedFile]) -> Outcome:
        """Place the wanted files."""
        with self._lock():
            facts = self._facts()
            before = asdict(facts)
            owners = Owners(check_mode=self._request.check_mode)
            wanted = {path: wanted_state(one, owners) for path, one in files.items()}
            # A path that was secret once stays masked: kept trees still hold its content.
            facts.secret = sorted({*facts.secret, *(p for p, one in files.items() if one.secret)})
            directory = Attributes(
                self._request.directory_mode,
                owners.uid(self._request.directory_owner),
                owners.gid(self._request.directory_group),
            )
            tree = self._tree(facts, directory)
            plan = tree.plan(wanted)
            outcome = Outcome(facts.dest, plan, facts.current, warnings=self._warnings)
            if plan.changed:
                with tree.staged(plan, check_mode=self._request.check_mode) as staged:
                    outcome.validation = self._validate(facts, staged, plan)
                    if not self._request.check_mode:
                        facts.current = tree.commit(plan, staged)
            elif not self._request.check_mode:
                facts.current = tree.remember(wanted)
            self._finish(tree, facts, before, outcome)
            return outcome

    def roll_back(self, generation: int | None) -> Outcome:
        """Bring back a kept generation; None: the one before the current."""
        with self._lock():
            facts = self._facts()
            before = asdict(facts)
            tree = self._tree(facts, None)
            number = tree.earlier() if generation is None else generation
            plan = tree.plan_roll_back(number)
            outcome = Outcome(facts.dest, plan, facts.current, warnings=self._warnings)
            with tree.staged_roll_back(plan, number, check_mode=self._request.check_mode) as staged:
                outcome.validation = self._validate(facts, staged, plan)
            if not self._request.check_mode:
                tree.commit_roll_back(plan, number)
                facts.current = number
            self._finish(tree, facts, before, outcome)
            outcome.generation = number
            return outcome

    def _tree(self, facts: TreeFacts, directory: Attributes | None) -> Tree:
        if facts.exclusive:
            return ExclusiveTree(facts, directory)
        return OverlayTree(self._store, facts, directory)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the lock; check mode leaves nothing on the host, so it goes without."""
        with contextlib.nullcontext() if self._request.check_mode else self._store.locked():
            yield

    def _facts(self) -> TreeFacts:
        """Return what the tree is for: from the request, else as remembered."""
        known, request = self._store.facts(), self._request
        self._first = known is None
        if known is None:
            if request.dest is None:
                where = self._store.directory
                raise TreeError(
                    f"nothing is known of this tree in {where}: it was never placed here"
                )
            exclusive = bool(request.exclusive)
            return TreeFacts(os.path.normpath(request.dest), exclusive, request.validate)
        dest = known.dest if request.dest is None else os.path.normpath(request.dest)
        exclusive = known.exclusive if request.exclusive is None else request.exclusive
        if (dest, exclusive) != (known.dest, known.exclusive):
            raise TreeError(
                f"the tree in {self._store.directory} is for {known.dest}"
                f" (exclusive: {str(known.exclusive).lower()}): give this one another name"
            )
        if request.validate is not None or request.dest is not None:
            known.validate = request.validate
        return known

    def _validate(self, facts: TreeFacts, staged: str, plan: Plan) -> str:
        if not facts.validate:
            return "no command given"
        try:
            validate(
                facts.validate, staged, facts.dest, plan.after, plan.secret | set(facts.secret)
            )
        except CommandMissing as error:
            if not self._request.check_mode:
                raise
            return f"skipped in check mode: {error}"
        except ValidationFailed as error:
            if not self._request.check_mode:
                raise
            if not self._first:
                hint = "in check mode a cause may be an earlier task that only pretended"
                raise TreeError(f"{error}\n({hint})") from error
            # Before the first run, what earlier tasks only pretended to do is missing here.
            self._warnings.append(f"check mode before the first run: {error}")
            return "failed, as it may before the first run"
        return "passed"

    def _finish(
        self, tree: Tree, facts: TreeFacts, before: dict[str, object], outcome: Outcome
    ) -> None:
        """Remember the facts, and forget trees older than the kept ones."""
        if self._request.check_mode:
            return
        outcome.generation = facts.current
        if asdict(facts) != before or self._first:
            self._store.write_facts(facts)
            tree.prune(self._request.keep)
