"""The structure of a template: text, values, conditions, loops.

Tags: ``if elseif else endif``, ``for … in … [if …] else endfor``, ``set``, ``filter endfilter``,
``raw endraw``; ``{= value =}``; ``{# comment #}``; a ``-`` inside a delimiter strips the blanks on
its outside. Tags that read other files (include, import, extends) and those that define functions
(macro, call, do, block) are refused.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TypeAlias

from filter_engine.lazy_dataclass import mutable
from filter_engine.ucl.source import Source
from filter_engine.ucl.template.expression import Evaluate, Parser, Step
from filter_engine.ucl.template.lexer import Token, read_tag

_OPENING = re.compile(r"\{([=%#])-?")
_ENDRAW = re.compile(r"\{%-?\s*endraw\s*-?%\}")
_MAX_NESTING = 40
_REFUSED = frozenset(("block", "call", "do", "extends", "import", "include", "macro"))
_HINTS = {"elif": "write elseif", "elsif": "write elseif"}


@mutable
class Text:
    """What stands between the tags: positions in the file."""

    start: int
    end: int


@mutable
class Print:
    """``{= value =}``"""

    pos: int
    value: Evaluate


@mutable
class Set:
    """``{% set name = value %}``"""

    pos: int
    name: str
    value: Evaluate


@mutable
class If:
    """``{% if %}`` with its branches; ``otherwise`` is the else branch."""

    pos: int
    branches: list[tuple[Evaluate, list[Node]]]
    otherwise: list[Node] = field(default_factory=list)


@mutable
class For:
    """``{% for a, b in values if condition %}``; ``otherwise`` runs when there was no step."""

    pos: int
    names: list[str]
    values: Evaluate
    condition: Evaluate | None
    body: list[Node]
    otherwise: list[Node] = field(default_factory=list)


@mutable
class Filter:
    """``{% filter name %}``: the body as one string, through filters."""

    pos: int
    steps: list[tuple[Token, Step]]
    body: list[Node]


Node: TypeAlias = Text | Print | Set | If | For | Filter


def parse_template(source: Source) -> list[Node]:
    """The nodes of a whole template. Raises ``UclError``."""
    reader = _Reader(source)
    body, end = reader.body(())
    assert end is None
    return body


@mutable
class _End:
    """The tag that ended a body: ``else``, ``endif`` …, ready to read its expression."""

    name: str
    parser: Parser


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.pos = 0
        self._nesting = 0
        self._strip_next = False

    def body(self, ends: tuple[str, ...], opened: int = 0) -> tuple[list[Node], _End | None]:
        """Nodes up to one of the tags ``ends``, or to the end of the text when there are none."""
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise self.source.error(opened, f"template tags nested deeper than {_MAX_NESTING}")
        nodes: list[Node] = []
        while True:
            opening = _OPENING.search(self.source.text, self.pos)
            start = opening.start() if opening is not None else len(self.source.text)
            self._text(nodes, start, strips=opening is not None and opening[0][-1] == "-")
            if opening is None:
                if ends:
                    raise self.source.error(
                        opened, "the template block is never closed", f"close it with {ends[-1]}"
                    )
                self._nesting -= 1
                return nodes, None
            if opening[1] == "#":
                self._comment(opening)
            elif opening[1] == "=":
                parser = self._tag(opening, "=}")
                nodes.append(Print(start, parser.filtered()))
                parser.finish()
            elif (end := self._block(opening, nodes, ends)) is not None:
                self._nesting -= 1
                return nodes, end

    def _text(self, nodes: list[Node], end: int, *, strips: bool) -> None:
        text, start = self.source.text, self.pos
        if self._strip_next:
            while start < end and text[start] in " \t\n\v\f\r":
                start += 1
            self._strip_next = False
        if strips:
            while end > start and text[end - 1] in " \t\n\v\f\r":
                end -= 1
        if end > start:
            nodes.append(Text(start, end))

    def _tag(self, opening: re.Match[str], closing: str) -> Parser:
        tag = read_tag(self.source, opening.start(), opening.end(), closing)
        self.pos, self._strip_next = tag.end, tag.strips
        return Parser(self.source, tag.tokens)

    def _comment(self, opening: re.Match[str]) -> None:
        end = self.source.text.find("#}", opening.end())
        if end < 0:
            raise self.source.error(
                opening.start(),
                "the template comment is never closed",
                "close it with #}, or put a blank between { and #",
            )
        self.pos, self._strip_next = end + 2, self.source.text[end - 1] == "-"

    def _block(
        self, opening: re.Match[str], nodes: list[Node], ends: tuple[str, ...]
    ) -> _End | None:
        parser = self._tag(opening, "%}")
        start, word = opening.start(), parser.token
        name = word.text if word.kind == "name" else ""
        parser.at += word.kind == "name"
        if name in ends:
            return _End(name, parser)
        if name == "set":
            variable = parser.name()
            parser.expect("=")
            nodes.append(Set(start, variable, parser.filtered()))
            parser.finish()
        elif name == "if":
            nodes.append(self._if(start, parser))
        elif name == "for":
            nodes.append(self._for(start, parser))
        elif name == "filter":
            nodes.append(self._filter(start, parser))
        elif name == "raw":
            parser.finish()
            self._raw(start, nodes)
        else:
            raise self._unknown(start, name, ends)
        return None

    def _unknown(self, start: int, name: str, ends: tuple[str, ...]) -> Exception:
        if name in _REFUSED:
            message, hint = f"the template tag {name} is not supported", "write it out"
        else:
            message = f"unexpected template tag {name!r}"
            hint = f"expected here: {' or '.join(ends)}" if ends else ""
        return self.source.error(start, message, _HINTS.get(name, hint))

    def _if(self, start: int, parser: Parser) -> If:
        node = If(start, [])
        while True:
            condition = parser.filtered()
            parser.finish()
            body, end = self.body(("elseif", "else", "endif"), start)
            assert end is not None
            node.branches.append((condition, body))
            parser = end.parser
            if end.name != "elseif":
                break
        if end.name == "else":
            node.otherwise = self._last(parser, ("endif",), start)
        else:
            parser.finish()
        return node

    def _for(self, start: int, parser: Parser) -> For:
        names = [parser.name()]
        while parser.accept(","):
            names.append(parser.name())
        parser.expect("in")
        values = parser.filtered()
        condition = parser.filtered() if parser.accept("if") else None
        parser.finish()
        body, end = self.body(("else", "endfor"), start)
        assert end is not None
        node = For(start, names, values, condition, body)
        if end.name == "else":
            node.otherwise = self._last(end.parser, ("endfor",), start)
        else:
            end.parser.finish()
        return node

    def _filter(self, start: int, parser: Parser) -> Filter:
        steps = [(parser.token, parser.filter())]
        while parser.accept("|"):
            steps.append((parser.token, parser.filter()))
        parser.finish()
        return Filter(start, steps, self._body_of("endfilter", start))

    def _last(self, parser: Parser, ends: tuple[str, ...], start: int) -> list[Node]:
        parser.finish()
        return self._body_of(ends[0], start)

    def _body_of(self, ending: str, start: int) -> list[Node]:
        body, end = self.body((ending,), start)
        assert end is not None
        end.parser.finish()
        return body

    def _raw(self, start: int, nodes: list[Node]) -> None:
        end = _ENDRAW.search(self.source.text, self.pos)
        if end is None:
            raise self.source.error(
                start, "the template block is never closed", "close it with {% endraw %}"
            )
        self._text(nodes, end.start(), strips=end[0][2] == "-")
        self.pos, self._strip_next = end.end(), end[0][-3] == "-"
