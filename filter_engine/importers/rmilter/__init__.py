"""Rmilter's configuration (rmilter.conf) as a tree of local.d files."""

from __future__ import annotations

from collections.abc import Callable

from filter_engine.importers.outcome import Outcome

#: Gives the text of an included file; raises ``OSError`` where it cannot.
Read = Callable[[str], str]


def import_rmilter(text: str, file: str, *, read: Read | None = None) -> Outcome:
    """Carry an rmilter.conf over; ``ImportFaultError`` where it cannot be read."""
    raise NotImplementedError
