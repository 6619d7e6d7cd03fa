"""Text for a log: one line, with nothing in it that a terminal or a reader takes for a command."""

from __future__ import annotations

from typing import Final

MAX_LINE: Final = 8000
"""Characters of a line."""
MAX_LINES: Final = 200
"""Lines of one record (a traceback)."""
_PRINTABLE_ASCII: Final = bytes(range(ord(" "), ord("~") + 1))


def printable(text: str) -> str:
    r"""Text whose control and format characters are written ``\x1b``, ``\u202e``; bytes that were
    no UTF-8 as ``\xff``."""
    if _is_printable(text):
        return text
    return "".join(c if c.isprintable() else _escaped(ord(c)) for c in text)


def lines_of(text: str) -> list[str]:
    """The lines of a record, each printable and bounded, as are their number."""
    if len(text) <= MAX_LINE and _is_printable(text):
        return [text]  # nearly all
    lines = text.split("\n", MAX_LINES)
    if len(lines) > MAX_LINES:
        lines[MAX_LINES] = "..."
    return [_bounded(printable(line[: MAX_LINE + 1])) for line in lines]


def _bounded(line: str) -> str:
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 3] + "..."


def _is_printable(text: str) -> bool:
    if text.isascii():  # in less than half the time
        return not text.encode("ascii").translate(None, _PRINTABLE_ASCII)
    return text.isprintable()


def _escaped(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: an octet
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
