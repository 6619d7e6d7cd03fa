"""The file that remembers which records this host published, and which it was about to."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.mailfleet.filter.plugins.module_utils.dns_plan import Slot

MAX_STATE = 4 * 1024 * 1024
"""Characters of the file that are read."""
Records = Mapping[Slot, tuple[str, ...]]


@dataclass(frozen=True)
class Published:
    """Records by name and type."""

    owned: Records = field(default_factory=dict)
    """Those that were published here."""
    intended: Records = field(default_factory=dict)
    """Those of an update whose outcome is not known: it began, and the run ended. They did not
    stand there before, so that those that stand there now came with it."""

    def text(self) -> str:
        """What the file holds."""
        data: dict[str, Any] = {"version": 1, "published": _entries(self.owned)}
        if self.intended:
            data["intended"] = _entries(self.intended)
        return json.dumps(data, indent=1) + "\n"


def _entries(records: Records) -> list[dict[str, Any]]:
    return [
        {"name": name, "type": kind, "data": sorted(records[name, kind])}
        for name, kind in sorted(records)
    ]


def _records(entries: Iterable[Mapping[str, Any]]) -> Records:
    return {(one["name"], one["type"]): tuple(one["data"]) for one in entries}


def read(path: str) -> Published:
    """Read the file; without one nothing was published. Raises `ValueError`, `OSError`."""
    try:
        with open(path, encoding="utf-8") as file:
            data = json.loads(file.read(MAX_STATE))
        return Published(_records(data["published"]), _records(data.get("intended", ())))
    except FileNotFoundError:
        return Published()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{path} cannot be read ({type(error).__name__}: {error}); remove it, and records "
            "published before count as another's"
        ) from error


def write(path: str, published: Published) -> bool:
    """Write the file; tells whether that changed it. Raises `OSError`."""
    text = published.text()
    try:
        with open(path, encoding="utf-8") as file:
            if file.read(MAX_STATE) == text:
                return False
    except FileNotFoundError:
        pass
    descriptor, part = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".published-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise
    return True
