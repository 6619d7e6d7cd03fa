"""The subject: missing, empty, shouting, asking, over-encoded."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_HEADERS = ("headers",)
_SUBJECT = ("subject",)
_ANSWERS: Final = ("Antwort", "Aw", "Fw", "Fwd", "Re", "Sv")
"""What mail programs put before the subject of an answer or a forwarded mail."""
_REPLY: Final = re.compile(rf"(?:(?:{'|'.join(_ANSWERS)}):\s*)+(\S.*)", re.IGNORECASE | re.DOTALL)
_CURRENCY: Final = frozenset("$€¢¥₽")
_MAX_SUBJECT: Final = 200
"""Characters of a subject that is not too long."""


@check(
    "subject",
    module="subject",
    symbols=(
        Symbol("MISSING_SUBJECT", 2.0, "There is no Subject header", _HEADERS, True),
        Symbol("EMPTY_SUBJECT", 1.0, "The subject is empty", _HEADERS),
        Symbol("SUBJ_ALL_CAPS", 3.0, "The subject has capital letters only", _SUBJECT),
        Symbol("LONG_SUBJ", 3.0, "The subject is very long", _SUBJECT),
        Symbol(
            "SUBJECT_ENDS_EXCLAIM", 0.0, "The subject ends with an exclamation mark", _HEADERS, True
        ),
        Symbol(
            "SUBJECT_HAS_EXCLAIM", 0.0, "An exclamation mark inside the subject", _HEADERS, True
        ),
        Symbol(
            "SUBJECT_ENDS_QUESTION", 1.0, "The subject ends with a question mark", _HEADERS, True
        ),
        Symbol("SUBJECT_HAS_QUESTION", 0.0, "A question mark inside the subject", _HEADERS, True),
        Symbol("SUBJECT_HAS_CURRENCY", 1.0, "A sign of a currency in the subject", _HEADERS, True),
        Symbol("SUBJECT_ENDS_SPACES", 0.5, "The subject ends with blanks", _HEADERS, True),
        Symbol("FAKE_REPLY", 1.0, "The subject says Re:, but nothing is answered", _HEADERS),
    ),
)
def subject(task: Task) -> list[Finding]:
    """Marks of the first Subject header."""
    message = task.message
    field = message.get("subject")
    if field is None:
        return [Finding("MISSING_SUBJECT")]
    text = field.value
    found: list[Finding] = []
    if not text:
        return [Finding("EMPTY_SUBJECT")]
    reply = _REPLY.fullmatch(text)
    bare = text if reply is None else reply.group(1)
    length = len(bare)
    if is_uppercase(bare):
        found.append(Finding("SUBJ_ALL_CAPS", (str(length),), min(1.0, length / 40)))
    if length > _MAX_SUBJECT:
        found.append(Finding("LONG_SUBJ", (str(length),), min(1.0, length / 400)))
    if text.endswith("!"):
        found.append(Finding("SUBJECT_ENDS_EXCLAIM"))
    elif "!" in text:
        found.append(Finding("SUBJECT_HAS_EXCLAIM"))
    if text.endswith("?"):
        found.append(Finding("SUBJECT_ENDS_QUESTION"))
    elif "?" in text:
        found.append(Finding("SUBJECT_HAS_QUESTION"))
    if not _CURRENCY.isdisjoint(text):
        found.append(Finding("SUBJECT_HAS_CURRENCY"))
    if field.raw.rstrip(b"\r\n")[-1:] in (b" ", b"\t"):
        found.append(Finding("SUBJECT_ENDS_SPACES"))
    if text[:3].lower() == "re:" and not (message.get("in-reply-to") or message.get("references")):
        found.append(Finding("FAKE_REPLY"))
    return found


def is_uppercase(text: str) -> bool:
    """Whether a text shouts: it has capital letters and no small ones."""
    if text.isascii():
        return text.isupper()
    upper = sum(char.isupper() for char in text)
    return upper > 0 and not any(char.islower() for char in text)
