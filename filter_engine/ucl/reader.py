"""Reading one text: one pass by index, an explicit stack, every value with its origin.

Source: libucl's README and the behaviour its basic tests pin down.
"""

from __future__ import annotations

import re

from filter_engine.ucl.errors import UclError
from filter_engine.ucl.merge import Duplicate, Frame, MergeError, place
from filter_engine.ucl.nodes import Origin, UclArray, UclNode, UclObject, UclScalar
from filter_engine.ucl.oddities import oddity
from filter_engine.ucl.scalars import read_bare, unescape, unescape_single
from filter_engine.ucl.session import Session
from filter_engine.ucl.source import Source

#: Letters, digits, ``_``, ``/`` and all beyond ASCII; then ``.`` and ``-`` too. Written as what it
#: is not: a class that names all beyond ASCII takes 3 ms to compile.
KEY = re.compile(r"[^\x00-.:-@\[-^`{-\x7f][^\x00-,:-@\[-^`{-\x7f]*")
_LINE_BLANKS = re.compile(r"[ \t]*")
_QUOTED_INSIDE = re.compile(r'[^"\\\x00-\x1e]*(?:\\.[^"\\\x00-\x1e]*)*')
_QUOTED = re.compile(rf'"({_QUOTED_INSIDE.pattern})"')
_SINGLE_QUOTED = re.compile(r"'([^'\\]*(?:\\.[^'\\]*)*)'", re.DOTALL)
_BAD_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u(?![0-9a-fA-F]{4})")
_HEREDOC = re.compile(r"<<([A-Z]{1,64})\n")
_PLAIN = re.compile(r"[^\\{}\[\],;#\n\r/\x00]*")
_NESTED_KEY = re.compile(r"[^,;\n\r{\[]*")
_MAX_LINE = 400
_MAX_NOTES = 1000
_SEPARATORS = re.compile(r"[ \t\n\r,;]*")


class Reader:
    """Reads one text into a frame. Made anew for each file, over a shared ``Session``."""

    def __init__(
        self,
        session: Session,
        source: Source,
        frame: Frame,
        *,
        top: UclObject | None,
        depth: int = 0,
        priority: int = 0,
        strategy: Duplicate = Duplicate.APPEND,
    ) -> None:
        self.session = session
        self.source = source
        self.stack = [frame]
        #: The outermost section, where ``.inherit`` looks things up.
        self.top = top
        self.depth = depth
        self.priority = priority
        self.strategy = strategy
        self._origins: list[Origin] = []

    def read(self) -> None:
        """Read the whole text. Raises ``UclError``."""
        text = self.source.text
        nul = text.find("\0")
        if nul >= 0:
            raise self.source.error(nul, "a NUL byte", "is this a text file?")
        pos = self.source.skip(0)
        base = self.stack[0]
        if text.startswith("{" if isinstance(base.node, UclObject) else "[", pos):
            base.braced = True
            self._origins.append(self.source.origin(pos))
            pos += 1
        while pos >= 0:
            frame = self.stack[-1]
            pos = self._item(pos) if isinstance(frame.node, UclArray) else self._entry(pos)
        if base.braced or len(self.stack) > 1:
            opened = self._origins[-1]
            raise self.source.error(
                len(text), f"the brace or bracket opened at line {opened.line} is never closed"
            )

    # -- keys ---------------------------------------------------------------------------------

    def _entry(self, pos: int) -> int:
        """Read one key with its value, a macro or a closing brace; -1 at the end of the text."""
        source = self.source
        pos = source.skip(pos)
        text = source.text
        if pos >= len(text):
            return -1
        char = text[pos]
        if char == "}":
            return self._close(pos)
        if char == "." and self.session.run_macro is not None:
            return self.session.run_macro(self, pos)
        key, after = self._key(pos, char)
        origin_pos = pos
        match = _LINE_BLANKS.match(text, after)
        assert match is not None
        separated = False
        pos = match.end()
        while pos < len(text):
            if text[pos] in "=:":
                if separated:
                    raise source.error(pos, f"unexpected {text[pos]!r}", "one = or : is enough")
                separated = True
                pos += 1
            elif (commented := source.skip_comment(pos)) != pos:
                pos = commented
            else:
                break
            match = _LINE_BLANKS.match(text, pos)
            assert match is not None
            pos = match.end()
        if pos >= len(text):
            raise source.error(origin_pos, f"the key {key!r} has no value")
        if not separated and text[pos] not in "{[":
            match = _NESTED_KEY.match(text, pos)
            assert match is not None
            if match.end() < len(text) and text[match.end()] in "{[":
                nested = UclObject(origin=source.origin(origin_pos), priority=self.priority)
                self._open(key, nested, origin_pos, implied=True)
                return pos
        return self._value(source.skip(pos), key, origin_pos)

    def _key(self, pos: int, char: str) -> tuple[str, int]:
        source = self.source
        if char == '"':
            raw, after = self.quoted(pos)
            key = unescape(raw)
            if not key:
                raise source.error(pos, "an empty key")
        else:
            match = KEY.match(source.text, pos)
            if match is None:
                raise source.error(
                    pos,
                    f"a key cannot begin with {char!r}",
                    "keys begin with a letter, digit, _ or /; quote others"
                    if char not in ";,"
                    else "remove this separator",
                )
            key, after = match[0], match.end()
            if after >= len(source.text):
                raise source.error(pos, f"the key {key!r} has no value")
            if source.text[after] not in " \t=:":
                raise self._key_error(key, after)
        if len(key) > self.session.limits.key_length:
            raise source.error(pos, f"a key of {len(key)} characters")
        return key.lower() if self.session.lowercase_keys else key, after

    def _key_error(self, key: str, pos: int) -> UclError:
        char = self.source.text[pos]
        if char in "\r\n;,}":
            return self.source.error(
                pos, f"the key {key!r} has no value", self._after_comma(key, pos)
            )
        if char in "{[":
            hint = f"put a blank before it: {key} {char}"
        else:
            hint = "quote the key if it is part of it"
        return self.source.error(pos, f"unexpected {char!r} in the key {key!r}", hint)

    def _after_comma(self, key: str, pos: int) -> str:
        """What to write instead of a word without a value: it may be the rest of a list."""
        text = self.source.text
        start = pos - len(key)
        before = text[max(0, start - _MAX_LINE) : start].rpartition("\n")[2].rstrip(" \t")
        if not before.endswith(","):
            return f"write {key} = value;"
        if key.isdecimal() and before[:-1].rpartition(" ")[2].lstrip("-=:").isdecimal():
            return "write a decimal point, not a comma: 15.5"
        return "a list needs brackets: key = [first, second];"

    # -- values -------------------------------------------------------------------------------

    def _item(self, pos: int) -> int:
        """Read one element of an array or its closing bracket."""
        pos = self.source.skip(pos)
        if pos >= len(self.source.text):
            if len(self.stack) == 1 and not self.stack[0].braced:
                return -1
            opened = self._origins[-1]
            raise self.source.error(
                pos, f"the array opened at line {opened.line} is never closed", "close it with ]"
            )
        if self.source.text[pos] == "]":
            return self._close(pos)
        return self._value(pos, None, pos)

    def _value(self, pos: int, key: str | None, key_pos: int) -> int:
        """Read the value at ``pos`` and put it in place; returns the position after it."""
        source = self.source
        text = source.text
        if pos >= len(text):
            raise source.error(key_pos, f"the key {key!r} has no value")
        char = text[pos]
        if char in "{[":
            origin = source.origin(pos if key is None else key_pos)
            node = (UclObject if char == "{" else UclArray)(origin=origin, priority=self.priority)
            self._open(key, node, pos)
            self.stack[-1].braced = True
            return pos + 1
        style = text_form = ""
        value: str | int | float | bool | None
        if char == '"':
            raw, after = self.quoted(pos)
            value, style = self.session.variables.expand(unescape(raw)), '"'
        elif char == "'":
            match = _SINGLE_QUOTED.match(text, pos)
            if match is None:
                raise source.error(pos, "the string is not finished", "close it with '")
            value, style, after = unescape_single(match[1]), "'", match.end()
        elif char == "<" and (heredoc := _HEREDOC.match(text, pos)) is not None:
            raw, after = self._heredoc(pos, heredoc)
            value, style = self.session.variables.expand(raw), "<<"
        else:
            word, after = self._bare(pos)
            try:
                bare = read_bare(word)
            except OverflowError:
                raise source.error(pos, "the number is out of range") from None
            value = bare.value
            if bare.plain:
                value = self.session.variables.expand(unescape(word))
            else:
                text_form = word
        scalar = UclScalar(
            value, source.origin(key_pos), priority=self.priority, text=text_form, style=style
        )
        self.session.count(source, pos)
        if type(value) is str and value and style in ("", '"'):
            self._note_oddity(value, pos, quoted=bool(style))
        self._put(key, scalar, key_pos)
        self._close_implied()
        return self._after(after, separated=False)

    def _note_oddity(self, text: str, pos: int, *, quoted: bool) -> None:
        if "$" not in text and (quoted or ("=" not in text and text.isascii())):
            return
        session = self.session
        found = oddity(text[:_MAX_LINE], session.variables.values, quoted=quoted)
        if found is not None and len(session.notes) < _MAX_NOTES:
            session.notes.append(self.source.error(pos, *found))

    def quoted(self, pos: int) -> tuple[str, int]:
        """The raw inside of a double-quoted string and the position after it."""
        match = _QUOTED.match(self.source.text, pos)
        if match is not None:
            if "\\u" in match[1] and (bad := _BAD_ESCAPE.search(match[1])) is not None:
                raise self.source.error(
                    pos + 1 + bad.end() - 2, r"\u needs four hexadecimal digits"
                )
            return match[1], match.end()
        text = self.source.text
        at = _QUOTED_INSIDE.match(text, pos + 1)
        end = at.end() if at is not None else pos
        if end < len(text) and text[end] == "\n":
            raise self.source.error(
                end,
                "a newline in a quoted string",
                r'is the closing " missing? write \n for a newline, or use <<EOD',
            )
        if end < len(text) and text[end] < "\x1f":
            raise self.source.error(
                end, "a control character in a quoted string", r"write it as \t or \u0001"
            )
        raise self.source.error(pos, "the string is not finished", 'close it with "')

    def _heredoc(self, pos: int, opening: re.Match[str]) -> tuple[str, int]:
        """The text of a heredoc and the position after its terminator."""
        text = self.source.text
        start = opening.end()
        terminator = "\n" + opening[1]
        at = text.find(terminator, start - 1)
        while at >= 0:
            end = at + len(terminator)
            if end == len(text) or text[end] in "\n;,":
                return text[start:at] if at >= start else "", end
            at = text.find(terminator, at + 1)
        raise self.source.error(
            pos, "the heredoc is not finished", f"end it with {opening[1]} alone on a line"
        )

    def _bare(self, pos: int) -> tuple[str, int]:
        """An unquoted word and the position after it; braces and brackets may stand in pairs."""
        text = self.source.text
        length = len(text)
        opened = {"{": 0, "[": 0}
        at = pos
        while True:
            match = _PLAIN.match(text, at)
            assert match is not None
            at = match.end()
            if at >= length:
                break
            char = text[at]
            if char == "\\":
                at = min(at + 2, length)
                continue
            if char == "/":
                if text.startswith("/*", at):
                    break
            elif char in opened:
                opened[char] += 1
            elif char in "}]":
                pair = "{" if char == "}" else "["
                if not opened[pair]:
                    break
                opened[pair] -= 1
            else:
                break
            at += 1
        word = text[pos:at].rstrip(" \t")
        if not word:
            raise self.source.error(pos, "the value is missing", self._instead(pos))
        return word, at

    def _instead(self, pos: int) -> str:
        """What to write where a value is expected and none is."""
        char = self.source.text[pos : pos + 1]
        if char == "}" and self._origins and isinstance(self.stack[-1].node, UclArray):
            return f"the [ of line {self._origins[-1].line} is closed by }}: write ] for it"
        if char == "}":
            return "write key = value; a list is [first, second]"
        return 'write "" for an empty string'

    # -- structure ----------------------------------------------------------------------------

    def _open(
        self, key: str | None, node: UclObject | UclArray, pos: int, *, implied: bool = False
    ) -> None:
        self.session.count(self.source, pos)
        if self.depth + len(self.stack) >= self.session.limits.depth:
            raise self.source.error(pos, f"nested deeper than {self.session.limits.depth} levels")
        frame = self._put(key, node, pos)
        assert frame is not None
        frame.implied = implied
        self.stack.append(frame)
        self._origins.append(node.origin)

    def _put(self, key: str | None, node: UclNode, pos: int) -> Frame | None:
        frame = self.stack[-1]
        if key is None:
            assert isinstance(frame.node, UclArray)
            frame.node.items.append(node)
            return None if isinstance(node, UclScalar) else Frame(node)
        try:
            return place(frame, key, node, self.strategy)
        except MergeError as error:
            raise self.source.error(
                pos, str(error), f"the earlier one is at {error.old.origin}"
            ) from None

    def _close(self, pos: int) -> int:
        frame = self.stack[-1]
        if not frame.braced:
            raise self.source.error(
                pos, f"{self.source.text[pos]!r} closes nothing", "is there one too many?"
            )
        self._origins.pop()
        if len(self.stack) == 1:
            frame.braced = False
        else:
            self.stack.pop()
            self._close_implied()
        return self._after(pos + 1, separated=True)

    def _close_implied(self) -> None:
        while self.stack[-1].implied:
            self.stack.pop()
            self._origins.pop()

    def _after(self, pos: int, *, separated: bool) -> int:
        """Skip what may follow a value; without a separator only a closing one may come next."""
        source = self.source
        text = source.text
        while True:
            match = _SEPARATORS.match(text, pos)
            assert match is not None
            if not separated and match.end() > pos:
                separated = bool(match[0].strip(" \t"))
            pos = source.skip_comment(match.end())
            if pos == match.end():
                break
            separated = True
        if not separated and pos < len(text) and text[pos] not in "}]":
            raise source.error(pos, "a separator is missing", "put ; or a newline before this")
        return pos
