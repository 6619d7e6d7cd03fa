"""What a client wants to be answered in: ``Accept`` and ``Accept-Encoding`` (RFC 9110, 12.5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MAX_FIELD = 4 * 1024
"""Characters of a field that are read."""
MAX_RANGES = 64


def best(field: str, offers: Iterable[str]) -> str | None:
    """The media type of ``offers`` that suits best; None when none does.

    Without a field any does, and the first is taken. Of those that are wanted as much, the one that
    is named most exactly is, then the first: ``application/json, */*`` means JSON.
    """
    known = tuple(offers)
    ranges = dict(_weights(field))
    if not ranges:
        return known[0]
    chosen, weight = None, (0.0, 0)
    for offer in known:
        named = (offer, f"{offer.partition('/')[0]}/*", "*/*")
        exactness, range_ = next(
            ((3 - n, wanted) for n, wanted in enumerate(named) if wanted in ranges), (0, "")
        )
        suits = (ranges.get(range_, 0.0), exactness)
        if suits[0] > 0 and suits > weight:
            chosen, weight = offer, suits
    return chosen


def takes_zstd(field: str) -> bool:
    """Whether ``Accept-Encoding`` names zstd (RFC 8878)."""
    return dict(_weights(field)).get("zstd", 0.0) > 0


def _weights(field: str) -> Iterator[tuple[str, float]]:
    """(range, its weight) of a list; parameters other than ``q`` are left out."""
    for item in field[:MAX_FIELD].lower().split(",")[:MAX_RANGES]:
        name, *parameters = (word.strip() for word in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                weight = _quality(value.strip())
        if name:
            yield name, weight


def _quality(text: str) -> float:
    try:
        found = float(text[:8])
    except ValueError:
        return 0.0
    return found if 0 <= found <= 1 else 0.0
