"""The grammar of selectors.

::

    list     = expr *( (";" / "*") expr )
    expr     = call [ ":" call ] *( "." call )
    call     = name [ "(" [ arg *( "," arg ) ] ")" ]
    arg      = word / 'text' / "text" / "{" [ item *( "," item ) ] "}"
    item     = arg / word "=" arg

Source: Rspamd's documentation, "Selectors".
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from filter_engine.lazy_dataclass import frozen

MAX_LENGTH: Final = 8192
"""Characters of one selector."""
MAX_DEPTH: Final = 8
"""Tables within tables."""

_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_NAME: Final = re.compile(r"[\w-]+")
_WORD: Final = re.compile(r"[^\s,(){}='\";]+")

Argument: TypeAlias = "str | list[Argument] | dict[str, Argument]"


class SelectorError(ValueError):
    """A selector cannot be used; ``column`` counts from 1."""

    def __init__(self, message: str, text: str, column: int) -> None:
        super().__init__(f"selector {_shown(text)!r}: column {column}: {message}")
        self.message = message
        self.column = column


def _shown(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:117]}..."


@frozen
class Call:
    """A name with arguments."""

    name: str
    arguments: tuple[Argument, ...]
    column: int


@frozen
class Expression:
    """One extractor, the field that is taken of what it gives, and what is done with that."""

    extractor: Call
    method: Call | None
    transforms: tuple[Call, ...]


def parse(text: str) -> tuple[Expression, ...]:
    """The expressions of a selector. Raises ``SelectorError``."""
    if len(text) > MAX_LENGTH:
        raise SelectorError(f"longer than {MAX_LENGTH} characters", text, 1)
    return _Parser(text).list()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def list(self) -> tuple[Expression, ...]:
        found = [self._expression()]
        while self._skip() and self._text[self._at] in ";*":
            self._at += 1
            if not self._skip():
                break  # a separator at the end
            found.append(self._expression())
        if self._at < len(self._text):
            raise self._error(f"unexpected {self._text[self._at]!r}")
        return tuple(found)

    def _expression(self) -> Expression:
        self._skip()
        extractor = self._call("the name of an extractor, such as from or header")
        method = None
        if self._take(":"):
            method = self._call("the name of a field, such as domain")
        transforms = []
        while self._take("."):
            transforms.append(self._call("the name of a transform, such as lower"))
        return Expression(extractor, method, tuple(transforms))

    def _call(self, wanted: str) -> Call:
        self._skip()
        column = self._at + 1
        name = _NAME.match(self._text, self._at)
        if name is None:
            raise self._error(f"expected {wanted}")
        self._at = name.end()
        arguments: list[Argument] = []
        if self._take("("):
            while not self._take(")"):
                arguments.append(self._argument(0))
                self._comma(")")
        return Call(name.group(), tuple(arguments), column)

    def _argument(self, depth: int) -> Argument:
        if not self._skip():
            raise self._error("the text ends within brackets")
        char = self._text[self._at]
        if char in "'\"":
            return self._quoted(char)
        if char == "{":
            if depth >= MAX_DEPTH:
                raise self._error(f"more than {MAX_DEPTH} tables within each other")
            return self._table(depth)
        word = _WORD.match(self._text, self._at)
        if word is None:
            raise self._error(f"expected an argument, found {char!r}")
        self._at = word.end()
        return word.group()

    def _quoted(self, quote: str) -> str:
        start = self._at + 1
        at = start
        while at < len(self._text) and self._text[at] != quote:
            at += 2 if self._text[at] == "\\" else 1
        if at >= len(self._text):
            raise self._error("the closing quote is missing")
        self._at = at + 1
        # other escapes belong to the regular expression in the quotes
        return self._text[start:at].replace(f"\\{quote}", quote)

    def _table(self, depth: int) -> Argument:
        self._at += 1
        items: list[Argument] = []
        named: dict[str, Argument] = {}
        while not self._take("}"):
            item = self._argument(depth + 1)
            if self._take("="):
                if not isinstance(item, str):
                    raise self._error("a name is a word")
                named[item] = self._argument(depth + 1)
            else:
                items.append(item)
            self._comma("}")
        if named and items:
            raise self._error("a table has names for all of its items or for none")
        return named or items

    def _comma(self, closing: str) -> None:
        if not self._skip():
            raise self._error(f"the closing {closing} is missing")
        if not self._take(",") and self._text[self._at] != closing:
            raise self._error(f"expected a comma or {closing}")

    def _skip(self) -> bool:
        """Pass blanks; whether anything follows."""
        blanks = _BLANKS.match(self._text, self._at)
        assert blanks is not None
        self._at = blanks.end()
        return self._at < len(self._text)

    def _take(self, sign: str) -> bool:
        if self._skip() and self._text[self._at] == sign:
            self._at += 1
            return True
        return False

    def _error(self, message: str) -> SelectorError:
        return SelectorError(message, self._text, self._at + 1)
