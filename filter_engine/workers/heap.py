"""What a worker gives back to the system of the memory that messages took (mallopt(3)).

Some messages are large, most are small. glibc's own rules keep what the large ones took: the first
block that was mapped on its own and freed raises the size from which blocks are, up to 32 MB, and
what is free between others stays. Of a scan worker's 57 MB that was seven.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_BLOCK: Final = 256 * 1024
"""Bytes from which a block is mapped on its own, and left when it is freed."""
_TOP: Final = 512 * 1024
"""Bytes at the end of the heap that may stay free."""


def keep_small() -> Callable[[], object]:
    """Hold this process to fixed thresholds; what is returned gives back what is free now.

    It takes about a millisecond. With another C library than glibc nothing is done.
    """
    library = ctypes.CDLL(None)
    try:
        set_to, trim = library.mallopt, library.malloc_trim
    except AttributeError:
        return lambda: None
    set_to(_M_MMAP_THRESHOLD, _BLOCK)
    set_to(_M_TRIM_THRESHOLD, _TOP)
    return lambda: trim(0)
