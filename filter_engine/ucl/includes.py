"""Reading other files: ``.include`` and ``.load``.

An optional file (``try=true``) may be missing; one that exists must be readable and correct, also
where libucl passes over it. Relative paths are relative to the working directory, as in libucl;
``$CURDIR`` is the directory of the file that includes.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from filter_engine.ucl.errors import UclError
from filter_engine.ucl.merge import Duplicate, Frame
from filter_engine.ucl.nodes import Origin, UclArray, UclObject, UclScalar
from filter_engine.ucl.reader import Reader
from filter_engine.ucl.regular_file import read_regular_file
from filter_engine.ucl.session import Session
from filter_engine.ucl.source import Source
from filter_engine.ucl.template import render
from filter_engine.ucl.wildcards import matching_paths

_Read = TypeVar("_Read", str, Source)
_LEADING_INT = re.compile(r"\s*([+-]?[0-9]{1,18})")


class MissingFileError(Exception):
    """The file is not there."""


def read_file(session: Session, path: str) -> str:
    """The text of a regular file within the limits, undecodable bytes as surrogates.

    Raises ``UclError`` (without a line) or ``MissingFileError``.
    """
    derived = session.texts.get(os.path.abspath(path))
    if derived is not None:
        return derived
    try:
        content = read_regular_file(path, session.limits.file_size)
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError from None
    except (OSError, ValueError) as error:
        raise UclError(_why(error), path) from None
    session.size += len(content)
    if session.size > session.limits.total_size:
        raise UclError(f"files larger than {session.limits.total_size} bytes in all", path)
    session.files.append(path)
    if len(session.files) > session.limits.files:
        raise UclError(f"more than {session.limits.files} files", path)
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _why(error: OSError | ValueError) -> str:
    """In words, why a file cannot be read."""
    if isinstance(error, ValueError):
        return f"cannot read the file: {error}"
    if isinstance(error, IsADirectoryError):
        return "not a regular file"
    said = error.errno in (errno.EINVAL, errno.EFBIG)
    return f"{error.strerror}" if said else f"cannot read the file: {error.strerror}"


def open_source(session: Session, path: str) -> Source:
    """A file to be parsed, its templates expanded.

    Raises ``UclError`` (without a line when the fault is the file's) or ``MissingFileError``.
    """
    full = os.path.abspath(path)  # Path.absolute keeps ".."
    text = read_file(session, path)
    if session.template_env is None or full in session.texts:
        return Source(text, full)
    values = session.variables.values
    env = dict(session.template_env)
    for name in ("hostname", "version"):
        if name.upper() in values:
            env.setdefault(name, values[name.upper()])
    rendered = render(text, full, env, values, session.budget)
    return Source(rendered.text, full, rendered.positions)


def _flag(arguments: UclObject, name: str, *, default: bool = False) -> bool:
    found = arguments.get(name)
    return found.value if isinstance(found, UclScalar) and type(found.value) is bool else default


def _word(arguments: UclObject, name: str, default: str = "") -> str:
    found = arguments.get(name)
    return found.value if isinstance(found, UclScalar) and isinstance(found.value, str) else default


def _key(reader: Reader, pos: int, arguments: UclObject) -> str:
    """The key that a macro names; bounded as a written one."""
    key = _word(arguments, "key")
    if len(key) > reader.session.limits.key_length:
        raise reader.source.error(pos, f"a key of {len(key)} characters")
    return key


def include(
    reader: Reader,
    pos: int,
    path: str,
    arguments: UclObject,
    priority: int,
    *,
    optional: bool = False,
) -> None:
    """Read the file or files that an include macro at ``pos`` names into the open section."""
    source, session = reader.source, reader.session
    optional = _flag(arguments, "try", default=optional)
    name = _word(arguments, "duplicate", Duplicate.APPEND.value)
    try:
        strategy = Duplicate(name)
    except ValueError:  # libucl takes any other word for append, and says nothing
        strategy = Duplicate.APPEND
        session.notes.append(
            source.error(
                pos,
                f"duplicate={name[:40]!r} is unknown and means append",
                "write append, merge, rewrite or error",
            )
        )
    if _flag(arguments, "sign") or (_flag(arguments, "url") and "://" in path):
        raise source.error(pos, "signed includes and URLs are not supported")
    if "path" in arguments:
        session.search_paths = tuple(
            str(item.value) for item in arguments.values("path") if isinstance(item, UclScalar)
        )
    if not path:
        raise source.error(pos, "the path is missing", '.include "$CURDIR/file.conf"')
    found = False
    for directory in session.search_paths or ("",):
        full = os.path.join(directory, path)  # Path would eat "./" and "//"
        session.asked.append(full)
        for match in _matches(reader, pos, full, wanted=_flag(arguments, "glob")):
            try:
                included = _read(reader, pos, match, open_source)
                found = True
                frame = _target(reader, pos, match, arguments, priority)
                _read_into(reader, included, frame, priority, strategy)
            except MissingFileError:
                continue
            except UclError as error:
                if session.errors is None:
                    raise
                session.errors.append(error)
                found = True
        if found:
            break
    if not found and not optional:
        raise source.error(
            pos, f"cannot find {path!r}", "write .include(try=true) if it may be missing"
        )


def _matches(reader: Reader, pos: int, path: str, *, wanted: bool) -> list[str]:
    if not wanted or not ("*" in path or "?" in path):
        return [path]
    source, session = reader.source, reader.session

    def look() -> None:
        session.entries += 1
        if session.entries > session.limits.entries:
            raise source.error(
                pos,
                f"wildcards look at more than {session.limits.entries} files",
                "name the directory, with a wildcard only in the file's name",
            )

    return matching_paths(path, look)


def _read(reader: Reader, pos: int, path: str, opener: Callable[[Session, str], _Read]) -> _Read:
    """What ``opener`` makes of ``path``, with errors placed at the macro."""
    source, session = reader.source, reader.session
    if len(session.open_files) >= session.limits.include_depth:
        raise source.error(pos, f"includes deeper than {session.limits.include_depth} files")
    try:
        found = opener(session, path)
    except UclError as error:
        if error.line:
            raise
        raise source.error(pos, f"{path}: {error.message}", error.hint) from None
    if os.path.realpath(path) in session.open_files:  # asked of files that exist: it is dear
        raise source.error(pos, f"{path!r} includes itself")
    return found


def _target(reader: Reader, pos: int, path: str, arguments: UclObject, priority: int) -> Frame:
    """The frame an included file is read into: the open section, or one under a prefix."""
    source, frame = reader.source, reader.stack[-1]
    section = frame.node
    assert isinstance(section, UclObject)
    key = _key(reader, pos, arguments)
    if not key and _flag(arguments, "prefix"):
        name = Path(path).name
        key = next(
            (name.removesuffix(end) for end in (".conf", ".ucl") if name.endswith(end)), name
        )
    if not key:
        return Frame(section, frame.later)
    origin = source.origin(pos)
    old = section.get(key)
    if _word(arguments, "target", "object").lower() == "array":
        nested = UclObject(origin=origin, priority=priority)
        if isinstance(old, UclArray):
            old.items.append(nested)
        elif old is not None:
            section.entries[key] = [
                UclArray([*section.entries[key], nested], old.origin, priority=old.priority)
            ]
        else:
            section.entries[key] = [UclArray([nested], origin, priority=priority)]
        return Frame(nested)
    if old is None:
        nested = UclObject(origin=origin, priority=priority)
        section.entries[key] = [nested]
        return Frame(nested)
    if not isinstance(old, UclObject):
        raise source.error(pos, f"{key!r} is not a section", f"it is set at {old.origin}")
    return Frame(old)


def _read_into(
    reader: Reader, included: Source, frame: Frame, priority: int, strategy: Duplicate
) -> None:
    session = reader.session
    variables = session.variables
    session.variables = variables.with_file(included.file, os.path.dirname(included.file))
    session.open_files.append(os.path.realpath(included.file))
    try:
        Reader(
            session,
            included,
            frame,
            top=reader.top,
            depth=reader.depth + len(reader.stack),
            priority=priority,
            strategy=strategy,
        ).read()
    finally:
        session.open_files.pop()
        session.variables = variables


def load(reader: Reader, pos: int, path: str, arguments: UclObject, priority: int) -> None:
    """Put the content of a file under a key: ``.load(key="k", target="string") "file"``."""
    source, session = reader.source, reader.session
    section = reader.stack[-1].node
    assert isinstance(section, UclObject)
    key = _key(reader, pos, arguments)
    if not key:
        raise source.error(pos, "the key is missing", '.load(key="name") "file"')
    if key in section:
        raise source.error(pos, f"{key!r} is already set", f"at {section.all(key)[0].origin}")
    session.asked.append(path)
    try:
        text = _read(reader, pos, path, read_file)
    except MissingFileError:
        if _flag(arguments, "try"):
            return
        raise source.error(
            pos, f"cannot find {path!r}", "write try=true if it may be missing"
        ) from None
    origin = Origin(os.path.abspath(path), 1, 1)
    target = _word(arguments, "target", "string").lower()
    if target == "int":
        number = _LEADING_INT.match(text)
        if number is None:
            raise source.error(pos, f"{path!r} does not begin with a whole number")
        node = UclScalar(int(number[1]), origin, priority=priority, text=number[1])
    elif target == "string":
        if _flag(arguments, "trim"):
            text = text.strip(" \t\n\v\f\r")
        if _flag(arguments, "escape"):
            text = _escape(text)
        style = "<<" if _flag(arguments, "multiline") else ""
        node = UclScalar(text, origin, priority=priority, style=style)
    else:
        raise source.error(pos, f"target={target!r} is unknown", "string or int")
    session.count(source, pos)
    section.entries[key] = [node]


_ESCAPED = str.maketrans(
    {"\n": r"\n", "\r": r"\r", "\b": r"\b", "\t": r"\t", "\f": r"\f", "\\": r"\\", '"': r"\""}
)


def _escape(text: str) -> str:
    return text.translate(_ESCAPED)
