"""Reading recorded milter conversations."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

from filter_engine.wire.milter.codec import negotiation, packet

_LINE = re.compile(
    r"([<>]) (\S) (\d+) (?:index=(\d+) )?(?:ver=(\d+) actions=(\w+) proto=(\w+)|(b['\"].*))"
)


@dataclass
class Conversation:
    mta: list[bytes] = field(default_factory=list)
    """The MTA's packets."""
    filter: list[tuple[bytes, bool]] = field(default_factory=list)
    """The filter's packets, and whether they were recorded whole."""


def conversations() -> list[Conversation]:
    found: list[Conversation] = []
    path = Path(__file__).parent / "transcripts" / "postfix-3.7.txt"
    for line in path.read_text().splitlines():
        if line.startswith("==="):
            found.append(Conversation())
        elif match := _LINE.match(line):
            side, command, size, index, version, actions, proto, payload = match.groups()
            if version:
                raw = negotiation(int(version), int(actions, 16), int(proto, 16))
            else:
                data = ast.literal_eval(payload)
                if index:
                    data = int(index).to_bytes(4, "big") + data
                raw = packet(ord(command), data)
            whole = len(raw) - 4 == int(size)
            if side == ">":
                assert whole, line
                found[-1].mta.append(raw)
            else:
                found[-1].filter.append((raw, whole))
        else:
            assert line.startswith("#"), line
    return found
