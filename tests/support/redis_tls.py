"""Certificates of Redis servers in tests, made as role redis makes a host's."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

COLLECTIONS = Path(__file__).resolve().parents[2] / "collections"
if str(COLLECTIONS) not in sys.path:
    sys.path.insert(0, str(COLLECTIONS))

from ansible_collections.mailfleet.filter.plugins.plugin_utils.redis_certificate import (  # noqa: E402
    issue,
)

YEAR = datetime.now(UTC).year


def certificates(folder: Path, *, password: str = "of-the-administrator", year: int = YEAR) -> Path:
    """Write `tls.pem` and `tls-ca.pem`; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    made = issue(password, "charlotte", ["10.0.0.1"], year)
    (folder / "tls.pem").write_text(made.certificate)
    (folder / "tls-ca.pem").write_text(made.authority)
    return folder
