"""Where each statement of a UCL text begins and ends, so that an edit leaves all else as it is.

The parser tells where a value begins; an edit also needs its end, and the comments around it. The
texts given here have been parsed before: of a broken one ``statements`` returns what it understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.scalars import unescape

_BLANKS = re.compile(r"[ \t]*")
_SPACE = re.compile(r"[\s,;]*")
_COMMENT = re.compile(r"/\*|\*/")
_KEY = re.compile(r'"((?:[^"\\\n]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'|([^\s=:{}\[\],;#"\']+)')
_HEREDOC = re.compile(r"<<([A-Z]+)\n")
_PLAIN = re.compile(r"[^\s\\{}\[\];,#\"'/]+|/(?!\*)|[ \t]+|\\.?", re.DOTALL)
_OPEN = {"{": "}", "[": "]"}


@frozen
class Statement:
    """One key with its value, or one macro (``key`` then begins with a dot).

    Offsets into the text: ``start`` of the key, ``value`` of the value, ``end`` behind the value
    and its separator. ``names`` are the keys between key and brace: ``upstream "scan" {`` has one.
    """

    key: str
    start: int
    value: int
    end: int
    names: tuple[str, ...] = ()
    #: Of a section: offsets of what is between its braces, else None.
    inside: tuple[int, int] | None = None
    children: tuple[Statement, ...] = ()

    def walk(self) -> Iterator[Statement]:
        """The statement and all inside it."""
        yield self
        for child in self.children:
            yield from child.walk()


def statements(text: str) -> tuple[Statement, ...]:
    """The statements at the top of a text."""
    start = _skip(text, 0)
    if text.startswith("{", start):
        return _section(text, start + 1, 0)[0]
    return _section(text, 0, 0)[0]


def line_of(text: str, offset: int) -> int:
    """The number of the line of an offset, from 1."""
    return text.count("\n", 0, offset) + 1


def without_macros(text: str) -> str:
    """The text with blanks in place of its macros: what is left can be parsed without files."""
    parts: list[str] = []
    at = 0
    for top in statements(text):
        for found in top.walk():
            if found.key.startswith("."):
                parts.append(text[at : found.start])
                parts.append(re.sub(r"[^\n]", " ", text[found.start : found.end]))
                at = found.end
    return "".join(parts) + text[at:]


def _skip(text: str, pos: int) -> int:
    """Behind blanks, separators and comments."""
    while True:
        match = _SPACE.match(text, pos)
        assert match is not None
        pos = match.end()
        if text.startswith("#", pos):
            pos = _line_end(text, pos)
        elif text.startswith("/*", pos):
            pos = _comment_end(text, pos)
        else:
            return pos


def _line_end(text: str, pos: int) -> int:
    end = text.find("\n", pos)
    return len(text) if end < 0 else end


def _comment_end(text: str, pos: int) -> int:
    depth = 0
    for mark in _COMMENT.finditer(text, pos):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(text)


def _section(text: str, pos: int, depth: int) -> tuple[tuple[Statement, ...], int]:
    """The statements from ``pos`` and the offset of the closing brace or of the end."""
    found: list[Statement] = []
    while True:
        pos = _skip(text, pos)
        if pos >= len(text) or text[pos] == "}" or depth > 100:
            return tuple(found), pos
        statement = _macro(text, pos) if text[pos] == "." else _statement(text, pos, depth)
        if statement is None or statement.end <= pos:
            return tuple(found), pos
        found.append(statement)
        pos = statement.end


def _macro(text: str, pos: int) -> Statement:
    end = pos
    while end < len(text) and text[end] not in "\n;":
        if text[end] == '"':
            end = _quoted_end(text, end)
        elif text[end] == "(":
            closing = text.find(")", end)
            end = len(text) if closing < 0 else closing + 1
        else:
            end += 1
    return Statement(text[pos:end].split("(")[0].split()[0], pos, end, _separator_end(text, end))


def _statement(text: str, pos: int, depth: int) -> Statement | None:
    match = _KEY.match(text, pos)
    if match is None:
        return None
    key, names, start = _name(match), [], pos
    pos = _blanks(text, match.end())
    if text[pos : pos + 1] in ("=", ":"):
        pos = _skip_to_value(text, pos + 1)
    else:
        # "upstream scan {": more keys before a brace
        at = pos
        while (match := _KEY.match(text, at)) is not None:
            names.append(_name(match))
            at = _blanks(text, match.end())
        if text[at : at + 1] in _OPEN and text[at : at + 1]:
            pos = at
        else:
            names = []
            pos = _skip_to_value(text, pos)
    if text.startswith("{", pos):
        children, closing = _section(text, pos + 1, depth + 1)
        end = _separator_end(text, min(closing + 1, len(text)))
        return Statement(key, start, pos, end, tuple(names), (pos + 1, closing), children)
    return Statement(key, start, pos, _separator_end(text, _value_end(text, pos)), tuple(names))


def _name(match: re.Match[str]) -> str:
    """The key as the parser reads it: only between double quotes are there escapes."""
    if match[1] is not None:
        return unescape(match[1])
    return match[0] if match[2] is None else match[2]


def _blanks(text: str, pos: int) -> int:
    match = _BLANKS.match(text, pos)
    assert match is not None
    return match.end()


def _skip_to_value(text: str, pos: int) -> int:
    while True:
        while pos < len(text) and text[pos].isspace():
            pos += 1
        if text.startswith("/*", pos):
            pos = _comment_end(text, pos)
        elif text.startswith("#", pos):
            pos = _line_end(text, pos)
        else:
            return pos


def _value_end(text: str, pos: int) -> int:
    char = text[pos : pos + 1]
    if char and char in "\"'":
        return _quoted_end(text, pos)
    if char == "[":
        return _array_end(text, pos)
    heredoc = _HEREDOC.match(text, pos)
    if heredoc is not None:
        end = re.compile(rf"\n{heredoc[1]}(?=[\n;,]|\Z)").search(text, heredoc.end() - 1)
        return len(text) if end is None else end.end()
    depth = 0
    while pos < len(text):
        match = _PLAIN.match(text, pos)
        if match is not None:
            pos = match.end()
        elif text[pos] in "{[":
            depth += 1
            pos += 1
        elif text[pos] in "}]" and depth:
            depth -= 1
            pos += 1
        elif text[pos] in "\"'":
            pos += 1
        else:
            break
    return pos


def _quoted_end(text: str, pos: int) -> int:
    quote, pos = text[pos], pos + 1
    while pos < len(text) and text[pos] != quote:
        pos += 2 if text[pos] == "\\" else 1
    return min(pos + 1, len(text))


def _array_end(text: str, pos: int) -> int:
    depth = 0
    while pos < len(text):
        char = text[pos]
        if char in _OPEN:
            depth += 1
        elif char in "]}":
            depth -= 1
            if depth == 0:
                return pos + 1
        elif char in "\"'":
            pos = _quoted_end(text, pos)
            continue
        elif char == "#":
            pos = _line_end(text, pos)
            continue
        elif text.startswith("/*", pos):
            pos = _comment_end(text, pos)
            continue
        pos += 1
    return pos


def _separator_end(text: str, pos: int) -> int:
    """Behind the ``;`` or ``,`` that ends a statement, if one follows on the line."""
    at = _blanks(text, pos)
    return at + 1 if text[at : at + 1] in (";", ",") else pos
