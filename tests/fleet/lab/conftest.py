"""Makes the lab importable when pytest is run by hand, without the Makefile's PYTHONPATH."""

import sys
from pathlib import Path

_MOLECULE = str(Path(__file__).resolve().parents[3] / "molecule")
if _MOLECULE not in sys.path:
    sys.path.insert(0, _MOLECULE)
