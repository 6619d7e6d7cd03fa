"""The words of a message that become tokens: stems, and the domains of what looks like a link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress, zip_longest
from typing import NamedTuple

from filter_engine.dns.names import organisational_domain
from filter_engine.message import Message
from filter_engine.message.part import Part
from filter_engine.message.url import parse_url
from filter_engine.message.words import find_words, split_words
from filter_engine.statistics.decay import kept, seed
from filter_engine.statistics.stems import stems_of, word_hash

_MARK = "zqlinkqz"
_MARK_SPACED = f" {_MARK} "
NO_DOMAIN = "!!EX!!"
"""Stands for a link whose domain cannot be told."""


class Words(NamedTuple):
    """Hashes of words in their order, and which of them are links (empty: none)."""

    hashes: list[int]
    links: list[bool]


class Text(NamedTuple):
    """The words of a part's visible text, stop words included, as far as they are looked at."""

    words: list[str]
    """Links are their domains."""
    links: list[bool]
    """Which words are links; empty: none."""
    written: str
    spans: tuple[range, ...]


def part_text(message: Message, part: Part) -> Text:
    """Split the visible text of a part."""
    text = part.visible_text
    spans = message.link_spans(part)
    if not spans:
        return Text(message.words_of(part), [], text, spans)
    pieces, domains = [], []
    end = 0
    for span in spans:
        if span.start >= end:
            pieces.append(text[end : span.start])
            domains.append(_domain(text[span.start : span.stop]))
            end = span.stop
    pieces.append(text[end:])
    # Split once, with a word that stands for each link, unless somebody wrote that word.
    words = split_words(_MARK_SPACED.join(pieces))
    if words.count(_MARK) != len(domains):
        return _piece_by_piece(pieces, domains, text, spans)
    links = [word == _MARK for word in words]
    at = -1
    for domain in domains:
        at = words.index(_MARK, at + 1)
        words[at] = domain
    return Text(words, links, text, spans)


def _piece_by_piece(
    pieces: list[str], domains: list[str], text: str, spans: tuple[range, ...]
) -> Text:
    words: list[str] = []
    links: list[bool] = []
    for piece, domain in zip_longest(pieces, domains):
        some = split_words(piece)
        words += some
        links += [False] * len(some)
        if domain is not None:
            words.append(domain)
            links.append(True)
    return Text(words, links, text, spans)


def text_words(text: Text, language: str, words_decay: int) -> Words:
    """The hashes of a text's words, without stop words.

    After ``words_decay`` words (0: never) ever fewer are kept.
    """
    hashes = stems_of(language).hashes(text.words)
    links = text.links
    if links:
        for at in compress(range(len(links)), links):
            hashes[at] = word_hash(text.words[at])
    if words_decay and len(hashes) > words_decay + 1:
        drop_by_decay(hashes, links, text.written, text.spans, words_decay)
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


def drop_by_decay(
    hashes: list[int], links: list[bool], text: str, spans: Sequence[range], words_decay: int
) -> None:
    """Make stop words, by 0 in ``hashes``, of those that decay leaves out."""
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
