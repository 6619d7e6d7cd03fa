"""What the kernel says of processes (proc(5))."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Memory:
    """Bytes of one process: resident, and resident with shared pages divided among sharers."""

    rss: int
    pss: int


def cpu_seconds(pid: int) -> float:
    """Seconds that all threads of a process have been on a core, exact to the nanosecond."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def memory(pid: int) -> Memory:
    """Sizes of a process."""
    said = {
        words[0]: int(words[1]) * 1024
        for words in map(str.split, Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    }
    return Memory(said["Rss:"], said["Pss:"])


def descendants(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for parent in found:
        found.extend(_children(parent))
    return found


def _children(pid: int) -> Iterable[int]:
    with suppress(FileNotFoundError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            yield from map(int, (thread / "children").read_text().split())


def title(pid: int) -> str:
    """Its command line, or its short name where that says more."""
    with suppress(FileNotFoundError):
        place = Path(f"/proc/{pid}")
        words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return f"{(place / 'comm').read_text().strip()} {words}"
    return ""
