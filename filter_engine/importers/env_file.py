"""Environments written down: files of ``KEY=value`` lines, and the list of a compose file.

A file as for ``docker run --env-file``: ``#`` begins a comment line, blank lines are passed over,
the value is the rest of the line as it is. Lines that begin with ``- `` are those of a compose
file's ``environment:`` list; in them ``${NAME}``, ``${NAME-default}`` and the like are put in from
the environment, as compose does (https://docs.docker.com/reference/compose-file/interpolation/).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from filter_engine.importers.outcome import ImportFaultError, Remark
from filter_engine.lazy_dataclass import mutable

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_REFERENCE = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<bare>[A-Za-z_]\w*)"
    r"|\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-?+])(?P<word>[^{}]*))?\}|(?P<bad>\{))"
)


@mutable
class EnvFile:
    """What a file says: value and line of each key; a later line wins over an earlier one."""

    values: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)


def read_env(text: str, file: str, environ: Mapping[str, str]) -> EnvFile:
    """Read an environment; ``environ`` fills what lines leave to it.

    Raises ``ImportFaultError`` for a line that is no setting.
    """
    found = EnvFile()
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        listed = line.startswith("- ")
        if listed:
            line = _unquoted(line[2:].strip())
        key, separator, value = line.partition("=")
        if not _KEY.match(key):
            raise ImportFaultError(
                "this is no setting of an environment", file, number, "write KEY=value on one line"
            )
        if not separator:
            if key not in environ:
                found.remarks.append(Remark(file, number, key, "no value here nor in the process"))
                continue
            value = environ[key]
        elif listed:
            value = interpolate(value, environ, file, number)
        if key in found.values:
            found.remarks.append(
                Remark(file, found.lines[key], key, f"line {number} sets it again and counts")
            )
        found.values[key] = value
        found.lines[key] = number
    return found


def interpolate(value: str, environ: Mapping[str, str], file: str, line: int) -> str:
    """Put variables in as compose does; ``ImportFaultError`` where a required one is missing."""

    def put(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        if match["bad"]:
            raise ImportFaultError("'${' opens no reference", file, line, "write $$ for a dollar")
        name = match["bare"] or match["name"]
        word, how = match["word"] or "", match["how"] or ""
        current = environ.get(name)
        is_set = bool(current) if how.startswith(":") else current is not None
        if how.endswith("+"):
            return word if is_set else ""
        if is_set:
            return current or ""
        if how.endswith("?"):
            raise ImportFaultError(f"{name} is not set: {word}", file, line)
        return word

    return _REFERENCE.sub(put, value)


def _unquoted(item: str) -> str:
    """A list item without the quotes YAML may have around it."""
    if len(item) > 1 and item[0] == item[-1] == "'":
        return item[1:-1].replace("''", "'")
    if len(item) > 1 and item[0] == item[-1] == '"':
        return re.sub(r"\\(.)", r"\1", item[1:-1])
    return item
