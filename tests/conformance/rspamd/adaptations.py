"""What is changed in the suites' configurations before the engine reads them, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """A replacement in one file of ``test/functional``."""

    file: str
    pattern: str
    replacement: str
    reason: str


EDITS = (
    Edit(
        "configs/merged-local.conf",
        r'(?m)^ *bind_socket = ".* ssl";\n',
        "",
        "listening with TLS is not served yet",
    ),
)
