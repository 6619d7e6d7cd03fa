"""How the header is written: names without a blank behind the colon, lines that are no fields."""

from __future__ import annotations

from typing import Final

from filter_engine.message.defect import Defect
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_HEADERS: Final = ("headers",)
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
    for name, short in _DELIMITED.items():
        for field in message.get_all(name):
            if field.raw and field.raw[:1] not in (b" ", b"\t", b"\r", b"\n"):
                shown = f"{field.name}:{field.raw[:60].decode('utf-8', 'replace')}"
                found.append(Finding(f"HEADER_{short}_EMPTY_DELIMITER", evidence=shown))
                break
    broken = message.defects & {Defect.HEADER_LINE_WITHOUT_COLON}
    if broken:
        found.append(Finding("BROKEN_HEADERS", evidence=", ".join(broken)))
    for part in message.parts:
        written = part.get("content-type")
        if part.type_missing and written is not None:
            shown = f"Content-Type: {written.value[:80]}"
            found.append(Finding("BROKEN_CONTENT_TYPE", evidence=shown))
            break
    return found
