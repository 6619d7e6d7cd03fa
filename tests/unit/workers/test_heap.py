"""A worker gives back the memory that large messages took."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import os
from filter_engine.workers.heap import keep_small

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

give_back = keep_small()
blocks = [bytearray(100_000) for _ in range(200)]
full = resident()
del blocks[:-1]  # the last keeps the end of the heap where it is
kept = full - resident()
give_back()
print(kept, full - resident())
"""


def test_what_is_free_between_other_blocks_is_given_back() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    before, after = map(int, ran.stdout.split())
    assert before < 1_000_000, "the C library kept it"
    assert after > 15_000_000
