"""The program's name, and the variable by which a shell asks it what may come next (click)."""

from __future__ import annotations

from typing import Final

PROGRAM: Final = "filter-engine"
VARIABLE: Final = "_FILTER_ENGINE_COMPLETE"
