"""Mails to teach a classifier with: their words decide of what class they are."""

from __future__ import annotations

import random
from email.utils import format_datetime, localtime

SPAM_WORDS, HAM_WORDS = "spam", "ham"
MIN_LEARNS = 200
"""Mails of each class before the shipped classifier judges at all."""
_SYLLABLES = ("ba", "ke", "lu", "mo", "ri", "sta", "no", "fel", "dun", "ge", "pro", "tis")


def words(topic: str, count: int = 120) -> list[str]:
    """Words that belong to a topic, the same every time, in no other topic."""
    chance = random.Random(topic)  # noqa: S311 - no secrets
    return ["".join(chance.choices(_SYLLABLES, k=4)) for _ in range(count)]


def mail(topic: str, number: int) -> str:
    """The mail of that number about a topic: the same words in the same order, and some of its own.

    Bayes goes by words that stand near one another: in another order they would be others. There
    are enough of them for shingles: mails about one topic are near-duplicates.
    """
    found = [*words(topic), *words(f"{topic} {number}", 8)]
    text = "\r\n".join(" ".join(found[at : at + 8]) for at in range(0, len(found), 8))
    return (
        f"From: Erin <erin@plain.example>\r\nTo: alice@example.net\r\nSubject: {found[0]}\r\n"
        f"Date: {format_datetime(localtime())}\r\nMessage-ID: <{topic}.{number}@plain.example>\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n{text}\r\n"
    )
