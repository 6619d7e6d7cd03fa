"""What a storage said of one hash, for people and programs that ask by hand."""

from __future__ import annotations

from typing import Any, Final

from filter_engine.fuzzy.hashes import PartHash
from filter_engine.fuzzy.protocol import FAILED, FORBIDDEN, SKIPPED, UNSURE, ReplyTo
from filter_engine.scan.exchange import Reply

NOTHING: Final = "nothing in it is compared (shorter than min_bytes)"
"""Of a message under a rule."""
_ERRORS: Final = {
    SKIPPED: "the storage never takes this hash (skip_hashes)",
    FORBIDDEN: "forbidden",
    FAILED: "the storage's store failed",
    UNSURE: "the storage's store did not answer in time: a change may have been made",
}


def answer_row(made: PartHash, answer: ReplyTo | None, reply: Reply) -> dict[str, Any]:
    """One hash and its answer; ``error`` says why there is none."""
    row: dict[str, Any] = {
        "part": made.part,
        "kind": made.kind.value,
        "digest": made.digest.hex(),
        "server": reply.server,
        "found": answer is not None and answer.found,
    }
    if answer is None:
        row["error"] = reply.detail or "no answer"
    elif answer.found:
        row |= {
            "flag": answer.flag,
            "weight": answer.value,
            "probability": round(answer.probability, 2),
            "known_as": answer.digest.hex(),
        }
    elif answer.value:
        row["error"] = _ERRORS.get(answer.value, f"error {answer.value}")
    return row
