"""Compiling in a process of its own, so that its memory, time and crashes are not the master's.

``python -m filter_engine.matching.compiler`` reads JSON ``[[text, flags], ...]`` and writes
``Compiled.dump()``.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from filter_engine.matching.database import ALONE, Compiled, build
from filter_engine.matching.pattern import Flags, Pattern

log = logging.getLogger(__name__)

TIME_LIMIT: Final = 120.0
"""Seconds for one set of patterns."""
IN_PROCESS: Final = 32
"""So many patterns compile faster than a process starts."""


def compile_patterns(patterns: Sequence[Pattern], name: str) -> Compiled:
    """Compile patterns; what cannot be compiled is left to ``regex``, and told."""
    if len(patterns) <= IN_PROCESS:
        return build(patterns)
    asked = json.dumps([[pattern.text, int(pattern.flags)] for pattern in patterns])
    try:
        done = subprocess.run(  # this program, no shell
            [sys.executable, "-m", "filter_engine.matching.compiler"],
            input=asked.encode("utf-8", "surrogatepass"),
            capture_output=True,
            timeout=TIME_LIMIT,
            check=True,
        )
        made = Compiled.parse(done.stdout)
        if len(made.kinds) != len(patterns):
            raise ValueError("another number of patterns")
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        log.warning(
            "%s: %d patterns could not be compiled together (%s); they are matched one by one",
            name,
            len(patterns),
            error,
        )
        return Compiled((ALONE,) * len(patterns))
    return made


def _main() -> None:
    asked = json.loads(sys.stdin.buffer.read().decode("utf-8", "surrogatepass"))
    patterns = [Pattern(text, Flags(flags)) for text, flags in asked]
    sys.stdout.buffer.write(build(patterns).dump())


if __name__ == "__main__":
    _main()
