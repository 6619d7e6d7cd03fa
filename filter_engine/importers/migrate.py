"""Old spellings in a site's files, brought up to date one named fix at a time.

A fix changes the statements it is about and nothing else: comments, order and blanks stay. All
fixes leave a tree alone that they have been over already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from pathlib import Path

from filter_engine.config.layers import SITE_FOLDERS
from filter_engine.importers.outcome import ImportFaultError, Remark
from filter_engine.importers.statements import Statement, line_of, statements, without_macros
from filter_engine.importers.write import read
from filter_engine.lazy_dataclass import frozen, mutable
from filter_engine.ucl import UclError, parse


@mutable
class Site:
    """The texts of a tree while fixes work on them: ``local.d/options.inc`` -> text."""

    texts: dict[str, str]
    removed: set[str] = field(default_factory=set)
    remarks: list[Remark] = field(default_factory=list)

    def files(self, *names: str) -> list[str]:
        """The paths of the files of these base names that are there."""
        paths = (f"{folder}/{name}" for folder in SITE_FOLDERS for name in names)
        return [path for path in paths if path in self.texts]

    def remark(self, path: str, line: int, subject: str, reason: str) -> None:
        """Note what a fix leaves to the operator."""
        self.remarks.append(Remark(path, line, subject, reason))

    def remove(self, path: str) -> None:
        """Take a file out of the tree; it stays as ``.bak``."""
        del self.texts[path]
        self.removed.add(path)


@frozen
class Fix:
    """One fix: its number and name, either of which calls it, and what it does."""

    number: int
    name: str
    summary: str
    run: Callable[[Site], None]


@frozen
class Migration:
    """What the fixes made of a tree: texts that changed, files that go, what is left to do."""

    files: dict[str, str]
    removed: tuple[str, ...]
    remarks: tuple[Remark, ...]
    #: Fix -> whether it changed anything.
    applied: dict[str, bool]


def choose(fixes: Iterable[Fix], wanted: Iterable[str]) -> list[Fix]:
    """The fixes of these names or numbers, in order; ``all`` means each. Raises ``KeyError``."""
    known = list(fixes)
    chosen: set[int] = set()
    for word in wanted:
        found = [fix.number for fix in known if word in ("all", fix.name, str(fix.number))]
        if not found:
            raise KeyError(word)
        chosen.update(found)
    return [fix for fix in known if fix.number in chosen]


def migrate(directory: Path, fixes: Iterable[Fix]) -> Migration:
    """What ``fixes`` would make of the tree; touches nothing.

    Raises ``ImportFaultError`` for a tree that is none or a file that is no UCL.
    """
    before = _read_tree(directory)
    site = Site(dict(before))
    applied: dict[str, bool] = {}
    for fix in fixes:
        texts = dict(site.texts)
        fix.run(site)
        applied[fix.name] = site.texts != texts
    changed = {path: text for path, text in site.texts.items() if before.get(path) != text}
    for path, text in changed.items():
        _check(path, text, str(directory))
    return Migration(changed, tuple(sorted(site.removed)), tuple(sorted(site.remarks)), applied)


def cut(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """The text with each (start, end, new) in place; the spans do not overlap."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def find(text: str, *keys: str, nested: bool = False) -> list[Statement]:
    """The statements with one of these keys: at the top, or anywhere."""
    top = statements(text)
    every = (found for one in top for found in one.walk()) if nested else iter(top)
    return [found for found in every if found.key in keys]


def commented(text: str, statement: Statement, why: str) -> tuple[int, int, str]:
    """The edit that turns a statement into a comment, with the reason above it."""
    begin = text.rfind("\n", 0, statement.start) + 1
    indent = text[begin : statement.start]
    if indent.strip():  # something stands before it on the line: the comment goes below
        indent, lead = "", "\n"
    else:
        lead = ""
    rows = text[statement.start : statement.end].split("\n")
    body = f"\n{indent}".join(f"# {row.strip()}" for row in rows)
    end = statement.end
    rest = text[end : text.find("\n", end) if "\n" in text[end:] else len(text)]
    tail = "\n" if rest.strip() and not rest.strip().startswith("#") else ""
    return statement.start, end, f"{lead}# {why}\n{indent}{body}{tail}"


def place(path: str, text: str, statement: Statement) -> tuple[str, int]:
    """File and line of a statement."""
    return path, line_of(text, statement.start)


def _read_tree(directory: Path) -> dict[str, str]:
    texts = {}
    if not directory.is_dir():
        raise ImportFaultError("there is no such directory", str(directory))
    for folder in SITE_FOLDERS:
        inner = directory / folder
        for path in sorted(inner.iterdir()) if inner.is_dir() else ():
            if path.suffix not in (".conf", ".inc") or not path.is_file():
                continue
            text = read(path)
            if text is not None:
                _check(f"{folder}/{path.name}", text, str(directory))
                texts[f"{folder}/{path.name}"] = text
    if not any((directory / folder).is_dir() for folder in SITE_FOLDERS):
        raise ImportFaultError("neither local.d nor override.d is in it", str(directory))
    return texts


def _check(path: str, text: str, directory: str) -> None:
    try:
        parse(without_macros(text), path)
    except UclError as error:
        raise ImportFaultError(
            "this file is no correct configuration: mend it first "
            f"(filter-engine configtest --var LOCAL_CONFDIR={directory})",
            path,
            error.line,
        ) from None
