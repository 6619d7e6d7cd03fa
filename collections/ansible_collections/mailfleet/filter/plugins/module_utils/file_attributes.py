"""Owners, groups and modes of files as playbooks write them."""

from __future__ import annotations

import grp
import pwd
import re

# Stands for an owner or group that a run in check mode cannot know yet: equal to no real one.
UNKNOWN_ID = -1
_MODE = re.compile(r"0?[0-7]{3,4}\Z")


class FileAttributeError(ValueError):
    """An owner, group or mode cannot be used; the message says which and what to do."""


def read_mode(value: object, option: str) -> int:
    """Return permission bits of a quoted octal mode; refuses a number, which YAML may misread."""
    if not isinstance(value, str):
        raise FileAttributeError(f'{option} is the number {value!r}: quote it, as in "0640"')
    if not _MODE.match(value):
        raise FileAttributeError(
            f'{option} {value!r} is not a mode: write it in octal, as in "0640"'
        )
    return int(value, 8)


class Owners:
    """Looks up user and group names once; in check mode an unknown one only counts as a change."""

    def __init__(self, *, check_mode: bool) -> None:
        self._check_mode = check_mode
        self._known: dict[tuple[str, str], int] = {}

    def uid(self, name: str) -> int:
        """Return the id of a user (or number); raises `FileAttributeError` for an unknown one."""
        return self._id("user", name)

    def gid(self, name: str) -> int:
        """Return the id of a group (or number); raises `FileAttributeError` for an unknown one."""
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
            raise FileAttributeError(
                f"there is no {kind} {name!r} on this host: create it before its files"
            ) from None
