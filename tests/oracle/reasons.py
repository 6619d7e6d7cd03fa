"""Why a symbol differs: written by hand, read by ``report.py``."""

from __future__ import annotations

#: Class -> what it means.
CLASSES: dict[str, str] = {
    "later": "what sets it comes with a later part of the project",
    "state": "it depends on what Rspamd had learned or counted before",
    "judgement": "both readings are defensible; ours is meant",
    "open": "not looked into yet",
}

#: Symbol -> (class, reason). A symbol that differs and is not here is "open".
REASONS: dict[str, tuple[str, str]] = {}

#: (theirs, ours) -> reason, of actions.
ACTIONS: dict[tuple[str, str], str] = {}
