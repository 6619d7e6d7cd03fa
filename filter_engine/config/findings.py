"""What a check of the configuration has to say, and the error that carries it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from filter_engine.ucl.masking import hide_in_text


class Severity(StrEnum):
    """How bad it is: an error is refused, a warning only by ``configtest --strict``."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One problem at one place; ``hint`` says what to write instead."""

    file: str
    line: int
    severity: Severity
    code: str
    message: str
    hint: str = ""
    column: int = 0
    #: The offending line of a text that cannot be read (``UclError`` hides secrets in it), and the
    #: column of the fault in what is shown.
    source: str = field(default="", compare=False)
    caret: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        # Here, as what quotes a value cannot know that it is a URL with a password.
        for name in ("message", "hint", "source"):
            object.__setattr__(self, name, hide_in_text(getattr(self, name)))

    @property
    def place(self) -> str:
        """``file:line:column``, as far as they are known."""
        parts = [self.file, *(str(number) for number in (self.line, self.column) if number)]
        return ":".join(parts)

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.severity}: {self.message} [{self.code}]"]
        if self.source:
            lines.append(f"    {self.source}")
            if 0 < self.caret <= len(self.source) + 1:
                lines.append(" " * (self.caret + 3) + "^")
        if self.hint:
            lines.append(f"    {self.hint}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, str | int]:
        """The finding as ``configtest --json`` prints it."""
        return {
            "severity": str(self.severity),
            "code": self.code,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "hint": self.hint,
            "source": self.source,
        }


class ConfigError(Exception):
    """The configuration cannot be used; ``findings`` holds every problem, not only the first."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        errors = [f for f in self.findings if f.severity is Severity.ERROR]
        super().__init__("\n".join(str(f) for f in errors))
