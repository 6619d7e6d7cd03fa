"""Mail to be learnt: spam and ham whose words have nothing in common."""

from __future__ import annotations

HAM = "meeting garden treasurer coffee minutes village fence river autumn invitation neighbour"
SPAM = "viagra casino winner million transfer urgent bonus jackpot discount prescription luxury"


def lesson(words: str, number: int = 0) -> bytes:
    """One of many mails of the same words."""
    said = words.split()
    turned = said[number % 7 :] + said[: number % 7]
    own = "nr" + "".join("bcdfghjklm"[int(digit)] for digit in str(number))
    return (
        f"From: a{number}@example.org\nSubject: {said[number % 5]}\n"
        f"Message-ID: <{number}.{said[0]}@example.org>\nDate: Sat, 21 Nov 2026 10:00:00 +0000\n"
        f"\n{' '.join(turned)} and {own} {' '.join(reversed(turned))}\n"
    ).encode()
