"""Shipped files that somebody edited."""

from __future__ import annotations

import base64
import csv
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from filter_engine.config.findings import Finding
from filter_engine.config.origin import Layer, Origin
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation


@rule(
    "edited-shipped-file",
    of_shipped=True,
    doc="A file of the shipped configuration is not what the package brought: the next update "
    "undoes the change.",
)
def edited_shipped_file(situation: Situation) -> Iterator[Finding]:
    """Compares with the wheel's RECORD, where there is one."""
    directory = situation.config.variables.get("CONFDIR", "")
    digests = _packaged(Path(directory)) if directory else {}
    for file in situation.config.files:
        digest = digests.get(os.path.abspath(file))
        if digest is None:
            continue
        try:
            found = sha256(Path(file).read_bytes()).digest()
        except OSError:
            continue
        if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != digest:
            yield situation.finding(
                "edited-shipped-file",
                Origin(file, 1, 1, Layer.SHIPPED),
                "this file is not as the package brought it: the next update undoes the change",
                "put the change into local.d or override.d and install the package again",
            )


def _packaged(directory: Path) -> dict[str, str]:
    """Absolute path -> sha256 of the files below ``directory`` (RECORD of the wheel, PEP 376)."""
    packages = directory.parent.parent
    digests: dict[str, str] = {}
    start = f"{directory.parent.name}/{directory.name}/"
    for record in packages.glob("mailfleet_filter_engine-*.dist-info/RECORD"):
        try:
            rows = list(csv.reader(record.read_text(encoding="utf-8").splitlines()))
        except (OSError, ValueError, csv.Error):
            continue
        for row in rows:
            if len(row) > 1 and row[0].startswith(start) and row[1].startswith("sha256="):
                digests[os.path.abspath(packages / row[0])] = row[1].removeprefix("sha256=")
    return digests
