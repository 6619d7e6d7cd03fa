"""Macros: ``.include``, ``.try_include``, ``.includes``, ``.load``, ``.priority``, ``.inherit``.

Source: libucl's README, "Macros support" and "Include macro".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.includes import include, load
from filter_engine.ucl.merge import Frame
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar
from filter_engine.ucl.reader import Reader
from filter_engine.ucl.session import Session
from filter_engine.ucl.source import Source
from filter_engine.ucl.variables import Variables

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ARGUMENT_PART = re.compile(r'[()]|"(?:[^"\\]|\\.)*"')
_BODY = re.compile(r"\{[ \t\r\n]*([^}]*)\}")
_WORD = re.compile(r"[^\n\r#,;\]}\x00]*")
_AFTER = re.compile(r"[ \t\r\n;]*")
MAX_PRIORITY = 15


@frozen
class Call:
    """A macro as written: ``.name(arguments) "value"`` at ``pos``."""

    name: str
    arguments: UclObject
    value: str
    pos: int


def run_macro(reader: Reader, pos: int) -> int:
    """Run the macro whose dot is at ``pos``; returns the position after it."""
    call, after = _read_call(reader, pos)
    MACROS[call.name](reader, call)
    return after


def _read_call(reader: Reader, pos: int) -> tuple[Call, int]:
    source = reader.source
    text = source.text
    match = _NAME.match(text, pos + 1)
    if match is None or match[0] not in MACROS:
        name = match[0] if match else ""
        raise source.error(
            pos, f"unknown macro .{name}", f"known: {', '.join(f'.{known}' for known in MACROS)}"
        )
    at = source.skip(match.end())
    arguments = UclObject()
    if text.startswith("(", at):
        arguments, at = _read_arguments(reader, at)
        after = source.skip(at)
        if match[0] == "priority" and "\n" in text[at:after]:  # what follows is not its value
            return Call(match[0], arguments, "", pos), after
        at = after
    if text.startswith('"', at):
        value, at = reader.quoted(at)
    elif text.startswith("{", at):
        body = _BODY.match(text, at)
        if body is None:
            raise source.error(at, "the macro's body is never closed", "close it with }")
        value, at = body[1], body.end()
    else:
        word = _WORD.match(text, at)
        assert word is not None
        value, at = word[0].rstrip(" \t"), word.end()
    value = reader.session.variables.expand(value)
    end = _AFTER.match(text, at)
    assert end is not None
    return Call(match[0], arguments, value, pos), end.end()


def _read_arguments(reader: Reader, pos: int) -> tuple[UclObject, int]:
    source = reader.source
    depth = 0
    for part in _ARGUMENT_PART.finditer(source.text, pos):
        if part[0] == "(":
            depth += 1
        elif part[0] == ")":
            depth -= 1
        if depth == 0:
            return _parse_arguments(reader, source.part(pos + 1, part.start())), part.end()
    raise source.error(pos, "the macro's arguments are never closed", "close them with )")


def _parse_arguments(reader: Reader, inside: Source) -> UclObject:
    """What the parentheses hold; written alike at hundreds of includes, it is read once."""
    known = reader.session.arguments
    arguments = known.get(inside.text)
    if arguments is None:
        arguments = UclObject()
        session = Session(Variables({}), limits=reader.session.limits)
        Reader(session, inside, Frame(arguments), top=None).read()
        known[inside.text] = arguments
    return arguments


def _priority_of(reader: Reader, call: Call, default: int = 0) -> int:
    found = call.arguments.get("priority")
    if found is None:
        return default
    if not (isinstance(found, UclScalar) and isinstance(found.value, int)):
        raise reader.source.error(call.pos, "priority must be a whole number", "0 to 15")
    return _bounded(reader, call, found.value)


def _bounded(reader: Reader, call: Call, priority: int) -> int:
    if priority < 0:
        raise reader.source.error(call.pos, f"priority {priority} is negative", "0 to 15")
    return min(priority, MAX_PRIORITY)


def _priority(reader: Reader, call: Call) -> None:
    """``.priority 5``: the priority of what follows in this file."""
    if call.value:
        if not (call.value.isascii() and call.value.isdigit() and len(call.value) < 10):
            raise reader.source.error(call.pos, f"{call.value[:40]!r} is no priority", "0 to 15")
        reader.priority = _bounded(reader, call, int(call.value))
    elif "priority" in call.arguments:
        reader.priority = _priority_of(reader, call)
    else:
        raise reader.source.error(call.pos, "the priority is missing", "write .priority 5")


def _inherit(reader: Reader, call: Call) -> None:
    """``.inherit "name"``: copy what this section lacks from a top-level section."""
    parent = reader.top.get(call.value) if reader.top is not None else None
    if not isinstance(parent, UclObject):
        raise reader.source.error(call.pos, f"no section {call.value!r} to inherit from")
    target = reader.stack[-1].node
    if not isinstance(target, UclObject):
        raise reader.source.error(call.pos, ".inherit works in sections only")
    flag = call.arguments.get("replace")
    replace = isinstance(flag, UclScalar) and flag.value is True
    for key, values in list(parent.entries.items()):
        if key in target.entries and not replace:
            continue
        copies = [_copy(reader, call, value, 0) for value in values]
        copies[0].inherited = not replace
        target.entries[key] = copies


def _copy(reader: Reader, call: Call, node: UclNode, depth: int) -> UclNode:
    reader.session.count(reader.source, call.pos)
    if reader.depth + len(reader.stack) + depth >= reader.session.limits.depth:
        raise reader.source.error(
            call.pos, f"nested deeper than {reader.session.limits.depth} levels"
        )
    if isinstance(node, UclScalar):
        return UclScalar(
            node.value, node.origin, priority=node.priority, text=node.text, style=node.style
        )
    if isinstance(node, UclArray):
        items = [_copy(reader, call, item, depth + 1) for item in node.items]
        return UclArray(items, node.origin, priority=node.priority)
    entries = {
        key: [_copy(reader, call, value, depth + 1) for value in values]
        for key, values in node.entries.items()
    }
    return UclObject(entries, node.origin, priority=node.priority)


def _include(reader: Reader, call: Call) -> None:
    include(reader, call.pos, call.value, call.arguments, _priority_of(reader, call))


def _try_include(reader: Reader, call: Call) -> None:
    include(reader, call.pos, call.value, call.arguments, _priority_of(reader, call), optional=True)


def _includes(reader: Reader, call: Call) -> None:
    raise reader.source.error(
        call.pos, "signed includes are not supported", "use .include on a file you trust"
    )


def _load(reader: Reader, call: Call) -> None:
    load(reader, call.pos, call.value, call.arguments, _priority_of(reader, call))


MACROS: Mapping[str, Callable[[Reader, Call], None]] = {
    "include": _include,
    "try_include": _try_include,
    "includes": _includes,
    "load": _load,
    "priority": _priority,
    "inherit": _inherit,
}
