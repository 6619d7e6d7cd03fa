"""Hyperscan databases: which patterns they take, compiled, as octets that can be kept on disk.

Source: Hyperscan's developer reference (vectorscan is the same interface on other processors).
Octet patterns and UTF-8 patterns are two databases, since the latter may only see valid UTF-8.
"""

from __future__ import annotations

import json
import logging
import platform
import re
from collections.abc import Sequence
from dataclasses import field
from functools import cache
from typing import Any, Final

from filter_engine.lazy_dataclass import frozen
from filter_engine.matching.cost import measure
from filter_engine.matching.pattern import Flags, Pattern

log = logging.getLogger(__name__)

EXACT: Final = 0
"""Hyperscan's answer counts."""
PREFILTER: Final = 1
"""Hyperscan finds too much: ``regex`` confirms."""
ALONE: Final = 2
"""Hyperscan refuses the pattern: ``regex`` looks for it."""
FORMAT: Final = 4
"""Of a kept database; another number is compiled anew."""


@frozen
class Compiled:
    """What became of a list of patterns; positions are those of the list."""

    kinds: tuple[int, ...]
    octets: bytes = b""
    """The serialised database of octet patterns; empty when there are none."""
    text: bytes = b""
    """The serialised database of UTF-8 patterns; empty when there are none."""
    slow: dict[int, float] = field(default_factory=dict)
    """Patterns that take long on hostile text when ``regex`` runs them: milliseconds."""
    unmeasured: int = 0
    """Patterns for which there was no time to find that out."""

    def dump(self) -> bytes:
        """One string of octets, for ``parse``."""
        head = {
            "kinds": self.kinds,
            "octets": len(self.octets),
            "text": len(self.text),
            "slow": self.slow,
            "unmeasured": self.unmeasured,
        }
        return json.dumps(head).encode() + b"\n" + self.octets + self.text

    @classmethod
    def parse(cls, data: bytes) -> Compiled:
        """The opposite of ``dump``. Raises ValueError, KeyError or TypeError for anything else."""
        line, _, rest = data.partition(b"\n")
        head = json.loads(line)
        octets, text = int(head["octets"]), int(head["text"])
        if len(rest) != octets + text:
            raise ValueError("cut off")
        return cls(
            tuple(int(kind) for kind in head["kinds"]),
            rest[:octets],
            rest[octets:],
            {int(index): float(ms) for index, ms in head["slow"].items()},
            int(head["unmeasured"]),
        )


@cache
def hyperscan() -> Any:
    """The library, None where it is not installed or the processor lacks what it needs."""
    try:
        import hyperscan as library  # heavy: loaded only where there are rules

        library.Database(mode=library.HS_MODE_BLOCK)
    except Exception as error:
        log.warning("hyperscan cannot be used (%s): patterns are matched one by one", error)
        return None
    return library


@cache
def platform_name() -> str:
    """What a database depends on beside its patterns: library, processor, its instructions."""
    library = hyperscan()
    version = getattr(library, "__version__", "") if library else ""
    wanted = {"ssse3", "sse4_2", "popcnt", "bmi2", "avx2", "avx512bw", "avx512vbmi", "asimd", "sve"}
    found: set[str] = set()
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() in ("flags", "Features"):
                    found = wanted.intersection(value.split())
                    break
    except OSError:
        pass
    return f"{FORMAT} {version} {platform.machine()} {' '.join(sorted(found))}"


def build(patterns: Sequence[Pattern]) -> Compiled:
    """Compile patterns, each of which ``regex`` can read. Raises nothing for a pattern."""
    library = hyperscan()
    if library is None:
        return Compiled((ALONE,) * len(patterns))
    kinds = [ALONE if _is_alone(pattern) else EXACT for pattern in patterns]
    made: dict[bool, bytes] = {}
    for utf8 in (False, True):
        ids = [
            index
            for index, pattern in enumerate(patterns)
            if kinds[index] != ALONE and bool(pattern.flags & Flags.UTF8) is utf8
        ]
        try:
            made[utf8] = _serialised(library, patterns, ids, kinds)
        except (library.error, ValueError):
            made[utf8] = _sorted_out(library, patterns, ids, kinds)
    costs = measure((i, patterns[i]) for i, kind in enumerate(kinds) if kind != EXACT)
    return Compiled(tuple(kinds), made[False], made[True], costs.slow, costs.unmeasured)


def _expression(pattern: Pattern) -> bytes:
    text = pattern.text
    if pattern.flags & Flags.LITERAL:
        text = re.escape(text)
    if pattern.flags & Flags.EXTENDED:
        text = f"(?x){text}\n" if "#" in text else f"(?x){text}"
    if pattern.flags & Flags.ANCHORED:
        text = f"\\A(?:{text})"
    return text.encode("utf-8", "surrogateescape")


def _flags(library: Any, pattern: Pattern, kind: int) -> int:
    flags: int = library.HS_FLAG_SINGLEMATCH | library.HS_FLAG_ALLOWEMPTY
    for ours, theirs in (
        (Flags.CASELESS, library.HS_FLAG_CASELESS),
        (Flags.DOTALL, library.HS_FLAG_DOTALL),
        (Flags.MULTILINE, library.HS_FLAG_MULTILINE),
        (Flags.UTF8, library.HS_FLAG_UTF8),  # without UCP: classes are of ASCII, as in PCRE
    ):
        if pattern.flags & ours:
            flags |= theirs
    return flags | (library.HS_FLAG_PREFILTER if kind == PREFILTER else 0)


def _is_alone(pattern: Pattern) -> bool:
    return not pattern.text or bool(pattern.flags & Flags.ALONE)


def _serialised(
    library: Any, patterns: Sequence[Pattern], ids: Sequence[int], kinds: Sequence[int]
) -> bytes:
    """The database of the patterns ``ids``. Raises ``hyperscan.error`` when one is refused."""
    if not ids:
        return b""
    database = library.Database(mode=library.HS_MODE_BLOCK)
    database.compile(
        expressions=[_expression(patterns[index]) for index in ids],
        ids=list(ids),
        elements=len(ids),
        flags=[_flags(library, patterns[index], kinds[index]) for index in ids],
    )
    return bytes(library.dumpb(database))


def _sorted_out(
    library: Any, patterns: Sequence[Pattern], ids: Sequence[int], kinds: list[int]
) -> bytes:
    """The database of those that hyperscan takes, found out one by one; ``kinds`` is told."""
    for index in ids:
        for kind in (EXACT, PREFILTER, ALONE):
            kinds[index] = kind
            if kind == ALONE:
                break
            try:
                _serialised(library, patterns, [index], kinds)
            except (library.error, ValueError):
                continue
            break
    taken = [index for index in ids if kinds[index] != ALONE]
    try:
        return _serialised(library, patterns, taken, kinds)
    except (library.error, ValueError) as error:
        log.warning("hyperscan refuses %d patterns together: %s", len(taken), error)
        for index in taken:
            kinds[index] = ALONE
        return b""


def load(data: bytes) -> Any:
    """A database ready to scan. Raises ``hyperscan.error`` for one of another platform."""
    library = hyperscan()
    database = library.loadb(data, mode=library.HS_MODE_BLOCK)
    database.scratch = library.Scratch(database)
    return database
