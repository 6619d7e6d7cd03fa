"""What spamtrap says to the checks that learn."""

from __future__ import annotations

from typing import NamedTuple

from filter_engine.scan.task import Task


class Trapped(NamedTuple):
    """The message went to an address nobody uses, and is to be learnt."""

    as_spam: bool
    """By the classifiers."""
    as_hashes: bool
    """By the storages of fuzzy hashes."""


def trapped(task: Task) -> Trapped:
    """What the check ``spamtrap`` found; nothing to learn where it found nothing."""
    said = task.results.get("spamtrap")
    return said if isinstance(said, Trapped) else Trapped(as_spam=False, as_hashes=False)
