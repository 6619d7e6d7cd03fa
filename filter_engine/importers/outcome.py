"""What an importer gives: files of a site, role variables, and each line it could not carry over.

An importer is a pure function from texts to an ``Outcome``; who writes files is ``write.py``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from filter_engine.config.findings import Finding, Severity
from filter_engine.lazy_dataclass import mutable

Plain: TypeAlias = (
    "bool | int | float | str | list[Plain] | tuple[Plain, ...] | Mapping[str, Plain] | None"
)


class ImportFaultError(Exception):
    """A source cannot be read at all; ``file`` and ``line`` (0: the whole file) say where."""

    def __init__(self, message: str, file: str, line: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{place}: {self.message}"
        return f"{text}\n    {self.hint}" if self.hint else text


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """One line of the source and what became of it."""

    file: str
    line: int
    #: The setting as the source names it; never its value, which may be a secret.
    subject: str
    #: Why it was not carried over, or what to look at.
    reason: str
    #: False: it was carried over, yet not word for word.
    lost: bool = True

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.subject}: {self.reason}"


@mutable
class Outcome:
    """What came out of one source."""

    #: Files of a site: ``local.d/actions.conf`` -> its text (UCL).
    files: dict[str, str] = field(default_factory=dict)
    #: Those of ``files`` that hold only what nobody wrote; they replace no file that is there.
    defaults: set[str] = field(default_factory=set)
    #: Role variables: name -> value, as they would stand in group_vars.
    variables: dict[str, Plain] = field(default_factory=dict)
    #: Role variables that belong into the vault.
    secrets: dict[str, Plain] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def told(self, findings: Iterable[Finding], directory: Path) -> None:
        """Note what the loader says of the files, but for those of the shipped tree."""
        for finding in findings:
            path = os.path.relpath(finding.file, directory)
            if not path.startswith(".."):
                hint = f" ({finding.hint})" if finding.hint else ""
                reason = f"{finding.message}{hint}"
                lost = finding.severity is not Severity.INFO
                self.remarks.append(Remark(path, finding.line, finding.code, reason, lost))
        self.remarks.sort()

    def leave(self, directory: Path) -> None:
        """Drop the ``defaults`` in whose place ``directory`` has a file."""
        for path in sorted(self.defaults):
            if os.path.lexists(directory / path):
                del self.files[path]
                self.defaults.discard(path)
