"""The words of a message that become tokens: stems, and the domains of what looks like a link."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, MutableSequence, Sequence
from functools import cache
from itertools import compress, islice, zip_longest
from operator import not_
from typing import NamedTuple

from filter_engine.dns.names import organisational_domain
from filter_engine.message import Message
from filter_engine.message.charset import codec_name
from filter_engine.message.part import Part
from filter_engine.message.url import has_public_suffix
from filter_engine.message.words import split_words
from filter_engine.statistics.charset_names import CONTROL_OCTETS
from filter_engine.statistics.decay import kept_share, left_out, seed
from filter_engine.statistics.raw_words import is_raw, raw_words
from filter_engine.statistics.stems import stems_of, word_hash
from filter_engine.statistics.texts import is_page, visible_text
from filter_engine.statistics.written import IDEOGRAPHIC, start_of

_MARK = "zqlinkqz"
_MARK_SPACED = f" {_MARK} "
_NO_LINK = frozenset("?;,!")
"""Signs after a name without scheme that make it none."""
_BREAKS = re.compile(r"[\r\n][ \t\r\n]*")
_END = re.compile("</html", re.IGNORECASE)
_LATIN = frozenset({"iso-8859-1", "iso8859-1", "latin1", "latin-1"})
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_OTHER_OCTETS = bytes(octet for octet in range(256) if not 0xE3 <= octet <= 0xE9)
_TURKISH = re.compile("[\xfd\xfe\xf0](?:(?<=[a-zA-Z].)|(?=[a-zA-Z]))")
_AS_TURKISH = str.maketrans("\xfd\xfe\xf0\xdd\xde\xd0", "\u0131\u015f\u011f\u0130\u015e\u011e")
_ICELANDIC = re.compile("[\xe1\xe6\xed\xf3\xfa]")
_FEW = 3
_CONTROLS = re.compile("[\x80-\x9f]")
_CONTROL_NUMBER = re.compile(
    r"&#0{0,5}(?:12[89]|1[345]\d|x0{0,5}[89][0-9a-f])(?!\d)", re.IGNORECASE
)
_MAILTO = "mailto:"
_TELEPHONE = re.compile(
    r"tel:[ \t]*+[+(]?(?:[() .\t-]*\d){3,20}[^\n\d]{0,40}(?:\d{1,8}[^\n\d]{0,40})?(?=\n)",
    re.IGNORECASE,
)
_NO_DIGIT = re.compile(r"\D+")
_QUERY = re.compile(r"\?[^\s<>\"`]*")


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
    """Links in ``written``, in order."""
    raw: Sequence[tuple[str, int]] = ()
    """Of a text of unknown charset: words as they are written, and where each ends."""
    plain: bool = False
    """It is no HTML."""


def part_text(message: Message, part: Part) -> Text:
    """Split the visible text of a part."""
    text = visible_text(part)
    spans = message.link_spans(part)
    plain = not (part.is_html or is_page(part))
    if part.is_html:
        text = shown_text(part)
        if len(text) < len(part.visible_text):
            spans = tuple(span for span in spans if span.stop <= len(text))
        elif not spans and text.isascii() and not _may_have_number(text):
            return Text(message.words_of(part), [], text, ())
    elif not spans and text.isascii() and part.is_text and not _may_have_number(text):
        return Text(message.words_of(part), [], text, (), plain=True)
    spans, domains = _links(text, spans, message.link_sites(part))
    if not text.isascii():
        text = _turkish(part, text)
        if is_raw(part):
            found = raw_words(text, spans)
            return Text(found.words, [], found.text, (), found.written, plain)
        if _has_controls(part):
            text = text.translate(_controls())
            spans, domains = _with_controls(text, spans, domains)
    ideographs = not text.isascii() and _has_ideographs(text)
    if text is part.visible_text and not ideographs and spans == message.link_spans(part):
        places = message.link_places(part)
        if places is not None and len(places) == len(domains):
            return _with_links(message.words_of(part), places, domains, text, spans, plain)
    pieces = []
    end = 0
    for span in spans:
        pieces.append(text[end : span.start])
        end = span.stop
    pieces.append(text[end:])
    # Split once, with a word that stands for each link, unless somebody wrote that word.
    words = split_words(_MARK_SPACED.join(pieces))
    if ideographs:
        words = [piece for word in words for piece in IDEOGRAPHIC.findall(word)]
    if words.count(_MARK) != len(domains):
        return _piece_by_piece(pieces, domains, Text([], [], text, spans, plain=plain))
    links = [word == _MARK for word in words] if domains else []
    at = -1
    for domain in domains:
        at = words.index(_MARK, at + 1)
        words[at] = domain
        links[at] = domain != ""
    return Text(words, links, text, spans, plain=plain)


def _with_links(
    words: Sequence[str],
    places: Sequence[int],
    domains: Sequence[str],
    text: str,
    spans: tuple[range, ...],
    plain: bool,
) -> Text:
    """Of a text that was split before: its words, and domains where links would stand."""
    found = [*words]
    links = [False] * (len(found) + len(domains)) if domains else []
    for place, domain in zip(places, domains, strict=True):
        found.insert(place, domain)
        links[place] = domain != ""
    return Text(found, links, text, spans, plain=plain)


def shown_text(part: Part) -> str:
    """The visible text of HTML without what follows the last tag of a document that was ended."""
    source, text = part.text, part.visible_text
    tail = source[source.rfind(">") + 1 :].split()
    if not tail or _END.search(source) is None:
        return text
    return text.rstrip().removesuffix(" ".join(tail)) or text


def _with_controls(
    text: str, spans: tuple[range, ...], domains: list[str]
) -> tuple[tuple[range, ...], list[str]]:
    """Each control outside of links is an empty word, which is no link."""
    found = dict(zip(spans, domains, strict=True))
    starts = [span.start for span in spans]
    for control in _CONTROLS.finditer(text):
        at = control.start()
        before = bisect_right(starts, at) - 1
        if before < 0 or at >= spans[before].stop:
            found[range(at, at + 1)] = ""
    order = sorted(found, key=lambda place: place.start)
    return tuple(order), [found[place] for place in order]


def _turkish(part: Part, text: str) -> str:
    """A text of no stated charset that was read as windows-1252 and looks like windows-1254."""
    if part.charset or _ICELANDIC.search(text):
        return text
    if sum(1 for _ in islice(_TURKISH.finditer(text), _FEW)) < _FEW:
        return text
    return text.translate(_AS_TURKISH)


def _has_ideographs(text: str) -> bool:
    """Whether Chinese or Japanese is in it; few texts have an octet with which that begins."""
    octets = text.encode("utf-8", "surrogatepass")
    return bool(octets.translate(None, _OTHER_OCTETS)) and _IDEOGRAPH.search(text) is not None


def _has_controls(part: Part) -> bool:
    """Whether its octets are controls by its charset, and signs of windows-1252 in ``text``.

    So are those that HTML writes by such a number, which browsers take for signs, too.
    """
    if part.is_html and "&#" in part.text and _CONTROL_NUMBER.search(part.text):
        return True
    return (
        part.charset in _LATIN
        and codec_name(part.charset) == "cp1252"
        and CONTROL_OCTETS.search(part.content) is not None
    )


@cache
def _controls() -> Mapping[int, str]:
    """Signs that windows-1252 has for controls of Latin-1 -> the controls."""
    octets = (bytes([octet]) for octet in range(0x80, 0xA0))
    return {
        ord(sign): chr(octet[0]) for octet in octets if (sign := octet.decode("cp1252", "ignore"))
    }


def _piece_by_piece(pieces: list[str], domains: list[str], text: Text) -> Text:
    words: list[str] = []
    links: list[bool] = []
    for piece, domain in zip_longest(pieces, domains):
        some = split_words(piece)
        words += some
        links += [False] * len(some)
        if domain is not None:
            words.append(domain)
            links.append(domain != "")
    return text._replace(words=words, links=links)


def text_words(text: Text, language: str, words_decay: int) -> Words:
    """The hashes of a text's words, without stop words.

    After ``words_decay`` words (0: never) ever fewer are kept.
    """
    words, links = text.words, text.links
    if words_decay and len(words) > words_decay + 1:
        marks = bytearray(b"\x01") * len(words)
        drop_by_decay(marks, text, words_decay)
        words = list(compress(words, marks))
        links = list(compress(links, marks))
    hashes = list(map(word_hash, words)) if text.raw else stems_of(language).hashes(words)
    if links:
        for at in compress(range(len(links)), links):
            hashes[at] = word_hash(words[at])
        links = list(compress(links, hashes))
    return Words(list(filter(None, hashes)), links)


def header_words(message: Message, language: str) -> Words:
    """The words of the subject and of the sender's name."""
    return Words(list(filter(None, stems_of(language).hashes(message.header_words))), [])


def _links(
    text: str, spans: Sequence[range], sites: Mapping[int, str]
) -> tuple[tuple[range, ...], list[str]]:
    """Where links stand, none in another, and their domains.

    ``sites`` are the domains of URLs by where they begin. ``mailto:`` and its query belong to a
    link; what has no known domain is no link. What follows ``tel:`` on a line is one, known by its
    digits.
    """
    found, domains = [], []
    end = 0
    numbers = _TELEPHONE.finditer(text) if _may_have_number(text) else ()
    lines = {range(line.start(), line.end()): _NO_DIGIT.sub("", line[0]) for line in numbers}
    for span in sorted([*spans, *lines], key=lambda span: span.start) if lines else spans:
        start, stop = span.start, span.stop
        if start < end:
            continue
        written = text[start:stop]
        if span in lines:
            domain = lines[span]
        elif "://" not in written and "@" in written:
            domain = written.rpartition("@")[2].lower()
            if not has_public_suffix(domain):
                continue
            domain = organisational_domain(domain)
            if text[max(start - len(_MAILTO), end) : start].lower() == _MAILTO:
                start -= len(_MAILTO)
                query = _QUERY.match(text, stop)
                stop = query.end() if query is not None else stop
        else:
            domain = sites.get(start, "")
            if not domain or _belies(written, text[stop : stop + 1]):
                continue
        found.append(range(start, stop))
        domains.append(domain)
        end = stop
    return tuple(found), domains


def _may_have_number(text: str) -> bool:
    return "el:" in text or "EL:" in text


def _belies(written: str, after: str) -> bool:
    """What follows a host makes it none: a colon without port; of a bare name, a query too."""
    if after == ":":
        return True
    if "://" in written or written[:4].lower() == "www.":
        return False
    return after in _NO_LINK or "?" in written.partition("/")[0]


def drop_by_decay(marks: MutableSequence[int], text: Text, words_decay: int) -> None:
    """Put 0 in ``marks``, of which each word has one, for those that decay leaves out."""
    start = start_of(text.written, text.spans, words_decay, text.raw)
    rest = text.written[start.place :]
    if text.plain:
        rest = _BREAKS.sub("\n", rest)  # Rspamd measures lines joined
    share = kept_share(words_decay, len(rest.encode("utf-8", "surrogateescape")))
    if share >= 1.0:
        return
    places: Sequence[int] = range(start.number + 1, len(marks))
    if text.links:
        places = list(compress(places, map(not_, text.links[start.number + 1 :])))
    for at in left_out(seed(start.long), share, places):
        marks[at] = 0
