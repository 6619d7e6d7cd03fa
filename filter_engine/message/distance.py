"""How far two lists of words are apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

MAX_COMPARED: Final = 4096
"""Words of each list that are compared."""
_NEARBY: Final = 8
"""Words in which two lists are looked at for where they go on alike."""


def words_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """The least number of words to insert, remove or replace to make one list the other.

    Hyyro's bit-parallel form of Levenshtein's distance (2003): a column of the table is two long
    integers, so that a thousand words against a thousand cost a thousand steps.
    """
    one, other = list(one[:MAX_COMPARED]), list(other[:MAX_COMPARED])
    start = 0
    shortest = min(len(one), len(other))
    while start < shortest and one[start] == other[start]:
        start += 1
    end = 0
    while end < shortest - start and one[-1 - end] == other[-1 - end]:
        end += 1
    one, other = one[start : len(one) - end], other[start : len(other) - end]
    if not one or not other:
        return len(one) + len(other)
    places: dict[str, int] = {}
    for index, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << index
    everything = (1 << len(one)) - 1
    last = 1 << (len(one) - 1)
    rises, falls = everything, 0
    distance = len(one)
    for word in other:
        same = places.get(word, 0)
        diagonal = (((same & rises) + rises) ^ rises) | same | falls
        grows = falls | ~(diagonal | rises) & everything
        shrinks = diagonal & rises
        if grows & last:
            distance += 1
        elif shrinks & last:
            distance -= 1
        grows = grows << 1 | 1
        shrinks <<= 1
        rises = (shrinks | ~(diagonal | grows)) & everything
        falls = grows & diagonal & everything
    return distance


def differ_by_less(one: Sequence[str], other: Sequence[str], limit: float) -> bool:
    """Whether ``words_distance`` is below ``limit``, which mostly shows without counting it.

    It is at least the number of words that one list has and the other lacks, and at most that of
    the longer rest between a common beginning and a common end.
    """
    one, other = one[:MAX_COMPARED], other[:MAX_COMPARED]
    shortest = min(len(one), len(other))
    start = end = 0
    while start < shortest and one[start] == other[start]:
        start += 1
    while end < shortest - start and one[-1 - end] == other[-1 - end]:
        end += 1
    one, other = one[start : len(one) - end], other[start : len(other) - end]
    if max(len(one), len(other)) < limit:
        return True
    if _one_way(one, other, limit) < limit:
        return True
    # Of the longer list no fewer words are missing in the other than the other way about.
    more, fewer = (one, other) if len(one) >= len(other) else (other, one)
    if (Counter(more) - Counter(fewer)).total() >= limit:
        return False
    return words_distance(one, other) < limit


def _one_way(one: Sequence[str], other: Sequence[str], limit: float) -> float:
    """The length of some way from one list to the other, found in one walk; at most ``limit``.

    Where words differ, the next ones that are the same are looked for nearby.
    """
    at = place = cost = 0
    length, end = len(one), len(other)
    while at < length and place < end:
        if one[at] == other[place]:
            at += 1
            place += 1
            continue
        here, there = one[at : at + _NEARBY], other[place : place + _NEARBY]
        skipped = (1, 1)
        for step in range(1, min(len(here), len(there))):
            if here[step] in there[: step + 1]:
                skipped = step, there.index(here[step])
                break
            if there[step] in here[:step]:
                skipped = here.index(there[step]), step
                break
        at += skipped[0]
        place += skipped[1]
        cost += max(skipped)
        if cost >= limit:
            return limit
    return cost + max(length - at, end - place)
