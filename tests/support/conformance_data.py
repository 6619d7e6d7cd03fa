"""Where the tests that nobody here wrote are read from; the Makefile's message names the same."""

from __future__ import annotations

import os
from pathlib import Path

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "conformance"
DATA = Path(os.environ.get("CONFORMANCE_DIR") or _BESIDE)
"""The folder of ``CONFORMANCE_DIR``, else the one beside the project. May be absent."""
