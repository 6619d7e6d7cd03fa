"""Texts of a configuration without its secrets, for reports, diffs and logs.

It goes by names, not by schemas: the texts may be broken, or Rspamd's own. Of a statement with a
secret name nothing but the name is shown; of a text whose statements cannot be told apart, nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from filter_engine.importers.statements import Statement, statements, without_macros
from filter_engine.ucl import UclError, UclNode, UclObject, parse
from filter_engine.ucl.masking import HIDDEN, hide_in_text, is_secret_name

NOT_SHOWN = "(hidden: {} lines that cannot be read as settings)"

_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)", re.S)
_WORD = re.compile(r"[\w.-]+")
#: In a value: ``?token=x``, ``"X-Api-Key": "x"``, ``Bearer x``.
_SAID = re.compile(r"([\w.-]+)[\"']?\s*[=:]|\b(?P<scheme>bearer|basic)\s+\S", re.I)
#: A comment of its own lines, or one in ``/* */``, as ``statements`` passes over them.
_GAP = re.compile(r"(?P<blank>[\s,;{}]+)|(?P<lines>#[^\n]*(?:\n[ \t]*#[^\n]*)*)|(?P<long>/\*)")
#: Names of settings that are words of a sentence as well, unless a sign of a setting follows.
_PROSE = frozenset({"key", "keypair", "pass"})
_SETS = re.compile(r"[\"']?[ \t]*(?:[=:\"'{[]|<<|\Z)")
_COMMENT_PART = re.compile(r"/\*|\*/")


def redact(text: str) -> str:
    """The text with passwords, keys and tokens hidden."""
    text = _PEM.sub(HIDDEN, text)
    pieces: list[str] = []
    try:
        found = statements(text)
        if _keys(parse(without_macros(text))) != set(_names(found)):
            raise _UnclearError
        _block(text, found, 0, len(text), pieces)
    except (UclError, _UnclearError):
        return NOT_SHOWN.format(len(text.splitlines()))
    return "".join(pieces)


def before_secrets(line: str) -> str:
    """The beginning of a line of any language, up to and with the first secret name in it."""
    shown = _until_secret(hide_in_text(_PEM.sub(HIDDEN, line), HIDDEN))
    return shown if shown is not None else line


class _UnclearError(Exception):
    """Where a statement ends is not certain: the parser sees others, or more stands in between."""


def _keys(node: UclNode) -> set[str]:
    """All keys that the parser sees, those in arrays aside."""
    keys: set[str] = set()
    if isinstance(node, UclObject):
        keys.update(node.entries)
        for values in node.entries.values():
            keys.update(*map(_keys, values))
    return keys


def _names(found: Iterable[Statement]) -> Iterator[str]:
    for top in found:
        for statement in top.walk():
            if not statement.key.startswith("."):
                yield from (statement.key, *statement.names)


def _block(text: str, found: Iterable[Statement], start: int, end: int, pieces: list[str]) -> None:
    """Put the text from ``start`` to ``end`` with its statements into ``pieces``."""
    for statement in found:
        _gap(text[start : statement.start], pieces)
        _statement(text, statement, pieces)
        start = statement.end
    _gap(text[start:end], pieces)


def _statement(text: str, statement: Statement, pieces: list[str]) -> None:
    names = text[statement.start : statement.value]
    value = text[statement.value : statement.end]
    if statement.key.startswith("."):
        macro = text[statement.start : statement.end]
        says = _speaks_of_secrets(macro)
        pieces.append(f"{statement.key} {HIDDEN}" if says else hide_in_text(macro, HIDDEN))
        return
    if any(map(is_secret_name, (statement.key, *statement.names))):
        plain = not statement.names and not re.search(r"[#\n]|/\*", names)
        kept = names if plain else f"{statement.key} = "
        rest = value.rstrip()
        behind = rest[-1] if rest[-1:] in (";", ",") else ""
        pieces.append(f"{kept}{HIDDEN}{behind}{value[len(rest) :]}")
        return
    pieces.append(HIDDEN if _speaks_of_secrets(names) else names)
    if statement.inside is None:
        pieces.append(_value(value))
        return
    start, end = statement.inside
    pieces.append(text[statement.value : start])
    _block(text, statement.children, start, end, pieces)
    pieces.append(text[end : statement.end])


def _value(text: str) -> str:
    """A value of no secret name: it may quote one, in a URL, a script or a section of an array."""
    says = any(found["scheme"] or is_secret_name(found[1]) for found in _SAID.finditer(text))
    if says or (text[:1] == "[" and _speaks_of_secrets(text)):
        return f"{HIDDEN}{text[-1:] if text[-1:] in ';,' else ''}"
    scheme, last = text.find("://"), text.rfind("@")
    if text[:1] != "[" and "\n" not in text and 0 <= scheme < last:
        return f"{text[: scheme + 3]}{HIDDEN}{text[last:]}"  # a login with quotes or blanks in it
    return hide_in_text(text, HIDDEN)


def _gap(text: str, pieces: list[str]) -> None:
    """What stands between statements: blanks, separators and comments."""
    at = 0
    while at < len(text):
        match = _GAP.match(text, at)
        if match is None:
            raise _UnclearError
        end = match.end() if match["long"] is None else _comment_end(text, at)
        piece = text[at:end]
        pieces.append(_comment(piece) if match["blank"] is None else piece)
        at = end


def _comment_end(text: str, at: int) -> int:
    depth = 0
    for mark in _COMMENT_PART.finditer(text, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    raise _UnclearError


def _comment(text: str) -> str:
    """A comment, often a setting that was switched off; behind an open value nothing is shown."""
    rows: list[str] = []
    for row in text.split("\n"):
        shown = _until_secret(row)
        rows.append(hide_in_text(row, HIDDEN) if shown is None else shown)
        said = "-" if shown is None else row[len(shown) - len(HIDDEN) - 1 :].strip(" \t=:")
        if not said or said[-1] in "[{,\\" or "<<" in said or said.count('"') % 2:
            rows.append(f"# {HIDDEN}")
            return "\n".join(rows) + ("*/" if text.startswith("/*") else "")
    closing = "*/" if text.startswith("/*") and not rows[-1].endswith("*/") else ""
    return "\n".join(rows) + closing


def _until_secret(row: str) -> str | None:
    """A line up to a secret's name, with what follows hidden; None when it names none."""
    for word in _WORD.finditer(row):
        prose = word[0].lower() in _PROSE and not _SETS.match(row, word.end())
        if is_secret_name(word[0]) and not prose:
            return f"{row[: word.end()]} {HIDDEN}"
    return None


def _speaks_of_secrets(text: str) -> bool:
    return any(map(is_secret_name, _WORD.findall(text)))


def without_words_of(value: str, message: str) -> str:
    """A message about a value, with what it quotes of the value left out."""
    message = re.sub(r"'.*'", "'...'", message)
    for word in sorted(set(re.findall(r"[^\s=:;{}\[\],\"']{3,}", value)), key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "...", message)
    return message
