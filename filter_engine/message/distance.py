"""How far two lists of words are apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MAX_COMPARED: Final = 4096
"""Words of each list that are compared."""
_AHEAD: Final = 8
"""Words that are looked ahead for the place where two lists go on together."""


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


def surely_below(one: Sequence[str], other: Sequence[str], limit: float) -> bool:
    """Whether two lists are less than ``limit`` apart, as far as a quick look tells.

    False says nothing. Two texts of one mail that say the same are told apart from others by their
    first hundred words; ``words_distance`` costs a thousand times that for long ones.
    """
    size, other_size = min(len(one), MAX_COMPARED), min(len(other), MAX_COMPARED)
    at = other_at = changed = 0
    # What was changed so far and, at worst, all words that are left: never less than the distance.
    while changed + max(size - at, other_size - other_at) >= limit:
        if at >= size or other_at >= other_size:
            return False
        word, other_word = one[at], other[other_at]
        if word != other_word:
            for ahead in range(1, _AHEAD):
                if at + ahead < size and one[at + ahead] == other_word:
                    at += ahead
                    break
                if other_at + ahead < other_size and other[other_at + ahead] == word:
                    other_at += ahead
                    break
            else:
                ahead = 0
            changed += ahead or 1
        at += 1
        other_at += 1
    return True
