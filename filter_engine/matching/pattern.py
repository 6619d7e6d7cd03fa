"""A pattern as a site writes it: ``/text/flags`` in PCRE's language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntFlag
from functools import cached_property
from typing import Any, Final

from filter_engine.matching.pcre import PatternError as PatternError
from filter_engine.matching.pcre import compile_regex

MAX_PATTERN: Final = 65_536
"""Characters of one pattern."""


class Flags(IntFlag):
    """How a pattern is read; the letters are PCRE's."""

    NONE = 0
    CASELESS = 1
    """``i``: ASCII letters, with ``u`` all letters."""
    DOTALL = 2
    """``s``: a dot is any octet, the line feed too."""
    MULTILINE = 4
    """``m``: ``^`` and ``$`` also at line ends."""
    EXTENDED = 8
    """``x``: blanks and comments in the pattern do not count."""
    UTF8 = 16
    """``u``: the subject is UTF-8, a dot is a character."""
    LITERAL = 32
    """The text is looked for as it stands."""
    ANCHORED = 64
    """``A``: matches at the beginning only."""
    ALONE = 128
    """Not for hyperscan."""


LETTERS: Final = {
    "i": Flags.CASELESS,
    "s": Flags.DOTALL,
    "m": Flags.MULTILINE,
    "x": Flags.EXTENDED,
    "u": Flags.UTF8,
    "A": Flags.ANCHORED,
}
"""Flags by letter. Rspamd's others, which tell how to match and not what, are in ``IGNORED``."""
IGNORED: Final = frozenset("OrL")
"""Optimisation, raw octets (which is the rule without ``u``) and left-most starts."""


@dataclass(frozen=True)
class Pattern:
    """One pattern, where it stands and what messages call it."""

    text: str
    flags: Flags = Flags.NONE
    name: str = ""
    """The rule it belongs to, for warnings."""
    origin: str = ""
    """``file:line`` of the rule, for warnings."""

    @cached_property
    def regex(self) -> Any:
        """The pattern compiled by ``regex``: for text with ``UTF8``, else for octets.

        Raises ``PatternError``.
        """
        flags = self.flags
        if flags & Flags.LITERAL:
            text = re.escape(self.text)
        else:
            text = f"\\A(?:{self.text})" if flags & Flags.ANCHORED else self.text
        return compile_regex(
            text,
            ignore_case=bool(flags & Flags.CASELESS),
            dot_all=bool(flags & Flags.DOTALL),
            multi_line=bool(flags & Flags.MULTILINE),
            verbose=bool(flags & Flags.EXTENDED),
            characters=bool(flags & Flags.UTF8),
            translate=not flags & Flags.LITERAL,
        )

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= 60 else f"{self.text[:57]}..."
        place = f" ({self.origin})" if self.origin else ""
        return f"{self.name or 'pattern'} /{shown}/{place}"


def literal(text: str, *, ignore_case: bool = False, name: str = "", origin: str = "") -> Pattern:
    """A pattern that is the text itself."""
    flags = Flags.LITERAL | (Flags.CASELESS if ignore_case else Flags.NONE)
    return Pattern(text, flags, name, origin)


def flags_of(letters: str) -> Flags:
    """The flags that letters behind a pattern mean. Raises ``PatternError`` for others."""
    flags = Flags.NONE
    for letter in letters:
        if letter in LETTERS:
            flags |= LETTERS[letter]
        elif letter not in IGNORED:
            raise PatternError(f"unknown flag {letter!r}; known are {''.join(LETTERS)}")
    return flags


def parse_slashed(written: str, name: str = "", origin: str = "") -> Pattern:
    """Read ``/text/flags`` or ``m{text}flags`` (any other delimiter as well).

    Text without delimiters is the pattern itself. The pattern is checked at once: raises
    ``PatternError``, which says what is wrong and where.
    """
    text, flags = written.strip(), Flags.NONE
    if len(text) > MAX_PATTERN:
        raise PatternError(f"a pattern of more than {MAX_PATTERN} characters")
    if text[:1] == "/" or (text[:1] == "m" and text[1:2] in _CLOSING):
        opening = 1 if text[0] == "m" else 0
        closing = _CLOSING[text[opening]]
        end = text.rfind(closing)
        if end <= opening:
            raise PatternError(f"the closing {closing} of the pattern is missing")
        letters = text[end + 1 :]
        text = text[opening + 1 : end]
        flags = flags_of(letters)
        if closing != "/":
            text = text.replace(f"\\{closing}", closing) if closing not in _MEANING else text
    pattern = Pattern(text, flags, name, origin)
    pattern.regex  # noqa: B018  # says now what is wrong
    return pattern


_CLOSING: Final = {"/": "/", "{": "}", "(": ")", "[": "]", "<": ">", "!": "!", "#": "#"}
_CLOSING.update(dict.fromkeys(",|~%@'\"", ""))
_CLOSING.update({sign: sign for sign in ",|~%@'\""})
_MEANING: Final = frozenset("})]>|")
"""Delimiters that mean something in a pattern: escaped, they stay so."""
