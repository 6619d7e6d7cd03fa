"""Finds the files of a role's template trees and what each shall be on the host."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import (
    TreeError,
    check_relative_path,
)

TEMPLATE_SUFFIX = ".j2"
# What editors and version control leave in a directory.
_LITTER = ("*~", "#*#", ".#*", ".*.sw?", ".gitkeep", ".gitignore", ".DS_Store")


@dataclass(frozen=True)
class SourceFile:
    """A file of a tree on the controller."""

    full_path: str
    is_template: bool


def find_sources(roots: Sequence[str], exclude: Iterable[str]) -> dict[str, SourceFile]:
    """Return path on the host -> source file; a later root wins over an earlier one.

    Raises `TreeError` for links that lead out of a root and for two sources of one file.
    """
    patterns = list(exclude)
    found: dict[str, SourceFile] = {}
    for root in roots:
        found |= {
            path: source
            for path, source in _walk(root).items()
            if not any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)
        }
    return found


def _walk(root: str) -> dict[str, SourceFile]:
    real_root = os.path.realpath(root)
    found: dict[str, SourceFile] = {}
    for directory, names, file_names in os.walk(root):
        names.sort()
        linked = [name for name in names if os.path.islink(os.path.join(directory, name))]
        if linked:
            full = os.path.join(directory, linked[0])
            raise TreeError(f"{full} is a link to a directory: put the files themselves there")
        for name in sorted(file_names):
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in _LITTER):
                continue
            full = os.path.join(directory, name)
            real = os.path.realpath(full)
            if not real.startswith(real_root + os.sep) or not os.path.isfile(real):
                raise TreeError(f"{full} is a link out of the tree: put the file itself there")
            path = os.path.relpath(full, root)
            is_template = path.endswith(TEMPLATE_SUFFIX)
            path = check_relative_path(path.removesuffix(TEMPLATE_SUFFIX))
            if path in found:
                raise TreeError(f"{full} and {found[path].full_path} both make {path}: remove one")
            found[path] = SourceFile(full, is_template)
    return found


class PathRules:
    """An option that gives some paths or globs a value; a plain path wins over globs."""

    def __init__(self, option: str, rules: Mapping[str, str]) -> None:
        self._option = option
        self._rules = dict(rules)

    def value(self, path: str) -> str | None:
        """Return the value for a path; of several globs the last one counts."""
        if path in self._rules:
            return self._rules[path]
        values = [v for glob, v in self._rules.items() if fnmatch.fnmatchcase(path, glob)]
        return values[-1] if values else None

    def check(self, paths: Iterable[str], exclude: Sequence[str]) -> None:
        """Raise `TreeError` for a plain path the tree does not have: a typo would go unnoticed."""
        known = set(paths)
        for path in self._rules:
            excluded = any(fnmatch.fnmatchcase(path, pattern) for pattern in exclude)
            if path not in known and not excluded and not any(sign in path for sign in "*?["):
                raise TreeError(
                    f"{self._option} names {path}, which the tree does not have;"
                    f" it has {', '.join(sorted(known)) or 'no files'}"
                )
