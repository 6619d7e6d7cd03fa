"""What a lab remembers of itself while it is up: its site, image and hosts (lab.json)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.plan import LabHost


@dataclass(frozen=True)
class Record:
    """`complete` is false from the first step of `up` until every host is ready."""

    site: str
    image: str
    hosts: tuple[LabHost, ...]
    complete: bool

    def write(self, path: Path) -> None:
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self), indent=2))
        part.rename(path)


def read_record(path: Path) -> Record | None:
    """The record, or None when the lab is down (or died before it had a plan)."""
    try:
        data = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    hosts = tuple(
        LabHost(
            **{
                **host,
                "further": tuple(host["further"]),
                "gateways": tuple(host["gateways"]),
            }
        )
        for host in data["hosts"]
    )
    return Record(data["site"], data["image"], hosts, data["complete"])
