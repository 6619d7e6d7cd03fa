"""What an rmilter.conf becomes, while it is being read: files as data, and remarks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import TypeAlias

from filter_engine.importers.outcome import Outcome, Plain, Remark
from filter_engine.importers.rmilter.grammar import Block, Clause, Setting, Unread
from filter_engine.importers.ucl_text import ucl_text
from filter_engine.lazy_dataclass import mutable

Tree: TypeAlias = dict[str, "Plain | Tree"]

_HEADING = "# From {file} by filter-engine import.\n"


@mutable
class Site:
    """The files being made and all that was said, by section and name."""

    file: str
    files: dict[str, Tree] = field(default_factory=dict)
    variables: dict[str, Plain] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    #: (section, name) -> what was written last; the section is empty at the top.
    said: dict[tuple[str, str], Setting] = field(default_factory=dict)
    sections: dict[str, Block] = field(default_factory=dict)

    def put(self, file: str, *path_and_value: Plain) -> None:
        """Set a value: ``put("greylist.conf", "timeout", 300)``; keys lead to it."""
        *keys, last, value = path_and_value
        tree: Tree = self.files.setdefault(file, {})
        for key in keys:
            inner = tree.setdefault(str(key), {})
            assert isinstance(inner, dict)
            tree = inner
        tree[str(last)] = value

    def has(self, section: str, name: str) -> bool:
        """Whether a directive was written."""
        return (section, name) in self.said

    def lost(self, what: Setting | Clause | Block | Unread, reason: str) -> None:
        """It was not carried over."""
        self._remark(what, reason, lost=True)

    def note(self, what: Setting | Clause | Block, reason: str) -> None:
        """It was carried over, yet not word for word."""
        self._remark(what, reason, lost=False)

    def default(self, subject: str, reason: str, *, lost: bool = False) -> None:
        """What a directive meant that nobody wrote."""
        self.remarks.append(Remark(self.file, 0, subject, reason, lost))

    def _remark(self, what: Setting | Clause | Block | Unread, reason: str, *, lost: bool) -> None:
        place = what.place
        self.remarks.append(Remark(place.file, place.line, what.name, reason, lost))

    def outcome(self) -> Outcome:
        """The finished import."""
        heading = _HEADING.format(file=self.file.replace("\n", " "))
        return Outcome(
            files={
                f"local.d/{n}": heading + ucl_text(_plain(t)) for n, t in sorted(self.files.items())
            },
            variables=dict(self.variables),
            remarks=sorted(self.remarks),
        )


def _plain(tree: Tree) -> dict[str, Plain]:
    return dict(_entries(tree))


def _entries(tree: Tree) -> Iterator[tuple[str, Plain]]:
    for key, value in tree.items():
        yield key, _plain(value) if isinstance(value, dict) else value
