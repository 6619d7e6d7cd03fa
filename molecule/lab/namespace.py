"""The network namespace a whole lab lives in.

The namespace has no link to the machine: no uplink, no veth pair, no shared bridge. A packet for
a lab address therefore cannot leave, whether the lab is up, half up or down. Everything that
talks to the lab runs inside, through `nsenter --net` (`ip netns exec` would remount /sys, and
then runc finds no cgroup mount).
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.programs import run

_NETNS = Path("/run/netns")

# Bridge addresses must be usable at once, and nothing in the lab announces itself as a router.
_SYSCTL = "\n".join(
    f"echo {value} > /proc/sys/net/ipv6/conf/{scope}/{name}"
    for scope in ("all", "default")
    for name, value in (("accept_dad", 0), ("accept_ra", 0))
)


@dataclass(frozen=True)
class Namespace:
    """The network namespace of the lab called `lab`."""

    lab: str

    @property
    def name(self) -> str:
        return f"lab-{self.lab}"

    @property
    def path(self) -> Path:
        return _NETNS / self.name

    def exists(self) -> bool:
        """Whether the namespace is there (a mount on its name, not only a file)."""
        return self.path.exists() and os.path.ismount(self.path)

    def inside(self) -> bool:
        """Whether this process already runs in it."""
        if not self.exists():
            return False
        here, there = os.stat("/proc/self/ns/net"), self.path.stat()
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

    def prefix(self) -> list[str]:
        """What to put before a command so that it runs in the namespace."""
        return [] if self.inside() else ["nsenter", f"--net={self.path}", "--"]

    def create(self) -> bool:
        """Make the namespace with loopback up; return whether it was missing."""
        if self.exists():
            return False
        self.path.unlink(missing_ok=True)
        run(["ip", "netns", "add", self.name])
        run([*self.prefix(), "sh", "-ec", f"{_SYSCTL}\nip link set lo up"])
        return True

    def delete(self) -> bool:
        """Remove the name; the kernel drops the namespace with its last process."""
        if not self.exists():
            self.path.unlink(missing_ok=True)
            return False
        run(["ip", "netns", "delete", self.name])
        return True

    def processes(self) -> dict[int, list[str]]:
        """Process id and command line of what runs in the namespace."""
        if not self.exists():
            return {}
        found = {}
        for pid in run(["ip", "netns", "pids", self.name]).stdout.split():
            with suppress(OSError):  # ended meanwhile
                line = Path(f"/proc/{int(pid)}/cmdline").read_bytes().decode(errors="replace")
                if line:  # empty: a process that has ended and was not waited for
                    found[int(pid)] = line.rstrip("\0").split("\0")
        return found
