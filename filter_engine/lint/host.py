"""What rules may ask of the machine: its addresses and the files of its other mail software."""

from __future__ import annotations

import errno
import os
import pwd
import socket
import stat
from functools import cache
from glob import escape, iglob
from itertools import islice
from pathlib import Path

from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.regular_file import read_regular_file

MAX_MATCHING = 100
_MAX_FILE = 1024 * 1024


@frozen
class Account:
    """A user as the kernel sees it when a file is opened."""

    name: str
    uid: int
    groups: frozenset[int]

    @classmethod
    def named(cls, name: str | None) -> Account:
        """The account of that name, or of this process. Raises ``KeyError``."""
        if name is None:
            uid = os.geteuid()
            groups = {os.getegid(), *os.getgroups()}
            try:
                return cls(pwd.getpwuid(uid).pw_name, uid, frozenset(groups))
            except KeyError:
                return cls(str(uid), uid, frozenset(groups))
        entry = pwd.getpwnam(name)
        return cls(name, entry.pw_uid, frozenset(os.getgrouplist(name, entry.pw_gid)))

    def may(self, found: os.stat_result, bit: int) -> bool:
        """Whether it has the permission ``bit`` (4 read, 1 search) by owner, group and mode."""
        if self.uid == 0:
            return True
        if found.st_uid == self.uid:
            return bool(found.st_mode >> 6 & bit)
        if found.st_gid in self.groups:
            return bool(found.st_mode >> 3 & bit)
        return bool(found.st_mode & bit)


@frozen
class Host:
    """A host below ``root`` (``/``: this machine; a directory: a picture of one).

    ``addresses`` None asks the kernel; a picture without addresses has any. ``user`` is the
    account the engine runs as; None: that of this process.
    """

    root: Path = Path("/")
    addresses: frozenset[str] | None = None
    user: str | None = None

    @property
    def is_picture(self) -> bool:
        """Whether it is not this machine."""
        return self.root != Path("/")

    def path(self, path: str) -> Path:
        """Where an absolute path of the host lies here."""
        return self.root / path.lstrip("/") if self.is_picture else Path(path)

    def text(self, path: str) -> str | None:
        """The content of a file below the root, None where there is none that can be read."""
        content = self.content(path)
        return None if content is None else content.decode("utf-8", "replace")

    def content(self, path: str) -> bytes | None:
        """The octets of a file below the root, None where there is none that can be read."""
        try:
            return read_regular_file(self.path(path), _MAX_FILE)
        except (OSError, ValueError):
            return None

    def matching(self, pattern: str) -> list[str]:
        """The paths of the host that a shell pattern fits, at most ``MAX_MATCHING``."""
        root = str(self.root).rstrip("/")
        found = iglob(f"{escape(root)}{pattern}")
        return sorted(path.removeprefix(root) for path in islice(found, MAX_MATCHING))

    def stat(self, path: str) -> os.stat_result | None:
        """What is at a path, None where nothing is or it cannot be told."""
        try:
            return self.path(path).stat()
        except (OSError, ValueError):
            return None

    def has_address(self, address: str) -> bool:
        """Whether an IP address is this host's."""
        if self.addresses is not None:
            return address in self.addresses
        return self.is_picture or _can_bind(address)

    def why_unreadable(self, path: str, account: Account) -> str:
        """Why the engine's account cannot read a file, in words; empty when it can."""
        parents = [parent for parent in reversed(Path(path).parents) if str(parent) != "/"]
        for parent in parents:
            found = self.stat(str(parent))
            if found is None:
                return f"{parent} does not exist"
            if not account.may(found, 1):
                return f"{account.name} may not enter {parent}"
        found = self.stat(path)
        if found is None:
            return "it does not exist"
        if not stat.S_ISREG(found.st_mode):
            return "it is not a file"
        return "" if account.may(found, 4) else f"{account.name} may not read it"

    def is_world_writable(self, directory: str) -> bool:
        """Whether every user may create files in a directory of the host."""
        found = self.stat(directory)
        return found is not None and bool(found.st_mode & stat.S_IWOTH)


@cache
def _can_bind(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
    except OSError as error:
        return error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True
