"""The machine's own apt sources for Debian itself, as mmdebstrap takes them.

No mirror is written down anywhere: whatever this machine installs Debian from, the lab uses too.
Sources of other vendors are left out. Debian's backports come from
the same mirror, for what a role takes from there by name; apt installs nothing of them by itself.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

SUITE = "bookworm"
BACKPORTS = f"{SUITE}-backports"
_SUITES = {SUITE, BACKPORTS, f"{SUITE}-updates", f"{SUITE}-security"}


@dataclass(frozen=True)
class AptSources:
    """The Debian suite and the source files that carry it."""

    suite: str
    files: tuple[str, ...]

    @property
    def backports(self) -> str | None:
        """A line for Debian's backports, from where the suite itself is; None: the files have it.

        Raises LabError when no file says where the suite is.
        """
        texts = [Path(name).read_text() for name in self.files]
        if any(re.search(rf"(?m)^[^#]*\b{BACKPORTS}\b", text) for text in texts):
            return None
        for text in texts:
            for stanza in text.split("\n\n"):
                line = re.search(
                    rf"(?m)^deb\s+(?:\[[^]]*]\s+)?(\S+)\s+{self.suite}\s", stanza
                ) or re.search(r"(?m)^URIs:\s*(\S+)", stanza)
                suites = re.search(r"(?m)^Suites:(.*)$", stanza)
                if line and (suites is None or self.suite in suites[1].split()):
                    return f"deb {line[1]} {BACKPORTS} main"
        raise LabError(f"{', '.join(self.files)}: no source with the suite {self.suite}")


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
