"""How much a document may ask for: every bound of the parser in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
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
    #: Bytes of one file.
    file_size: int = 16 * 1024 * 1024
    #: Bytes of all files together.
    total_size: int = 64 * 1024 * 1024


LIMITS = Limits()
