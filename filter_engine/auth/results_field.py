"""Authentication-Results as others wrote it (RFC 8601, section 2.2), read in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from filter_engine.lazy_dataclass import settled

MAX_LENGTH: Final = 16384
"""Characters of a field that is read."""
MAX_RESULTS: Final = 100
"""Results of one field."""

_SPACE: Final = re.compile(r"\s+")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_WORD: Final = re.compile(r'[^\s;="()]+')
_MARKS: Final = (";", "=")


class ResultsFieldError(ValueError):
    """A field that does not follow the grammar; the text says why."""


@settled
class MethodResult:
    """``spf=pass reason="..." smtp.mailfrom=al@example.com``."""

    method: str
    """Lower-case, without version."""
    result: str
    """Lower-case."""
    reason: str = ""
    properties: tuple[tuple[str, str], ...] = ()
    """(``ptype.property`` in lower case, value)."""

    def property(self, name: str) -> str:
        """The first value of a property; empty without one."""
        return next((value for known, value in self.properties if known == name), "")


@settled
class ResultsField:
    """What one field says."""

    authserv: str
    """Who speaks, as written."""
    results: tuple[MethodResult, ...] = ()

    def result(self, method: str) -> str:
        """The first result of a method; empty without one."""
        return next((one.result for one in self.results if one.method == method), "")


def parse_results_field(value: str) -> ResultsField:
    """Read an Authentication-Results value. Raises ResultsFieldError."""
    groups = _groups(value)
    authserv = groups[0]
    if not authserv or authserv[0] in _MARKS:
        raise ResultsFieldError("no authserv-id")
    results = [_method(group) for group in groups[1:] if group]
    return ResultsField(authserv[0], tuple(one for one in results if one is not None))


def parse_arc_results_field(value: str) -> ResultsField:
    """Read an ARC-Authentication-Results value, which begins with ``i=N;`` (RFC 8617, section
    4.1.1). Raises ResultsFieldError."""
    instance, semicolon, rest = value.partition(";")
    if not semicolon or instance.partition("=")[0].strip().lower() != "i":
        raise ResultsFieldError("no instance")
    return parse_results_field(rest)


def _groups(value: str) -> list[list[str]]:
    """The tokens between semicolons, comments left out."""
    if len(value) > MAX_LENGTH:
        raise ResultsFieldError(f"{len(value)} characters")
    groups: list[list[str]] = [[]]
    for piece in _tokens(value):
        if piece == ";":
            groups.append([])
            if len(groups) > MAX_RESULTS + 1:
                raise ResultsFieldError(f"more than {MAX_RESULTS} results")
        else:
            groups[-1].append(piece)
    return groups


def _tokens(value: str) -> Iterator[str]:
    at = 0
    while at < len(value):
        char = value[at]
        if found := _SPACE.match(value, at):
            at = found.end()
        elif char == "(":
            at = _after_comment(value, at)
        elif char in _MARKS:
            yield char
            at += 1
        elif char == '"':
            quoted = _QUOTED.match(value, at)
            if quoted is None:
                raise ResultsFieldError("a quoted text without end")
            yield _PAIR.sub(r"\1", quoted[1])
            at = quoted.end()
        elif word := _WORD.match(value, at):
            yield word[0]
            at = word.end()
        else:
            raise ResultsFieldError(f"unexpected {char!r}")


def _after_comment(value: str, at: int) -> int:
    depth, escaped = 0, False
    for place in range(at, len(value)):
        char = value[place]
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if not depth:
                return place + 1
    raise ResultsFieldError("a comment without end")


def _method(tokens: list[str]) -> MethodResult | None:
    """One result; None for the word ``none``, which says that there is none."""
    if len(tokens) == 1 and tokens[0].lower() == "none":
        return None
    if len(tokens) < 3 or tokens[1] != "=" or tokens[2] in _MARKS:
        raise ResultsFieldError("expected method=result")
    method, result = tokens[0].partition("/")[0].lower(), tokens[2].lower()
    pairs: list[tuple[str, str]] = []
    at = 3
    while at + 2 < len(tokens) and tokens[at + 1] == "=":
        name, value = tokens[at].lower(), tokens[at + 2]
        at += 3
        # a value such as user"@"example or b=x=y falls apart into several tokens
        while at < len(tokens) and (tokens[at] == "=" or not _starts_pair(tokens, at)):
            value += tokens[at]
            at += 1
        pairs.append((name, value))
    reason = next((value for name, value in pairs if name == "reason"), "")
    properties = tuple((name, value) for name, value in pairs if name != "reason")
    return MethodResult(method, result, reason, properties)


def _starts_pair(tokens: list[str], at: int) -> bool:
    return at + 1 < len(tokens) and tokens[at + 1] == "="
