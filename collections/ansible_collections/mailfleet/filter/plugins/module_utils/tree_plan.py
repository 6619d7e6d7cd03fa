"""What would change: compares wanted files with the live ones; changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.mailfleet.filter.plugins.module_utils.file_attributes import Owners
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import (
    FileState,
    WantedFile,
)


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


def wanted_state(wanted: WantedFile, owners: Owners) -> FileState:
    """Return the state a wanted file shall have; raises `FileAttributeError` for unknown owners."""
    uid, gid = owners.uid(wanted.owner), owners.gid(wanted.group)
    return FileState("file", wanted.mode, uid, gid, wanted.content)
