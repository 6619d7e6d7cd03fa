"""The machine's own apt sources for Debian itself, as mmdebstrap takes them.

No mirror is written down anywhere: whatever this machine installs Debian from, the lab uses too.
Sources of other vendors are left out.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

SUITE = "bookworm"
_SUITES = {SUITE, f"{SUITE}-updates", f"{SUITE}-security"}


@dataclass(frozen=True)
class AptSources:
    """The Debian suite and the source files that carry it."""

    suite: str
    files: tuple[str, ...]


def apt_sources(directory: Path = Path("/etc/apt")) -> AptSources:
    """Find the files below `directory` that name Debian 12.

    `LAB_APT_SOURCES` names one file to use instead, for machines that are not Debian 12.
    Raises LabError when there is none.
    """
    if chosen := os.environ.get("LAB_APT_SOURCES"):
        return AptSources(SUITE, (chosen,))
    candidates = [directory / "sources.list", *sorted((directory / "sources.list.d").glob("*"))]
    files = tuple(
        str(path)
        for path in candidates
        if path.is_file() and path.suffix in {".list", ".sources"} and _carries_debian(path)
    )
    if not files:
        raise LabError(
            f"no apt source of Debian 12 ({SUITE}) below {directory}; "
            "on another system point LAB_APT_SOURCES at a sources.list of Debian 12"
        )
    return AptSources(SUITE, files)


def _carries_debian(path: Path) -> bool:
    """Whether a source file offers one of Debian 12's suites with the component main."""
    words = set(
        " ".join(
            line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")
        ).split()
    )
    return bool(words & _SUITES) and "main" in words
