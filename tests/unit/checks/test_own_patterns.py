"""The patterns are this project's own: none equals one of Rspamd's, but where a fact leaves one."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import filter_engine.checks
from filter_engine.checks.regexp.stock import RULES

RSPAMD: Final = Path("/usr/share/rspamd")
LONG: Final = 25
"""Characters from which on two patterns that are equal tell something."""

SINGLE_FORMS: Final = {
    "HAS_PHPMAILER_SIG": "PHPMailer's boundary: b1_ and what base 64 has, to the closing quote",
    "HAS_GUC_PROXY_URI": "a name and a path of Google's",
    "YANDEX_RU_MAILER": "the value of X-Mailer, as it is",
    "GOOGLE_FORWARDING_MID_BROKEN": "the Message-ID that Google gives, as it is",
    "GOOGLE_FORWARDING_MID_MISSING": "the Message-ID that Google gives, as it is",
}
"""Where a pattern may equal Rspamd's, and the fact that leaves no other."""


def normal(text: str) -> str:
    """A pattern (or a file with patterns) without what is but a way of writing."""
    text = re.sub(r"\\{2,}", lambda _: "\\", text)
    text = text.replace("[[:alnum:]]", "[0-9a-zA-Z]").replace("[0-9]", r"\d").replace("(?:", "(")
    text = re.sub(r"\[([^\[\]\\]*?)0-9", r"[\1\\d", text)
    text = re.sub(r"\[([A-Za-z-]*)\\d", r"[\\d\1", text)
    return re.sub(r"\\([^a-zA-Z0-9])", r"\1", text)


def alternatives(pattern: str) -> Iterator[str]:
    """A pattern, and each of its alternatives at the top."""
    yield pattern
    depth, begin, in_class = 0, 0, False
    for found in re.finditer(r"\\.|[\[\]()|]", pattern, re.DOTALL):
        sign = found.group()
        if in_class:
            in_class = sign != "]"
        elif sign == "[":
            in_class = True
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == "|" and depth == 0:
            yield pattern[begin : found.start()]
            begin = found.end()
    yield pattern[begin:]


def _inside(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, re.Pattern):
        yield value.pattern if isinstance(value.pattern, str) else value.pattern.decode("latin-1")
    elif isinstance(value, dict) and depth < 4:
        for each in value.values():
            yield from _inside(each, depth + 1)
    elif isinstance(value, (tuple, list, set, frozenset)) and depth < 4:
        for each in value:
            yield from _inside(each, depth + 1)


def ours() -> Iterator[tuple[str, str]]:
    """Where each pattern of the checks stands, and the pattern."""
    for rule in RULES:
        for body in re.findall(r"/((?:\\.|[^/\\])+)/[a-zA-Z]*", rule.expression):
            yield rule.symbol.name, body
    for module in pkgutil.walk_packages(filter_engine.checks.__path__, "filter_engine.checks."):
        for name, value in vars(importlib.import_module(module.name)).items():
            for pattern in _inside(value):
                yield f"{module.name.removeprefix('filter_engine.checks.')}.{name}", pattern


def equal_ones(theirs: str) -> set[str]:
    """The places of our patterns that stand in a text."""
    text = normal(theirs)
    joined = re.sub(r"""(['"])\s*\.\.\s*\1""", "", text)
    return {
        place
        for place, pattern in ours()
        for each in alternatives(pattern)
        if len(bare := normal(each).removeprefix("^").removeprefix(r"\s*").removesuffix("$"))
        >= LONG
        and (bare in text or bare in joined)
    }


def test_no_pattern_equals_one_of_rspamd() -> None:
    if not RSPAMD.is_dir():
        pytest.skip("Rspamd's rules are not installed here")
    files = [file for part in ("rules", "plugins") for file in (RSPAMD / part).rglob("*.lua")]
    assert files
    theirs = "\n".join(file.read_text(errors="replace") for file in files)
    assert equal_ones(theirs) == set(SINGLE_FORMS)


def test_an_equal_pattern_is_seen_however_it_is_escaped() -> None:
    rule = next(rule for rule in RULES if rule.symbol.name == "PHP_XPS_PATTERN")
    assert equal_ones(f"re = '{rule.expression}'") == {"PHP_XPS_PATTERN"}
    escaped = rule.expression.replace("\\", "\\\\").replace("-", "\\-")
    assert equal_ones(f"re = '{escaped}'") == {"PHP_XPS_PATTERN"}
    assert equal_ones("re = '/nothing of ours/'") == set()
