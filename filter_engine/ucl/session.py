"""What all files of one load share: variables, limits, counters and the files seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from filter_engine.lazy_dataclass import mutable
from filter_engine.ucl.errors import UclError
from filter_engine.ucl.limits import LIMITS, Budget, Limits
from filter_engine.ucl.source import Source
from filter_engine.ucl.variables import Variables

if TYPE_CHECKING:
    from filter_engine.ucl.nodes import UclObject
    from filter_engine.ucl.reader import Reader


@mutable
class Session:
    """What all files of one load share."""

    variables: Variables
    #: The ``env`` of templates; None leaves template expressions alone.
    template_env: Mapping[str, str] | None = None
    lowercase_keys: bool = False
    #: Runs the macro at a position and returns the position after it; None: no macros.
    run_macro: Callable[[Reader, int], int] | None = None
    limits: Limits = LIMITS
    #: Where errors of included files go, the file then being skipped; None: they are raised.
    errors: list[UclError] | None = None
    #: What is odd but no error, as libucl sees it.
    notes: list[UclError] = field(default_factory=list)
    #: Texts to read instead of files, by absolute path: what a program derives for a tree.
    texts: Mapping[str, str] = field(default_factory=dict)
    #: Values and bytes read so far.
    values: int = 0
    size: int = 0
    #: Entries of directories that wildcards have looked at.
    entries: int = 0
    search_paths: tuple[str, ...] = ()
    #: Files read, in order; a file read twice stands twice.
    files: list[str] = field(default_factory=list)
    #: Every path a macro asked for, existing or not.
    asked: list[str] = field(default_factory=list)
    #: Arguments of macros already read, by their text.
    arguments: dict[str, UclObject] = field(default_factory=dict)
    #: Resolved paths of the files that are open, outermost first.
    open_files: list[str] = field(default_factory=list)

    #: What the templates of all files may still do.
    budget: Budget = field(init=False)

    def __post_init__(self) -> None:
        self.budget = Budget(self.limits)

    def count(self, source: Source, pos: int, number: int = 1) -> None:
        """Count new values; raises ``UclError`` beyond the limit."""
        self.values += number
        if self.values > self.limits.values:
            raise source.error(pos, f"more than {self.limits.values} values")
