"""Words that stand for what a mail is beside its text: kinds and sizes of parts, headers, day.

Their spelling and order are Rspamd's, since tokens are made of neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from itertools import islice
from math import floor, log
from typing import Final

from filter_engine.message import Message
from filter_engine.message.image_size import image_size
from filter_engine.message.part import Part
from filter_engine.message.url import parse_url
from filter_engine.statistics.charset_names import charset_of
from filter_engine.statistics.texts import is_page, visible_text
from filter_engine.statistics.words import shown_text

_HEADERS: Final = (
    ("org", "Organization"),
    ("org", "Organisation"),
    ("xmai", "X-Mailer"),
    ("C-T", "Content-Type"),
    ("U-A", "User-Agent"),
    ("xmim", "X-MimeOLE"),
)
_IMAGES: Final = {"image/png": "png", "image/gif": "gif", "image/jpeg": "jpeg", "image/bmp": "bmp"}
_MAX_PARTS: Final = 64
_MAX_DOMAINS: Final = 5
_MAX_LENGTH: Final = 4096
"""Characters of one word."""


def meta_words(
    message: Message, texts: Sequence[Part], languages: Sequence[str], policies: Sequence[str]
) -> Iterator[str]:
    """The words; ``texts`` are ``texts_of(message)``, and ``languages`` theirs.

    ``policies`` say what passed (``s=pass``, ``d=pass:example.org``).
    """
    parts = message.parts[:_MAX_PARTS]
    for part in parts:
        yield from _image(part)
    yield from _kinds(texts, parts, languages)
    for name, header in _HEADERS:
        value = message.text(header)
        if value is not None:
            yield f"#h:{name}:{value[:_MAX_LENGTH]}"
    sender = next(iter(message.from_addresses), None)
    if sender is not None:
        yield f"#F:{(sender.display or '')[:_MAX_LENGTH]}"
    for domain in islice(_domains(message, texts), _MAX_DOMAINS):
        yield f"#u:{domain}"
    yield f"#dt:{_day_and_hour(message)}"
    if policies:
        yield f"#aur:{','.join(policies)}"


def _domains(message: Message, texts: Sequence[Part]) -> Mapping[str, None]:
    """Of links in order; none that stands in the tail of an HTML document alone.

    Lists put their footer there, with links of their own in every spam they pass on.
    """
    unseen: dict[str, int] = {}
    for part in texts:
        if part.is_html and (spans := message.link_spans(part)):
            end = len(shown_text(part))
            for span in reversed(spans):
                if span.stop <= end:
                    break
                url = parse_url(part.visible_text[span.start : span.stop], "html")
                if url is not None:
                    unseen[url.text] = unseen.get(url.text, 0) + 1
    if not unseen:  # for nearly all
        return dict.fromkeys([url.esld for url in message.links if url.count])
    return dict.fromkeys(url.esld for url in message.links if url.count > unseen.get(url.text, 0))


def _image(part: Part) -> Iterator[str]:
    kind = _IMAGES.get(part.content_type)
    if kind is None:
        return
    width, height = image_size(part.content)
    if not width:
        return
    yield "image"
    yield str(height)
    yield str(width)
    yield kind
    if part.filename:
        yield part.filename[:_MAX_LENGTH]


def _kinds(texts: Sequence[Part], parts: Sequence[Part], languages: Sequence[str]) -> Iterator[str]:
    numbers = {part.index: number for number, part in enumerate(texts)}
    plain = html = multipart = empty_plain = empty_html = one_line = False
    for part in parts:
        if part.is_multipart:
            multipart = True
            continue
        size = len(part.content)
        if size:
            yield f"#ps:{floor(log(size))}"
        if part.filename:
            yield f"#f:{part.filename[:_MAX_LENGTH]}"
        number = numbers.get(part.index)
        if number is None:
            continue
        text = visible_text(part)
        if part.is_html or is_page(part):
            html = True
            empty_html |= not text
        else:
            plain = True
            empty_plain |= not size
        one_line |= text.count("\n") < 2
        # Of a text without a word, an image alone mostly, no language is guessed.
        yield f"#lang:{languages[number] if any(map(str.isalnum, text)) else 'unk'}"
        yield f"#cs:{charset_of(part)}"
    kind = "#unk"
    if multipart and html and plain:
        kind = "#mpth"
    elif html and not plain:
        kind = "#ho"
    elif plain and not html:
        kind = "#to"
    empty = ("#ot" if one_line else "") + ("#ep" if empty_plain else "")
    yield f"#m:{kind}{empty}{'#eh' if empty_html else ''}"


def _day_and_hour(message: Message) -> str:
    # Rspamd reads no date that RFC 5322 does not know: without a zone, or of a zone's long name,
    # as spam has them far more than ham. ``message.date`` would read most of these.
    date = message.strict_date
    if date is None:
        return "4:00"  # when the epoch began
    date = date.astimezone(UTC)
    return f"{date.isoweekday()}:{date.hour:02d}"
