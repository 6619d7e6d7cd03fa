"""Postfix's parameters as far as the rules ask: main.cf and the ``-o`` options of master.cf.

Source: postconf(5), "file format": a line that begins with a blank continues the one before, the
last value of a name counts, ``$name``, ``${name}`` and ``$(name)`` are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field

from filter_engine.lazy_dataclass import frozen
from filter_engine.lint.host import Host

MAIN_CF = "/etc/postfix/main.cf"
MASTER_CF = "/etc/postfix/master.cf"

_SETTING = re.compile(r"([A-Za-z0-9_]+)\s*=\s*(.*)", re.S)
_OPTION = re.compile(r"-o\s*(?:\{\s*([A-Za-z0-9_]+)\s*=\s*([^}]*)\}|([A-Za-z0-9_]+)=(\S*))")
_REFERENCE = re.compile(r"\$(?:([A-Za-z0-9_]+)|\{([A-Za-z0-9_]+)\}|\(([A-Za-z0-9_]+)\))")
_MAX_DEPTH = 8
_MAX_VALUE = 65536


@frozen
class Parameter:
    """A value and where it stands."""

    name: str
    value: str
    file: str
    line: int
    column: int = 1


@frozen
class Postfix:
    """The parameters of main.cf by name, and those that services of master.cf change."""

    main: dict[str, Parameter] = field(default_factory=dict)
    services: tuple[Parameter, ...] = ()

    def of(self, *names: str) -> Iterator[Parameter]:
        """Every setting of these parameters, references replaced."""
        for name in names:
            if name in self.main:
                yield self._expanded(self.main[name])
        for found in self.services:
            if found.name in names:
                yield self._expanded(found)

    def number(self, name: str, default: int) -> tuple[int, Parameter | None]:
        """A whole number of main.cf and where it stands."""
        for found in self.of(name):
            if found.value.strip().isdecimal():
                return int(found.value.strip()[:20]), found
        return default, None

    def _expanded(self, found: Parameter) -> Parameter:
        return Parameter(found.name, self._replaced(found.value), found.file, found.line)

    def _replaced(self, value: str) -> str:
        left = [_MAX_VALUE]

        def replaced(text: str, depth: int) -> str:
            def one(reference: re.Match[str]) -> str:
                found = self.main.get(reference[1] or reference[2] or reference[3])
                left[0] -= len(found.value) + 1 if found else 1
                if found is None or depth == _MAX_DEPTH or left[0] < 0:
                    return ""
                return replaced(found.value, depth + 1)

            return _REFERENCE.sub(one, text)

        return replaced(value, 0)


def read_postfix(host: Host) -> Postfix | None:
    """Postfix's parameters of a host, None where there is no main.cf to read."""
    text = host.text(MAIN_CF)
    if text is None:
        return None
    main: dict[str, Parameter] = {}
    for line, logical in _logical_lines(text):
        found = _SETTING.match(logical)
        if found:
            main[found[1]] = Parameter(found[1], found[2].strip(), str(host.path(MAIN_CF)), line)
    services = [
        Parameter(
            option[1] or option[3],
            (option[2] if option[1] else option[4]).strip(),
            str(host.path(MASTER_CF)),
            line,
        )
        for line, logical in _logical_lines(host.text(MASTER_CF) or "")
        for option in _OPTION.finditer(logical)
    ]
    return Postfix(main, tuple(services))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number of the first line, text) of each logical line, comments and empty lines left out."""
    start, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0] in " \t" and parts:
            parts.append(line.strip())
            continue
        if parts:
            yield start, " ".join(parts)
        start, parts = number, [line.strip()]
    if parts:
        yield start, " ".join(parts)


def words(value: str) -> list[str]:
    """The elements of a list: separated by commas and blanks; the first word of ``{ ... }``."""
    found: list[str] = []
    for braced, word in re.findall(r"\{([^}]*)\}|([^\s,{}]+)", value):
        inner = braced.replace(",", " ").split()
        found.extend(inner[:1] if braced else [word])
    return found
