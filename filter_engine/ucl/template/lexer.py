"""The words of a Lua expression, up to the end of its template tag.

Source: the Lua 5.1 reference manual, section 2.1; ``|`` separates filters.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from filter_engine.ucl.source import Source
from filter_engine.ucl.template.values import cooked, raw

_BLANKS = re.compile(r"[ \t\n\v\f\r]*")
_TOKEN = re.compile(
    r"(?P<number>0[xX][0-9a-fA-F]{1,16}|(?:[0-9]{1,64}(?:\.[0-9]{0,64})?|\.[0-9]{1,64})"
    r"(?:[eE][+-]?[0-9]{1,4})?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    r"|(?P<op>\.\.|==|~=|<=|>=|[-+*/%^#<>=(){}\[\];:,.|])",
    re.DOTALL,
)
_STRING_ESCAPE = re.compile(r"\\(?:([0-9]{1,3})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_MAX_TOKENS = 20_000


class Token(NamedTuple):
    """A word of an expression; ``kind`` is name, string, op or end. Numbers have ``number``."""

    kind: str
    text: str
    pos: int
    number: float = 0.0


class Tag(NamedTuple):
    """The inside of a tag: its words, the position after it, and whether it strips blanks."""

    tokens: list[Token]
    end: int
    strips: bool


def read_tag(source: Source, start: int, pos: int, closing: str) -> Tag:
    """Read the words of the tag that begins at ``start``, from ``pos``. Raises ``UclError``."""
    text = source.text
    tokens: list[Token] = []
    while True:
        blanks = _BLANKS.match(text, pos)
        assert blanks is not None
        pos = blanks.end()
        for ending, strips in ((closing, False), (f"-{closing}", True)):
            if text.startswith(ending, pos):
                tokens.append(Token("end", closing, pos))
                return Tag(tokens, pos + len(ending), strips)
        if pos >= len(text):
            raise source.error(
                start, "the template tag is never closed", f"close it with {closing}"
            )
        if text.startswith("[[", pos):
            end = text.find("]]", pos + 2)
            if end < 0:
                raise source.error(pos, "the [[ string is not finished", "close it with ]]")
            tokens.append(Token("string", text[pos + 2 : end].removeprefix("\n"), pos))
            pos = end + 2
        else:
            match = _TOKEN.match(text, pos)
            if match is None:
                raise source.error(pos, f"unexpected {text[pos]!r} in a template", _hint(text, pos))
            tokens.append(_token(match))
            pos = match.end()
        if len(tokens) > _MAX_TOKENS:
            raise source.error(start, f"a template tag of more than {_MAX_TOKENS} words")


def _token(match: re.Match[str]) -> Token:
    kind, word, pos = str(match.lastgroup), match[0], match.start()
    if kind == "number":
        number = float(int(word, 16)) if word[:2].lower() == "0x" else float(word)
        return Token(kind, word, pos, number)
    if kind == "string":
        return Token("string", cooked(raw(_STRING_ESCAPE.sub(_unescape, word[1:-1]))), pos)
    return Token(kind, word, pos)


def _unescape(match: re.Match[str]) -> str:
    code = int(match[1]) if match[1] else int(match[2], 16) if match[2] else -1
    if code < 0:
        return _LETTERS.get(match[3], match[3])
    return chr(code) if code < 0x80 else chr(0xDC00 + (code & 0xFF))  # a byte, joined later


def _hint(text: str, pos: int) -> str:
    if text.startswith("!=", pos):
        return "Lua's expressions are used: write ~= for !="
    if text[pos] in "!&":
        return "Lua's expressions are used: write not, and, or"
    if text[pos] in "\"'":
        return "is the closing quote missing?"
    if text[pos] == "}":
        return "is the tag closed rightly? {= =}, {% %}, {# #}"
    return ""
