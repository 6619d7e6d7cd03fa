"""How much a document may ask for: every bound of the parser in one place."""

from __future__ import annotations

from filter_engine.lazy_dataclass import frozen


@frozen
class Limits:
    """Bounds that turn hostile input into an error instead of a long wait."""

    #: Sections and arrays inside each other. Low enough that recursion over a tree is safe.
    depth: int = 100
    #: Values in all files together, copies made by ``.inherit`` included.
    values: int = 300_000
    #: Characters of a key.
    key_length: int = 4096
    #: Files inside each other; libucl's own limit.
    include_depth: int = 16
    #: Files altogether.
    files: int = 2000
    #: Entries of directories that the wildcards of includes look at, altogether.
    entries: int = 50_000
    #: Bytes of one file.
    file_size: int = 16 * 1024 * 1024
    #: Bytes of all files together.
    total_size: int = 64 * 1024 * 1024
    #: Steps of all templates together: operations, rounds of loops, pieces of text.
    template_steps: int = 200_000
    #: Characters that all templates together may make.
    template_size: int = 16 * 1024 * 1024


LIMITS = Limits()


class BudgetError(Exception):
    """Templates ask for more than they may."""


class Budget:
    """What is left to the templates of one load. Both methods raise ``BudgetError`` at the end."""

    __slots__ = ("_size", "_steps", "limits")

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self._steps = limits.template_steps
        self._size = limits.template_size

    def step(self, number: int = 1) -> None:
        """Count operations."""
        self._steps -= number
        if self._steps < 0:
            raise BudgetError(f"more than {self.limits.template_steps} steps")

    def grow(self, number: int) -> None:
        """Count characters about to be made."""
        self._size -= number
        if self._size < 0:
            raise BudgetError(f"more than {self.limits.template_size} characters")
