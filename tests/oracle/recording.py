"""What the real Rspamd replied, and the messages and the zone it saw.

The data are not part of this project: ``ORACLE_DIR``, default ``../shared/rspamd``.
"""

from __future__ import annotations

import json
import lzma
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ORACLE_DIR") or PROJECT.parent / "shared" / "rspamd")
MIX = DATA / "mix1500.tar.xz"
REPLIES = DATA / "replies-stock.jsonl.xz"
ZONE = DATA / "lab" / "root.zone"
CACHE = PROJECT / ".cache" / "oracle"

RECORDED = 1_795_219_937.0
"""Seconds since the epoch when the replies were given: what DATE_IN_PAST counts from."""


@dataclass(frozen=True)
class Reply:
    """What one engine said of one message."""

    action: str
    score: float
    symbols: Mapping[str, float]
    """Name -> what it added to the score."""
    options: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Sample:
    """One message with its envelope and Rspamd's reply."""

    path: str
    raw: bytes
    envelope: Mapping[str, Any]
    """``ip``, ``helo``, ``hostname``, ``frm``, ``rcpt``, as far as they are known."""
    theirs: Reply


def missing() -> str:
    """Which of the data is absent; empty when all is there."""
    return next((str(path) for path in (MIX, REPLIES, ZONE) if not path.exists()), "")


def samples() -> Iterator[Sample]:
    """Every message of the recording, in its order."""
    base = _unpacked()
    envelopes = _manifest(base)
    with lzma.open(REPLIES, "rt", encoding="utf-8") as lines:
        for line in lines:
            path, _, said = json.loads(line)
            yield Sample(path, (base / path).read_bytes(), envelopes[path], reply_of(said))


def reply_of(said: str | Mapping[str, Any]) -> Reply:
    """A ``/checkv2`` reply."""
    data = json.loads(said) if isinstance(said, str) else said
    symbols = data["symbols"]
    return Reply(
        data["action"],
        float(data["score"]),
        {name: float(symbol["score"]) for name, symbol in symbols.items()},
        {name: tuple(map(str, symbol.get("options", ()))) for name, symbol in symbols.items()},
    )


@cache
def _unpacked() -> Path:
    """The messages, unpacked once and again when the archive has changed."""
    place = CACHE / f"messages-{int(MIX.stat().st_mtime)}-{MIX.stat().st_size}"
    if not place.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=CACHE) as fresh, tarfile.open(MIX) as archive:
            whole = Path(fresh, "whole")
            # Debian 12's Python has no filters; these are our own messages, in plain files.
            archive.extractall(whole, [one for one in archive if one.isfile() or one.isdir()])
            with suppress(OSError):  # another process was faster
                whole.rename(place)
    return next(path.parent for path in sorted(place.rglob("manifest.jsonl")))


def _manifest(base: Path) -> dict[str, Mapping[str, Any]]:
    lines = (base / "manifest.jsonl").read_text().splitlines()
    return {said["path"]: said for said in map(json.loads, lines)}
