"""The error of this package: where, what, the line itself, and what to write instead."""

from __future__ import annotations


class UclError(Exception):
    """A document cannot be read.

    ``line`` and ``column`` count from 1 (0: the whole file); ``source`` is the offending line.
    """

    def __init__(
        self,
        message: str,
        file: str = "<string>",
        line: int = 0,
        column: int = 0,
        source: str = "",
        hint: str = "",
    ) -> None:
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.source = source
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        lines = [f"{place}: {self.message}"]
        if self.source:
            lines.append(f"    {self.source}")
            if self.column <= len(self.source) + 1:
                lines.append(" " * (3 + self.column) + "^")
        if self.hint:
            lines.append(f"    {self.hint}")
        return "\n".join(lines)
