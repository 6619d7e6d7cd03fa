"""The words of a message that become tokens: stems, and the domains of what looks like a link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import NamedTuple

from filter_engine.dns.names import organisational_domain
from filter_engine.message import Message
from filter_engine.message.part import Part
from filter_engine.message.url import parse_url
from filter_engine.message.words import find_words, split_words
from filter_engine.statistics.decay import kept, seed
from filter_engine.statistics.stems import stems_of, word_hash

NO_DOMAIN = "!!EX!!"
"""Stands for a link whose domain cannot be told."""


class Words(NamedTuple):
    """Hashes of words in their order, and which of them are links (empty: none)."""

    hashes: list[int]
    links: list[bool]


def part_words(message: Message, part: Part, language: str, words_decay: int) -> Words:
    """The words of a part's visible text, without stop words.

    After ``words_decay`` words (0: never) ever fewer are kept.
    """
    text = part.visible_text
    spans = message.link_spans(part)
    stems = stems_of(language)
    links: list[bool] = []
    if not spans:
        hashes = stems.hashes(message.words_of(part))
    else:
        hashes = []
        end = 0
        for span in spans:
            if span.start < end:
                continue
            some = stems.hashes(split_words(text[end : span.start]))
            hashes += some
            hashes.append(word_hash(_domain(text[span.start : span.stop])))
            links += [False] * len(some)
            links.append(True)
            end = span.stop
        some = stems.hashes(split_words(text[end:]))
        hashes += some
        links += [False] * len(some)
    if words_decay and len(hashes) > words_decay + 1:
        _drop(hashes, links, text, spans, words_decay)
    if links:
        links = list(compress(links, hashes))
    return Words(list(filter(None, hashes)), links)


def header_words(message: Message, language: str) -> Words:
    """The words of the subject and of the sender's name."""
    return Words(list(filter(None, stems_of(language).hashes(message.header_words))), [])


def _domain(written: str) -> str:
    if "://" not in written and "@" in written:
        return organisational_domain(written.rpartition("@")[2]) or NO_DOMAIN
    url = parse_url(written, "text")
    return url.esld if url else NO_DOMAIN


def _drop(
    hashes: list[int], links: list[bool], text: str, spans: Sequence[range], words_decay: int
) -> None:
    """Make stop words of those that decay leaves out."""
    first: list[bytes] = []
    place = 0
    for number, (word, end) in enumerate(_written(text, spans)):
        if word:
            first.append(word.encode("utf-8", "surrogateescape"))
        place = end
        if number > words_decay and word:
            break
    head = len(text[:place].encode("utf-8", "surrogateescape"))
    length = head + len(text[place:].encode("utf-8", "surrogateescape"))
    if length <= head:
        return
    keep = kept(seed(first), words_decay, head, length)
    for at in range(number + 1, len(hashes)):
        if not (links and links[at]) and not next(keep):
            hashes[at] = 0


def _written(text: str, spans: Sequence[range]) -> Iterator[tuple[str, int]]:
    """Words as they are written, links as empty ones, and where each ends."""
    end = 0
    for span in spans:
        if span.start < end:
            continue
        for found in find_words(text, end, span.start):
            yield found.group(), found.end()
        yield "", span.stop
        end = span.stop
    for found in find_words(text, end, len(text)):
        yield found.group(), found.end()
