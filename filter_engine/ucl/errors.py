"""The error of this package: where, what, the line itself, and what to write instead."""

from __future__ import annotations

_MAX_TEXT = 600


class UclError(Exception):
    """A document cannot be read.

    ``line`` and ``column`` count from 1 (0: the whole file); ``source`` is the offending line,
    with secrets hidden and long lines cut; ``caret`` is the column of the fault in it.
    """

    def __init__(
        self,
        message: str,
        file: str = "<string>",
        line: int = 0,
        column: int = 0,
        source: str = "",
        hint: str = "",
        caret: int = 0,
    ) -> None:
        self.message = _bounded(message)
        self.file = file
        self.line = line
        self.column = column
        self.source = source
        self.hint = _bounded(hint)
        self.caret = caret or column
        super().__init__(self.message)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        lines = [f"{place}: {self.message}"]
        if self.source:
            lines.append(f"    {self.source}")
            if 0 < self.caret <= len(self.source) + 1:
                lines.append(" " * (3 + self.caret) + "^")
        if self.hint:
            lines.append(f"    {self.hint}")
        return "\n".join(lines)


def _bounded(text: str) -> str:
    """Names and paths of a hostile file may be long; the beginning and the end tell enough."""
    half = _MAX_TEXT // 2
    return text if len(text) <= _MAX_TEXT else f"{text[:half]}...{text[-half:]}"
