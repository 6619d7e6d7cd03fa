"""What would change: compares wanted files with the live ones; changes nothing."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import (
    FileState,
    TreeError,
    WantedFile,
)

# Stands for an owner or group that a run in check mode cannot know yet: never equal to a real one.
UNKNOWN_ID = -1


@dataclass(frozen=True)
class Attributes:
    """Permission bits and ids, of a directory here."""

    mode: int
    uid: int
    gid: int


@dataclass
class Plan:
    """Paths with their state before and after, and directories whose attributes change."""

    before: dict[str, FileState] = field(default_factory=dict)
    after: dict[str, FileState] = field(default_factory=dict)
    directories: list[str] = field(default_factory=list)
    secret: set[str] = field(default_factory=set)

    @property
    def changed_files(self) -> list[str]:
        """Files that come or change, and directories (with a slash) whose attributes change."""
        files = [path for path in self._differing() if self.after[path].kind != "absent"]
        return sorted([*files, *(f"{path}/" for path in self.directories)])

    @property
    def removed_files(self) -> list[str]:
        """Files that go."""
        return sorted(path for path in self._differing() if self.after[path].kind == "absent")

    @property
    def changed(self) -> bool:
        """Whether anything changes."""
        return bool(self.directories) or any(True for _ in self._differing())

    def _differing(self) -> Iterable[str]:
        return (path for path, after in self.after.items() if after != self.before[path])


class Owners:
    """Looks up user and group names once; in check mode an unknown one only counts as a change."""

    def __init__(self, *, check_mode: bool) -> None:
        self._check_mode = check_mode
        self._known: dict[tuple[str, str], int] = {}

    def uid(self, name: str) -> int:
        """Return the user id of a name or number; raises `TreeError` for an unknown user."""
        return self._id("user", name)

    def gid(self, name: str) -> int:
        """Return the group id of a name or number; raises `TreeError` for an unknown group."""
        return self._id("group", name)

    def _id(self, kind: str, name: str) -> int:
        key = (kind, name)
        if key not in self._known:
            self._known[key] = self._look_up(kind, name)
        return self._known[key]

    def _look_up(self, kind: str, name: str) -> int:
        try:
            return pwd.getpwnam(name).pw_uid if kind == "user" else grp.getgrnam(name).gr_gid
        except KeyError:
            if name.isascii() and name.isdigit():
                return int(name)
            if self._check_mode:
                return UNKNOWN_ID
            raise TreeError(
                f"there is no {kind} {name!r} on this host: create it before its files"
            ) from None

    def state(self, wanted: WantedFile) -> FileState:
        """Return the state a wanted file shall have."""
        uid, gid = self.uid(wanted.owner), self.gid(wanted.group)
        return FileState("file", wanted.mode, uid, gid, wanted.content)
