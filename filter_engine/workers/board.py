"""What each process tells all others, as octets in anonymous shared memory made before the fork."""

from __future__ import annotations

import mmap

SLOT = 16 * 1024
"""Octets of one process."""


class Board:
    """A slot for each process, which alone writes it; pages that nobody wrote take no memory."""

    def __init__(self, slots: int) -> None:
        self._memory = memoryview(mmap.mmap(-1, slots * SLOT))
        self._slots = slots

    def put(self, number: int, content: bytes) -> bool:
        """Replace what a slot says; False when it is too long, and nothing is changed."""
        if len(content) > SLOT - 8:
            return False
        slot = self._memory[number * SLOT : (number + 1) * SLOT]
        length = slot[:8].cast("Q")
        length[0] = 0  # nobody shall read half of it
        slot[8 : 8 + len(content)] = content
        length[0] = len(content)
        return True

    def get(self, number: int) -> bytes:
        """What a slot says; empty for nothing. Half of it where it is being written."""
        slot = self._memory[number * SLOT : (number + 1) * SLOT]
        length = min(slot[:8].cast("Q")[0], SLOT - 8)
        return bytes(slot[8 : 8 + length])

    def every(self) -> list[bytes]:
        """What all slots say, the empty ones left out."""
        return [said for said in map(self.get, range(self._slots)) if said]
