"""Entry points: parse a text or a tree of files."""

from __future__ import annotations

import os
from collections.abc import Mapping

from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.errors import UclError
from filter_engine.ucl.includes import MissingFileError, open_source
from filter_engine.ucl.limits import LIMITS, Limits
from filter_engine.ucl.macros import run_macro
from filter_engine.ucl.merge import Frame
from filter_engine.ucl.nodes import Origin, UclArray, UclNode, UclObject
from filter_engine.ucl.reader import Reader
from filter_engine.ucl.session import Session
from filter_engine.ucl.source import Source
from filter_engine.ucl.template import template_variables
from filter_engine.ucl.variables import Variables


@frozen
class Document:
    """A parsed tree of files."""

    root: UclObject
    #: Files in order of reading.
    files: tuple[str, ...]
    #: Every path an include asked for, existing or not, variables expanded, patterns not.
    asked: tuple[str, ...]
    #: What is odd but no error.
    notes: tuple[UclError, ...]


def parse(
    text: str,
    file: str = "<string>",
    *,
    variables: Mapping[str, str] | None = None,
    lowercase_keys: bool = False,
    macros: bool = False,
    limits: Limits = LIMITS,
) -> UclObject:
    """Parse a text whose outermost value is a section. Raises ``UclError``.

    Macros, which may read files, are off unless asked for.
    """
    node = parse_node(
        text,
        file,
        variables=variables,
        lowercase_keys=lowercase_keys,
        macros=macros,
        limits=limits,
    )
    if not isinstance(node, UclObject):
        raise UclError("an array where a section is expected", file, 1, 1)
    return node


def parse_node(
    text: str,
    file: str = "<string>",
    *,
    variables: Mapping[str, str] | None = None,
    lowercase_keys: bool = False,
    macros: bool = False,
    limits: Limits = LIMITS,
) -> UclNode:
    """Parse a text whose outermost value is a section or an array. Raises ``UclError``."""
    session = Session(
        Variables(variables or {}),
        lowercase_keys=lowercase_keys,
        limits=limits,
        run_macro=run_macro if macros else None,
    )
    if len(text) > limits.file_size:
        raise UclError(f"larger than {limits.file_size} characters", file)
    return _read_top(session, Source(text, file))


def parse_file(
    path: str | os.PathLike[str],
    *,
    variables: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    texts: Mapping[str, str] | None = None,
    lowercase_keys: bool = False,
    limits: Limits = LIMITS,
    errors: list[UclError] | None = None,
) -> Document:
    """Parse a file and all it includes. Raises ``UclError``.

    With ``errors`` given, those of included files are put there and the rest is still read, so
    that all of them can be shown at once; the document is then incomplete.

    ``environ`` is the process environment, whose ``RSPAMD_*`` variables templates see as ``env``
    (``paths`` holds ``variables``); None leaves templates as they are. ``texts`` are read in place
    of files, by absolute path, and are not among the document's ``files``.
    """
    full = os.path.abspath(path)  # Path.absolute keeps ".."
    session = Session(
        Variables(variables or {}).with_file(full, os.path.dirname(full)),
        template_env=None if environ is None else template_variables(environ),
        lowercase_keys=lowercase_keys,
        texts=texts or {},
        limits=limits,
        run_macro=run_macro,
        errors=errors,
    )
    try:
        source = open_source(session, full)
    except MissingFileError:
        raise UclError("the file does not exist", full) from None
    session.open_files.append(os.path.realpath(full))
    root = _read_top(session, source)
    if not isinstance(root, UclObject):
        raise UclError("an array where a section is expected", full, 1, 1)
    return Document(root, tuple(session.files), tuple(session.asked), tuple(session.notes))


def _read_top(session: Session, source: Source) -> UclNode:
    origin = Origin(source.file, 1, 1)
    is_array = source.text.startswith("[", source.skip(0))
    node: UclObject | UclArray = UclArray(origin=origin) if is_array else UclObject(origin=origin)
    top = node if isinstance(node, UclObject) else None
    Reader(session, source, Frame(node), top=top).read()
    return node
