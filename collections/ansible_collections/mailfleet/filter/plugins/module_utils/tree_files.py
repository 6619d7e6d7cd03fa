"""The files of a configuration tree: what is wanted, what is there, and how it travels.

Used by the action plugin on the controller and by the module on the host; standard library only.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import stat
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

MAX_TREE_BYTES = 64 << 20
MAX_TREE_ENTRIES = 20_000


class TreeError(Exception):
    """A tree cannot be read, staged or placed; the message names the path and the likely fix."""


@dataclass(frozen=True)
class WantedFile:
    """One rendered file: path in the tree, bytes, permission bits, owner and group names."""

    path: str
    content: bytes
    mode: int
    owner: str
    group: str
    secret: bool = False


@dataclass(frozen=True)
class FileState:
    """A path as it is or shall be: `kind` is absent, file, link or other (directory, socket)."""

    kind: str
    mode: int = 0
    uid: int = 0
    gid: int = 0
    content: bytes = b""
    target: str = ""


ABSENT = FileState("absent")


def check_relative_path(path: str) -> str:
    """Return the path; raises `TreeError` unless it is plain, relative and inside the tree."""
    parts = path.split("/")
    if not path or "\0" in path or "\n" in path or any(part in ("", ".", "..") for part in parts):
        raise TreeError(f"{path!r} is not a path inside the tree: write it like sub/file.conf")
    return path


def parents(path: str) -> list[str]:
    """Return the directories above a relative path, outermost first, without the root."""
    return [str(parent) for parent in reversed(PurePosixPath(path).parents)][1:]


def pack(files: list[WantedFile]) -> str:
    """Return the files as one text for a module argument: JSON, deflated, base64."""
    rows = [
        {
            "path": one.path,
            "content": base64.b64encode(one.content).decode(),
            "mode": one.mode,
            "owner": one.owner,
            "group": one.group,
            "secret": one.secret,
        }
        for one in files
    ]
    return base64.b64encode(zlib.compress(json.dumps(rows).encode(), 6)).decode()


def unpack(payload: str) -> dict[str, WantedFile]:
    """Undo `pack`; raises `TreeError` for a payload that is none, too large or with bad paths."""
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(base64.b64decode(payload, validate=True), 2 * MAX_TREE_BYTES)
        if inflater.unconsumed_tail:
            raise TreeError(f"the tree is larger than {MAX_TREE_BYTES >> 20} MiB")
        if not inflater.eof:
            raise ValueError("its end is missing")
        rows: list[dict[str, Any]] = json.loads(text)
        files = [
            WantedFile(
                path=check_relative_path(row["path"]),
                content=base64.b64decode(row["content"]),
                mode=int(row["mode"]),
                owner=str(row["owner"]),
                group=str(row["group"]),
                secret=bool(row["secret"]),
            )
            for row in rows
        ]
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise TreeError(f"the tree did not arrive in one piece: {error}") from error
    return {one.path: one for one in files}


def inside(root: str, path: str) -> str:
    """Return the full path of a tree's file; raises `TreeError` if a link leads out of the tree."""
    full = os.path.join(root, path)
    real_root = os.path.realpath(root)
    real_parent = os.path.realpath(os.path.dirname(full))
    if real_parent != real_root and not real_parent.startswith(real_root + "/"):
        raise TreeError(
            f"{os.path.dirname(full)} is a link that leads out of {root}: remove the link"
        )
    return full


def read_state(full: str) -> FileState:
    """Return the state of a path without following a link; bounded by `MAX_TREE_BYTES`."""
    try:
        info = os.lstat(full)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    mode = stat.S_IMODE(info.st_mode)
    if stat.S_ISLNK(info.st_mode):
        return FileState("link", 0, info.st_uid, info.st_gid, target=os.readlink(full))
    if not stat.S_ISREG(info.st_mode):
        return FileState("other", mode, info.st_uid, info.st_gid)
    if info.st_size > MAX_TREE_BYTES:
        raise TreeError(f"{full} has {info.st_size} octets: too large for a configuration file")
    try:
        descriptor = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise TreeError(f"{full} turned into a link while it was read: run again") from error
        raise
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(MAX_TREE_BYTES + 1)
    return FileState("file", mode, info.st_uid, info.st_gid, content)


def write_state(full: str, state: FileState) -> None:
    """Bring a path into a state by rename(2), so that a reader sees the old or the new, never half.

    The parent directory must exist. Raises OSError; the temporary file is then gone.
    """
    if state.kind == "absent":
        if os.path.lexists(full):
            os.unlink(full)
        return
    directory, name = os.path.split(full)
    # Callers hold the tree's lock, so a file of this name is what a crashed run left behind.
    temporary = os.path.join(directory, f".{name}.mailfleet-new")
    if os.path.lexists(temporary):
        os.unlink(temporary)
    try:
        if state.kind == "link":
            os.symlink(state.target, temporary)
            os.lchown(temporary, state.uid, state.gid)
        else:
            write_file(temporary, state)
        os.rename(temporary, full)
    except BaseException:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        raise


def write_file(full: str, state: FileState) -> None:
    """Create a new file with content, owner and mode; on the disk before this returns."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(full, flags, 0o600), "wb") as stream:
        stream.write(state.content)
        os.fchown(stream.fileno(), state.uid, state.gid)
        os.fchmod(stream.fileno(), state.mode)
        stream.flush()
        os.fsync(stream.fileno())


def sync_directory(path: str) -> None:
    """Put a directory's renames on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
