"""The grammar of rmilter.conf: statements, values and where each stands; it knows no directive.

::

    name = value, value ;        name += value ;        name { statement ... } ;
    .include /path               .try_include /path

Source: rmilter's README (2016) and its lexer ``cfg_file.l``. Where that lexer is stricter (what
characters a word may have) this one is not; it has no ``/* */``. A rule's body has a form of its
own: ``reject "text"; not header /name/ /value/;``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import NoReturn, TypeAlias

from filter_engine.importers.outcome import ImportFaultError
from filter_engine.importers.redact import before_secrets
from filter_engine.lazy_dataclass import frozen, mutable
from filter_engine.ucl.masking import HIDDEN

#: Gives the text of an included file; raises ``OSError`` where it cannot.
Read: TypeAlias = Callable[[str], str]

MAX_TEXT = 1 << 20
MAX_STATEMENTS = 5_000
MAX_VALUES = 20_000
#: Files within files; rmilter's own bound.
MAX_INCLUDES = 10
#: Sections within sections: rmilter has two (``dkim { domain { } }``).
MAX_SECTIONS = 4
_LONGEST_LINE_SHOWN = 120

_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INCLUDE = re.compile(r"\.(try_include|include)(?![\w.])[ \t]*([^\n]*)")
_QUOTED = re.compile(r'"([^"]*)"')
_REGEXP = re.compile(r"/(?:[^/\n\\]|\\[^\n])+/")
_WORD = re.compile(r"""[^\s;,={}"]+""")


@frozen
class Place:
    """Where something stands, with the line itself for messages; line and column from 1."""

    file: str
    line: int
    column: int
    source: str

    def fault(self, message: str, hint: str = "") -> ImportFaultError:
        """An error that shows the line, secrets masked, and a mark below the column."""
        shown = [f"column {self.column}: {message}"]
        if self.source.strip():
            text = self.source.expandtabs(1)
            before, hidden, _behind = before_secrets(text).partition(HIDDEN)
            shown.append(f"    {before}{hidden}")
            if self.column <= len(before) + 1:
                shown.append(" " * (self.column + 3) + "^")
        return ImportFaultError("\n".join(shown), self.file, self.line, hint)


@frozen
class Value:
    """One value as it is written; ``mirror`` holds the servers of ``{first, second}``."""

    text: str
    place: Place
    quoted: bool = False
    mirror: tuple[str, ...] = ()


@frozen
class Setting:
    """``name = values``; ``adds`` where it was written with ``+=``."""

    name: str
    place: Place
    values: tuple[Value, ...]
    adds: bool = False


@frozen
class Clause:
    """A line of a rule: an action with its message, or a condition with its expressions."""

    name: str
    place: Place
    values: tuple[Value, ...]
    negated: bool = False


@frozen
class Block:
    """``name { ... }``."""

    name: str
    place: Place
    statements: tuple[Statement, ...]


@frozen
class Unread:
    """An include that brought nothing, and why."""

    name: str
    place: Place
    reason: str


Statement: TypeAlias = Setting | Clause | Block | Unread


def parse(text: str, file: str, read: Read | None = None) -> tuple[Statement, ...]:
    """Read a configuration; ``ImportFaultError`` where it has none of the forms above."""
    return tuple(_Parser(_Source(file, text), _Budget(), read).top())


@mutable
class _Budget:
    """What one configuration may cost, all its files together."""

    characters: int = MAX_TEXT
    statements: int = MAX_STATEMENTS
    values: int = MAX_VALUES


@mutable
class _Source:
    file: str
    text: str
    #: The files that include this one, the outermost first.
    stack: tuple[str, ...] = ()
    starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.starts = [0, *(found.end() for found in re.finditer("\n", self.text))]

    def place(self, offset: int) -> Place:
        low, high = 0, len(self.starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.starts[middle] <= offset else (low, middle)
        start = self.starts[low]
        line = self.text[start : start + _LONGEST_LINE_SHOWN].partition("\n")[0]
        return Place(self.file, low + 1, offset - start + 1, line.rstrip("\r"))


class _Parser:
    def __init__(self, source: _Source, budget: _Budget, read: Read | None) -> None:
        budget.characters -= len(source.text)
        if budget.characters < 0:
            raise ImportFaultError(f"more than {MAX_TEXT} characters", source.file)
        self.source = source
        self.text = source.text
        self.budget = budget
        self.read = read
        self.pos = 0
        #: Behind the last name or value.
        self.last = 0

    # -- places and errors ----------------------------------------------------------------------

    def place(self, offset: int | None = None) -> Place:
        return self.source.place(self.pos if offset is None else offset)

    def fail(self, message: str, hint: str = "", offset: int | None = None) -> NoReturn:
        raise self.place(offset).fault(message, hint)

    # -- statements -----------------------------------------------------------------------------

    def top(self) -> Iterator[Statement]:
        while self.skip():
            if self.take(";"):
                continue
            if self.text[self.pos] == "}":
                self.fail("a closing brace without an opening one", "remove it")
            yield from self.statement(0)

    def statement(self, depth: int) -> Iterator[Statement]:
        self.budget.statements -= 1
        if self.budget.statements < 0:
            self.fail(f"more than {MAX_STATEMENTS} statements")
        included = _INCLUDE.match(self.text, self.pos)
        if included is not None:
            self.pos = included.end()
            yield from self.include(included[1], included[2], included.start())
            return
        start = self.pos
        name = self.name("the name of a directive or a section")
        place = self.place(start)
        self.skip()
        if self.take("{"):
            yield self.block(name, place, depth + 1)
        elif self.text.startswith(("=", "+="), self.pos):
            adds = self.text[self.pos] == "+"
            self.pos += 2 if adds else 1
            values = tuple(self.values())
            self.end_of_statement(name, in_section=depth > 0)
            yield Setting(name, place, values, adds)
        else:
            self.fail(f"expected '=' or '{{' after {name}", f"write: {name} = value;")

    def block(self, name: str, place: Place, depth: int) -> Block:
        if depth > MAX_SECTIONS:
            raise place.fault(f"sections nested more than {MAX_SECTIONS} deep")
        found: list[Statement] = []
        while self.skip():
            if self.take("}"):
                self.skip()
                self.take(";")
                return Block(name, place, tuple(found))
            if self.take(";"):
                continue
            found.extend([self.clause()] if name == "rule" else self.statement(depth))
        raise place.fault(f"section {name} is not closed", "write '};' where it ends")

    def clause(self) -> Clause:
        self.budget.statements -= 1
        if self.budget.statements < 0:
            self.fail(f"more than {MAX_STATEMENTS} statements")
        start = self.pos
        name = self.name("an action or a condition of the rule")
        negated = name == "not"
        if negated:
            self.skip()
            name = self.name("the condition that 'not' turns round")
        values: list[Value] = []
        while self.skip() and self.text[self.pos] not in ";}":
            values.append(self.regexp() if self.text[self.pos] == "/" else self.value())
        self.end_of_statement(name, in_section=True)
        return Clause(name, self.place(start), tuple(values), negated)

    def end_of_statement(self, name: str, *, in_section: bool) -> None:
        after = self.last
        self.skip()
        # at the top level rmilter does without
        if not self.take(";") and in_section:
            self.fail(f"{name} does not end", "write ';' behind its value", after)

    def name(self, what: str) -> str:
        found = _NAME.match(self.text, self.pos)
        if found is None:
            if self.text.startswith("/*", self.pos):
                self.fail("rmilter.conf has no /* */ comments", "begin each line with '#'")
            self.fail(f"expected {what}", "the form is: name = value;")
        self.pos = self.last = found.end()
        return found[0]

    # -- values ---------------------------------------------------------------------------------

    def values(self) -> Iterator[Value]:
        """The list behind ``=``; it may be empty."""
        if not self.skip() or self.text[self.pos] in ";}":
            return
        yield self.value()
        while self.skip() and self.take(","):
            if not self.skip() or self.text[self.pos] in ";}":
                return
            yield self.value()

    def value(self) -> Value:
        self.budget.values -= 1
        if self.budget.values < 0:
            self.fail(f"more than {MAX_VALUES} values")
        start, place = self.pos, self.place()
        if self.take("{"):
            return self.mirror(place)
        quoted = _QUOTED.match(self.text, start)
        if quoted is not None:
            self.pos = self.last = quoted.end()
            return Value(quoted[1], place, quoted=True)
        if self.text[start] == '"':
            self.fail("a quoted string that does not end", "write the closing '\"'")
        word = _WORD.match(self.text, start)
        if word is None:
            self.fail("expected a value", "write the value, or remove the directive")
        self.pos = self.last = word.end()
        return Value(word[0], place)

    def mirror(self, place: Place) -> Value:
        servers: list[str] = []
        while self.skip() and not self.take("}"):
            found = _WORD.match(self.text, self.pos)
            if found is None or len(servers) == 2:
                self.fail("expected two servers", "write {first, second}")
            servers.append(found[0])
            self.pos = found.end()
            self.skip()
            self.take(",")
        self.last = self.pos
        if not servers:
            raise place.fault("expected two servers", "write {first, second}")
        return Value(servers[0], place, mirror=tuple(servers))

    def regexp(self) -> Value:
        found = _REGEXP.match(self.text, self.pos)
        if found is None:
            self.fail("a regular expression that does not end on its line", "write /expression/")
        self.budget.values -= 1
        place = self.place()
        self.pos = self.last = found.end()
        return Value(found[0], place)

    # -- between --------------------------------------------------------------------------------

    def take(self, text: str) -> bool:
        taken = self.text.startswith(text, self.pos)
        self.pos += len(text) if taken else 0
        return taken

    def skip(self) -> bool:
        """Go behind blanks and comments; whether there is more."""
        while True:
            space = _SPACE.match(self.text, self.pos)
            if space is not None:
                self.pos = space.end()
            if not self.text.startswith("#", self.pos):
                return self.pos < len(self.text)
            end = self.text.find("\n", self.pos)
            self.pos = len(self.text) if end < 0 else end

    # -- other files ----------------------------------------------------------------------------

    def include(self, kind: str, rest: str, offset: int) -> Iterator[Statement]:
        place = self.place(offset)
        path = rest.strip().removesuffix(";").strip().strip("\"'")
        stack = (*self.source.stack, self.source.file)
        if not path:
            raise place.fault(f".{kind} names no file", f"write: .{kind} /path/to/file")
        if path in stack:
            raise place.fault("the file includes itself", f"remove .{kind} {path}")
        if len(stack) > MAX_INCLUDES:
            raise place.fault(f"files included more than {MAX_INCLUDES} deep")
        if self.read is None or (kind == "try_include" and set(path) & set("*?[")):
            reason = (
                "import that file as well" if self.read is None else "import those files as well"
            )
            yield Unread(f".{kind}", place, f"not read here: {reason}")
            return
        try:
            text = self.read(path)
        except (OSError, ValueError) as error:
            if kind == "include":
                why = getattr(error, "strerror", None) or str(error)
                raise place.fault(f"cannot read {path}: {why}", "give its path in full") from None
            return
        yield from _Parser(_Source(path, text, stack), self.budget, self.read).top()
