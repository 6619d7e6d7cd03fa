"""The lines of a map: ``key``, ``key value``, ``"quoted key" value``, ``/regexp/flags value``.

Comments begin with ``#`` at a line's start or after a blank. Source: Rspamd's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from filter_engine.maps.limits import MAX_LINES


class Line(NamedTuple):
    """An entry; ``number`` counts from 1."""

    number: int
    key: str
    value: str


def read_lines(text: str, *, regexps: bool = False) -> Iterator[Line]:
    """The entries of a map's text; with ``regexps`` a key between slashes may hold blanks."""
    for number, written in enumerate(text.splitlines(), 1):
        line = written.strip()
        if not line or line[0] == "#":
            continue
        if number > MAX_LINES:
            return
        if " " not in line and "\t" not in line and line[0] != '"':
            yield Line(number, line, "")  # most lines of large maps
            continue
        key, value = split_line(line, regexps=regexps)
        if key:
            yield Line(number, key, value)


def split_line(line: str, *, regexps: bool = False) -> tuple[str, str]:
    """Key and value of one stripped line, without its comment."""
    if regexps and line[0] == "/":
        end = regexp_end(line)
        if end:
            return line[:end], _value(line[end:])
    if line[0] == '"':
        end = _quote_end(line)
        if end:
            key = line[1:end].replace('\\"', '"').replace("\\\\", "\\")
            return key, _value(line[end + 1 :])
    key, _, rest = line.partition(" ") if "\t" not in line else _at_blank(line)
    return key, _value(rest) if rest else ""


def _at_blank(line: str) -> tuple[str, str, str]:
    parts = line.split(None, 1)
    return parts[0], " ", parts[1] if len(parts) > 1 else ""


def _value(text: str) -> str:
    text = text.strip()
    if "#" in text:
        if text[0] == "#":
            return ""
        text = text.partition(" #")[0].partition("\t#")[0].rstrip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text


def _quote_end(line: str) -> int:
    at = line.find('"', 1)
    while at > 0 and line[at - 1] == "\\":
        at = line.find('"', at + 1)
    return max(at, 0)


def regexp_end(line: str) -> int:
    """Where ``/pattern/flags`` at the start of ``line`` ends; 0 when nothing closes it.

    A slash closes it that no backslash precedes and that flags and a blank, or nothing, follow.
    """
    at = 1
    while (at := line.find("/", at)) > 0:
        slashes = len(line[:at]) - len(line[:at].rstrip("\\"))
        end = at + 1
        while end < len(line) and line[end].isalpha():
            end += 1
        if slashes % 2 == 0 and (end == len(line) or line[end] in " \t"):
            return end
        at += 1
    return 0
