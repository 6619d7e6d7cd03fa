"""Where a process spends its time, sampled by its own clock: no other program is needed.

Every millisecond of CPU time the kernel sends SIGPROF; the handler notes the stack. C code is
charged to the line that called it, once that line goes on.
"""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from types import FrameType

INTERVAL = 0.001
"""Seconds of CPU time between two samples."""
_DEPTH = 60

_stacks: Counter[tuple[tuple[str, str], ...]] = Counter()


def start() -> None:
    """Begin to sample this process."""
    signal.signal(signal.SIGPROF, _note)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)


def stop(file: Path) -> None:
    """End, and write the stacks: one a line, outermost frame first, and how often it was seen.

    Tools that draw flame graphs read that form.
    """
    signal.setitimer(signal.ITIMER_PROF, 0)
    lines = (
        ";".join(f"{path}:{name}" for path, name in stack) + f" {count}\n"
        for stack, count in _stacks.most_common()
    )
    file.write_text("".join(lines))


def clear() -> None:
    """Forget what was seen so far (the start)."""
    _stacks.clear()


def _note(_signal: int, frame: FrameType | None) -> None:
    stack = []
    while frame is not None and len(stack) < _DEPTH:
        code = frame.f_code
        stack.append((code.co_filename, code.co_qualname))
        frame = frame.f_back
    _stacks[tuple(reversed(stack))] += 1
