"""How the header is written: names without a blank behind the colon, lines that are no fields."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.message import Defect
from filter_engine.message.message import Message
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_HEADERS: Final = ("headers",)
_TYPE: Final = re.compile(rb"[^\s/;]*/[^\s/;]")
_FOLDED: Final = re.compile(rb"=[ \t]*\r?\n[ \t]")
"""A fold between a parameter's name and its value."""
_ODD_LINES: Final = frozenset(
    {
        Defect.HEADER_LINE_WITHOUT_COLON,
        Defect.HEADER_NAME_INVALID,
        Defect.HEADERS_TRUNCATED,
    }
)
_BLANK_BEHIND_NAME: Final = re.compile(rb"\n[^ \t\r\n:][^:\n]*[ \t]:")
_GOES_ON: Final = (b"", b" ", b"\t", b"\r")
_MAX_HEADER: Final = 1_048_576
"""Octets of the header that are looked at."""
_DELIMITED: Final = {"from": "FROM", "to": "TO", "cc": "CC", "reply-to": "REPLYTO", "date": "DATE"}


@check(
    "header_form",
    module="headers",
    symbols=(
        *(
            Symbol(
                f"HEADER_{short}_EMPTY_DELIMITER",
                1.0,
                f"No blank behind the colon of {name.title()}",
                _HEADERS,
                True,
            )
            for name, short in _DELIMITED.items()
        ),
        Symbol("BROKEN_HEADERS", 10.0, "The header has lines that are no fields", _HEADERS),
        Symbol("BROKEN_CONTENT_TYPE", 1.5, "A Content-Type that cannot be read", _HEADERS),
    ),
)
def header_form(task: Task) -> list[Finding]:
    """Spelling of the header's lines and of the parts' Content-Type."""
    message = task.message
    found: list[Finding] = []
    present = message.header_names
    for name, short in _DELIMITED.items():
        for field in message.get_all(name) if name in present else ():
            if field.raw and field.raw[0] not in b" \t\r\n":
                shown = f"{field.name}:{field.raw[:60].decode('utf-8', 'replace')}"
                found.append(Finding(f"HEADER_{short}_EMPTY_DELIMITER", evidence=shown))
                break
    fault = _fault(message)
    if fault:
        found.append(Finding("BROKEN_HEADERS", evidence=fault))
    for part in message.parts:
        written = part.get("content-type")
        value = b"" if written is None else written.unfolded
        folded = written is not None and b"\n" in written.raw and _FOLDED.search(written.raw)
        if value and (folded or _TYPE.match(value) is None):
            shown = value[:80].decode("utf-8", "replace")
            found.append(Finding("BROKEN_CONTENT_TYPE", evidence=f"Content-Type: {shown}"))
            break
    return found


def _fault(message: Message) -> str:
    """What is wrong with the lines of the message's header; empty when nothing is."""
    block = message.header_block[:_MAX_HEADER]
    odd = not message.defects.isdisjoint(_ODD_LINES)
    if not odd and (b" :" in block or b"\t:" in block):
        # The parser has looked at each line: blanks behind a name are all that it does not note.
        odd = _BLANK_BEHIND_NAME.search(b"\n" + block) is not None
    for line in block.split(b"\n") if odd else ():
        if line[:1] in _GOES_ON or line.startswith(b">From "):
            continue
        name, colon, _ = line.partition(b":")
        if not colon or b" " in name or b"\t" in name:
            return f"no field: {line[:60].decode('utf-8', 'replace').strip()}"
    if not message.body and not message.raw.endswith((b"\n\n", b"\n\r\n")):
        return "no empty line behind the header"
    return ""
