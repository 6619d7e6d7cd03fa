"""Cost by stage: samples of the worker's stacks, by the room of the code that ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STAGES = {
    "html": "message/html message/css message/tags checks/html_rules",
    "urls and words": "message/url message/links message/words checks/url",
    "parse": "message/",
    "regexps": "matching/ checks/regexp/ checks/spamassassin/",
    "maps, lists": "maps/ checks/multimap/ selectors/",
    "dns": "dns/",
    "rbl": "checks/rbl/ checks/asn",
    "spf, dkim, dmarc, arc": "auth/ checks/spf checks/dkim checks/dmarc checks/arc",
    "other checks": "checks/ rules/",
    "driver": "scan/driver scan/question scan/run scan/task",
    "scoring": "scan/",
    "reply": "headers/ wire/checkv2 wire/text wire/compression",
    "http": "wire/ workers/scan_service workers/self_scan workers/normal",
}
"""Stage -> the beginnings of its modules' paths; the first that fits counts."""

LOOP = "event loop, sockets"
_PACKAGE = "/filter_engine/"


@dataclass(frozen=True)
class Samples:
    """Stacks with their counts."""

    stacks: tuple[tuple[tuple[str, ...], int], ...]
    """Frames as ``path:function``, outermost first."""

    @property
    def total(self) -> int:
        """All samples."""
        return sum(count for _, count in self.stacks)

    def shares(self) -> dict[str, float]:
        """Stage -> its share of the time, the largest first."""
        found: Counter[str] = Counter()
        for stack, count in self.stacks:
            found[_stage(stack)] += count
        return {name: count / self.total for name, count in found.most_common()}

    def functions(self, count: int) -> list[tuple[str, float, float]]:
        """The dearest functions: name, share of the time in itself, and with what it calls."""
        own: Counter[str] = Counter()
        whole: Counter[str] = Counter()
        for stack, seen in self.stacks:
            own[_short(stack[-1])] += seen
            for name in {_short(frame) for frame in stack}:
                whole[name] += seen
        return [
            (name, seen / self.total, whole[name] / self.total)
            for name, seen in own.most_common(count)
        ]


def read(file: Path) -> Samples:
    """What ``sampler.stop`` wrote."""
    return Samples(tuple(_stacks(file)))


def _stacks(file: Path) -> Iterator[tuple[tuple[str, ...], int]]:
    for line in file.read_text().splitlines():
        frames, _, count = line.rpartition(" ")
        yield tuple(frames.split(";")), int(count)


def _stage(stack: tuple[str, ...]) -> str:
    for frame in reversed(stack):
        _, found, path = frame.rpartition(_PACKAGE)
        if not found:
            continue
        for name, places in STAGES.items():
            if path.startswith(tuple(places.split())):
                return name
        return LOOP
    return LOOP


def _short(frame: str) -> str:
    for mark in (_PACKAGE, "/site-packages/", "/lib/"):
        _, found, rest = frame.rpartition(mark)
        if found:
            return rest
    return frame
