"""Finds the line of a template that an error is about.

ansible-core names the template, and for an undefined variable its name, but not the line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

import jinja2
from jinja2 import nodes

_QUOTED = re.compile(r"'([^']+)'")


def error_place(error: BaseException, path: str, searchpath: Sequence[str]) -> str:
    """Return `path:line` of the template part the error is about, or the path alone."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, jinja2.TemplateSyntaxError):
            place = path
            if cause.filename and os.path.isfile(cause.filename):
                place = cause.filename
            return f"{place}:{cause.lineno}"
        cause = cause.__cause__
    words = {word.rpartition(".")[2] for word in _QUOTED.findall(str(error))}
    for template, line in _mentions(path, words, searchpath, set()):
        return f"{template}:{line}"
    return path


def _mentions(
    path: str, words: set[str], searchpath: Sequence[str], seen: set[str]
) -> Iterator[tuple[str, int]]:
    """Give (template, line) of names, attributes, filters and tests among the words."""
    seen.add(path)
    try:
        with open(path, encoding="utf-8") as stream:
            tree = jinja2.Environment(  # noqa: S701 - parsed only, nothing is rendered
                extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"]
            ).parse(stream.read())
    except (OSError, UnicodeDecodeError, jinja2.TemplateSyntaxError):
        return
    for node in tree.find_all((nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Test)):
        if _word(node) in words:
            yield path, node.lineno
    for include in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        name = getattr(include, "template", None)
        if isinstance(name, nodes.Const) and isinstance(name.value, str):
            full = next(
                (
                    one
                    for root in searchpath
                    if os.path.isfile(one := os.path.join(root, name.value))
                ),
                None,
            )
            if full is not None and full not in seen:
                yield from _mentions(full, words, searchpath, seen)


def _word(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem):
        return node.arg.value if isinstance(node.arg, nodes.Const) else None
    if isinstance(node, nodes.Name | nodes.Filter | nodes.Test):
        return node.name.rpartition(".")[2]
    return None
