"""The memory of a tree on its host: what was placed, what was there before, and a lock.

    NAME/state.json              what the tree is for, the current generation, directories made
    NAME/generations/N.json      path -> state; content is named by its SHA-256
    NAME/objects/SHA256          content, shared by generations

A generation mentions the paths it knows. What a path was in generation N stands in the first
generation from N on that mentions it: so a file that became ours in generation 5 has what was there
before noted in generation 4, and a roll-back to generation 2 finds it there.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import (
    ABSENT,
    FileState,
    TreeError,
    write_state,
)


@dataclass(frozen=True)
class Entry:
    """A path in a generation: its state, and whether the tree rendered it (or found it there)."""

    state: FileState
    ours: bool


@dataclass
class Generation:
    """One state of the tree: `entries` by path, `time` in seconds since the epoch."""

    number: int
    entries: dict[str, Entry]
    time: float

    @property
    def ours(self) -> dict[str, FileState]:
        """The files the tree rendered."""
        return {path: entry.state for path, entry in self.entries.items() if entry.ours}


@dataclass
class TreeFacts:
    """What a tree is for. A roll-back takes `validate` and the rest from here."""

    dest: str
    exclusive: bool
    validate: str | None = None
    current: int | None = None
    directories: list[str] = field(default_factory=list)
    secret: list[str] = field(default_factory=list)


class TreeStore:
    """Reads and writes a tree's state directory."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._generations: dict[int, Generation] = {}

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the tree's lock; raises `TreeError` if another run holds it."""
        for path in (self.directory, self._path("generations"), self._path("objects")):
            os.makedirs(path, mode=0o700, exist_ok=True)
        with open(self._path("lock"), "a", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TreeError(f"another run works on {self.directory}: try again later") from None
            yield

    def facts(self) -> TreeFacts | None:
        """Return what is known of the tree; None before its first run."""
        data = self._read_json("state.json")
        return None if data is None else TreeFacts(**data)

    def write_facts(self, facts: TreeFacts) -> None:
        """Put the facts on the disk."""
        self._write_json("state.json", asdict(facts))

    def numbers(self) -> list[int]:
        """Return the numbers of the kept generations, ascending."""
        try:
            names = os.listdir(self._path("generations"))
        except FileNotFoundError:
            return []
        stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
        return sorted(int(stem) for stem in stems if stem.isdigit())

    def generation(self, number: int) -> Generation:
        """Return a kept generation; raises `TreeError` if there is none of that number."""
        if number in self._generations:
            return self._generations[number]
        data = self._read_json(f"generations/{number}.json")
        if data is None:
            kept = ", ".join(map(str, self.numbers())) or "none"
            raise TreeError(f"there is no generation {number} in {self.directory}; kept: {kept}")
        entries = {path: self._entry(row) for path, row in data["entries"].items()}
        self._generations[number] = Generation(number, entries, data["time"])
        return self._generations[number]

    def add(self, entries: dict[str, Entry]) -> Generation:
        """Write a new generation with the next number."""
        number = max(self.numbers(), default=-1) + 1
        generation = Generation(number, entries, time.time())
        self.write(generation)
        return generation

    def write(self, generation: Generation) -> None:
        """Put a generation on the disk, its content first."""
        rows = {path: self._row(entry) for path, entry in generation.entries.items()}
        data = {"time": generation.time, "entries": rows}
        self._write_json(f"generations/{generation.number}.json", data)
        self._generations[generation.number] = generation

    def remove(self, number: int) -> None:
        """Forget a generation."""
        self._generations.pop(number, None)
        os.unlink(self._path(f"generations/{number}.json"))

    def state_in(self, path: str, number: int) -> FileState:
        """Return what a path was in a generation (see the module's text)."""
        for later in self.numbers():
            if later >= number:
                entry = self.generation(later).entries.get(path)
                if entry is not None:
                    return entry.state
        return ABSENT

    def known_paths(self) -> set[str]:
        """Return every path some generation mentions."""
        return {path for number in self.numbers() for path in self.generation(number).entries}

    def prune(self, keep: int, current: int) -> None:
        """Keep the first generation (what was found), the current one and `keep` others, newest."""
        numbers = self.numbers()
        others = [number for number in numbers[1:] if number != current]
        for number in others[: max(len(others) - keep, 0)]:
            self._hand_down(number)
            self.remove(number)
        self._collect()

    def _hand_down(self, number: int) -> None:
        """Note what only this generation knows in the one before, which looks it up here."""
        before = self.generation(max(one for one in self.numbers() if one < number))
        going = self.generation(number)
        missing = {
            p: Entry(e.state, False) for p, e in going.entries.items() if p not in before.entries
        }
        if missing:
            before.entries.update(missing)
            self.write(before)

    def _collect(self) -> None:
        """Remove content no generation names."""
        used: set[str] = set()
        for number in self.numbers():
            data = self._read_json(f"generations/{number}.json") or {"entries": {}}
            used.update(row["sha256"] for row in data["entries"].values() if "sha256" in row)
        for name in set(os.listdir(self._path("objects"))) - used:
            os.unlink(self._path(f"objects/{name}"))

    def _row(self, entry: Entry) -> dict[str, Any]:
        state = entry.state
        row: dict[str, Any] = {"kind": state.kind, "ours": entry.ours}
        if state.kind != "absent":
            row.update(mode=state.mode, uid=state.uid, gid=state.gid)
        if state.kind == "link":
            row["target"] = state.target
        if state.kind == "file":
            digest = hashlib.sha256(state.content).hexdigest()
            row["sha256"] = digest
            full = self._path(f"objects/{digest}")
            if not os.path.exists(full):
                content = FileState("file", 0o600, os.geteuid(), os.getegid(), state.content)
                write_state(full, content)
        return row

    def _entry(self, row: dict[str, Any]) -> Entry:
        content = b""
        if "sha256" in row:
            with open(self._path(f"objects/{row['sha256']}"), "rb") as stream:
                content = stream.read()
            if hashlib.sha256(content).hexdigest() != row["sha256"]:
                raise TreeError(f"{self._path('objects')}/{row['sha256']} is damaged")
        numbers = (row.get("mode", 0), row.get("uid", 0), row.get("gid", 0))
        state = FileState(row["kind"], *numbers, content=content, target=row.get("target", ""))
        return Entry(state, row["ours"])

    def _path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def _read_json(self, name: str) -> dict[str, Any] | None:
        try:
            with open(self._path(name), encoding="utf-8") as stream:
                data: dict[str, Any] = json.load(stream)
        except FileNotFoundError:
            return None
        except ValueError as error:
            fix = "remove the file to begin anew"
            raise TreeError(f"{self._path(name)} is damaged: {error}; {fix}") from error
        return data

    def _write_json(self, name: str, data: dict[str, Any]) -> None:
        content = json.dumps(data, indent=1, sort_keys=True).encode()
        state = FileState("file", 0o600, os.geteuid(), os.getegid(), content)
        write_state(self._path(name), state)
