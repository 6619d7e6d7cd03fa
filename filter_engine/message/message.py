"""A message, parsed once, lazily, on its bytes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from operator import attrgetter

from filter_engine.message.address import Address, parse_addresses
from filter_engine.message.charset import decode_header_bytes
from filter_engine.message.date import parse_date, parse_date_leniently
from filter_engine.message.defect import Defect
from filter_engine.message.header import HeaderField, find_message, parse_header_block
from filter_engine.message.lazy import lazy
from filter_engine.message.limits import MAX_RECEIVED, MAX_SENDERS
from filter_engine.message.links import Links, find_links
from filter_engine.message.mime import TreeBuilder
from filter_engine.message.part import Part
from filter_engine.message.quoted import strip_comments
from filter_engine.message.received import Received, parse_received
from filter_engine.message.tags import without_tags
from filter_engine.message.url import Url, UrlFlag
from filter_engine.message.words import split_around, split_words

_NOT_FOLLOWED = UrlFlag.IMAGE | UrlFlag.CONTENT


class Message:
    """A mail message (RFC 5322, RFC 2045), read-only. Nothing in it ever raises for bad input.

    The header is split at once; everything else when it is first asked for. What is wrong with
    the message, as far as it has been looked at, is in ``defects``.
    """

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        """The bytes as received."""
        self._defects: set[Defect] = set()
        self.note: Callable[[Defect], None] = self._defects.add  # no method of ours: a cycle
        """Remember a defect (for the parsers of this package)."""
        start, end, self._body_start = find_message(raw, 0, len(raw))
        self.header_block = raw[start:end]
        """The header with its line ends, without the empty line after it."""
        self.headers: tuple[HeaderField, ...] = parse_header_block(self.header_block, self.note)
        """All fields in order."""
        self._words: dict[int, tuple[list[str], list[int] | None]] = {}
        by_name: dict[str, list[HeaderField]] = {}
        for field in self.headers:
            fields = by_name.get(field.key)
            if fields is None:
                by_name[field.key] = [field]
            else:
                fields.append(field)
        self._by_name = by_name

    @lazy
    def body(self) -> bytes:
        """Everything after the empty line, as received."""
        return self.raw[self._body_start :]

    @property
    def defects(self) -> frozenset[Defect]:
        """What was found to be wrong so far."""
        return frozenset(self._defects)

    def get(self, name: str) -> HeaderField | None:
        """The first header field of that name, case ignored."""
        fields = self._by_name.get(name.lower())
        return fields[0] if fields else None

    def get_all(self, name: str) -> tuple[HeaderField, ...]:
        """All header fields of that name in order, case ignored."""
        fields = self._by_name.get(name.lower())
        return tuple(fields) if fields else ()

    @property
    def header_names(self) -> Collection[str]:
        """The names of all header fields, each once, in lower case."""
        return self._by_name.keys()

    @lazy
    def repeated(self) -> frozenset[str]:
        """The names of which there are several header fields, in lower case."""
        return frozenset([name for name, fields in self._by_name.items() if len(fields) > 1])

    def text(self, name: str) -> str | None:
        """The decoded value of the first field of that name; None when there is none."""
        field = self.get(name)
        return None if field is None else field.value

    @lazy
    def from_addresses(self) -> tuple[Address, ...]:
        """Addresses of all From fields."""
        return self._addresses("from")

    @lazy
    def sender(self) -> tuple[Address, ...]:
        """Addresses of Sender."""
        return self._addresses("sender")

    @lazy
    def reply_to(self) -> tuple[Address, ...]:
        """Addresses of Reply-To."""
        return self._addresses("reply-to")

    @lazy
    def to(self) -> tuple[Address, ...]:
        """Addresses of all To fields."""
        return self._addresses("to")

    @lazy
    def cc(self) -> tuple[Address, ...]:
        """Addresses of all Cc fields."""
        return self._addresses("cc")

    @lazy
    def recipients(self) -> tuple[Address, ...]:
        """Addresses of all To, Cc and Bcc fields in the order of the header."""
        fields = [field for name in ("to", "cc", "bcc") for field in self._by_name.get(name, ())]
        if len(fields) > 1:
            fields.sort(key=attrgetter("index"))
        return parse_addresses(fields, self.note)

    @lazy
    def bare_senders(self) -> tuple[Address, ...]:
        """``from_addresses``, the first without tags."""
        senders = self.from_addresses
        return (without_tags(senders[0])[0], *senders[1:]) if senders else ()

    @lazy
    def bare_recipients(self) -> tuple[Address, ...]:
        """``recipients`` without tags."""
        return tuple([without_tags(address)[0] for address in self.recipients])

    def _addresses(self, name: str) -> tuple[Address, ...]:
        fields = self._by_name.get(name)
        return parse_addresses(fields, self.note) if fields else ()

    @property
    def subject(self) -> str | None:
        """The decoded subject; None without one, ``""`` for an empty one."""
        return self.text("subject")

    @lazy
    def message_id(self) -> str | None:
        """Message-ID without angle brackets and comments; None when absent or empty."""
        field = self.get("message-id")
        if field is None:
            return None
        raw = field.unfolded
        if b"(" in raw:
            raw = strip_comments(raw).strip()
        text = decode_header_bytes(raw).removeprefix("<").removesuffix(">")
        return text or None

    @lazy
    def strict_date(self) -> datetime | None:
        """The Date field if it keeps to RFC 5322, obsolete forms included; else None."""
        return parse_date(self.text("date") or "")

    @lazy
    def date(self) -> datetime | None:
        """The Date field with its zone; None when absent or unreadable."""
        text = self.text("date")
        if text is None:
            return None
        date = self.strict_date or parse_date_leniently(text)
        if date is None:
            self.note(Defect.BAD_DATE)
        return date

    @lazy
    def received(self) -> tuple[Received, ...]:
        """Received fields that can be read, the newest (topmost) first."""
        fields = self._by_name.get("received", ())[:MAX_RECEIVED]
        hops = [parse_received(field.value) for field in fields]
        return tuple([hop for hop in hops if hop is not None])

    @lazy
    def parts(self) -> tuple[Part, ...]:
        """The MIME tree in preorder; the first is the message's outermost part."""
        builder = TreeBuilder(self.note)
        builder.add(None, self.headers, (self.raw, self._body_start, len(self.raw)))
        return tuple(builder.parts)

    @lazy
    def text_parts(self) -> tuple[Part, ...]:
        """The parts that are text to be read, HTML included."""
        return tuple([part for part in self.parts if part.is_text])

    @lazy
    def urls(self) -> tuple[Url, ...]:
        """Distinct URLs of text parts, the subject and PDF files, in order, each with its flags."""
        return self._links.urls

    @lazy
    def links(self) -> tuple[Url, ...]:
        """Those of ``urls`` that a reader may follow: neither images nor inside attachments."""
        return tuple(url for url in self.urls if not url.flags & _NOT_FOLLOWED)

    @lazy
    def emails(self) -> tuple[Address, ...]:
        """Distinct mail addresses in the text (``mailto:`` links included), in order."""
        return self._links.emails

    def urls_written_in(self, part: Part) -> tuple[str, ...]:
        """All that looks like a URL or a mail address in the visible text of a part, as written."""
        spans = self._links.written.get(part.index, ())
        text = part.visible_text if spans else ""
        return tuple(text[span.start : span.stop] for span in spans)

    def link_spans(self, part: Part) -> tuple[range, ...]:
        """Where in the visible text of a part URLs and mail addresses stand, in order."""
        return self._links.written.get(part.index, ())

    def link_sites(self, part: Part) -> Mapping[int, str]:
        """By where a URL begins in the visible text of a part: its registrable domain, or none."""
        return self._links.sites.get(part.index, {})

    def words_of(self, part: Part) -> list[str]:
        """The words of a part's visible text, normalised, without URLs and addresses."""
        return self._split(part)[0]

    def link_places(self, part: Part) -> list[int] | None:
        """Where ``link_spans`` would stand if each were a word; None where that is not known."""
        return self._split(part)[1]

    def _split(self, part: Part) -> tuple[list[str], list[int] | None]:
        found = self._words.get(part.index)
        if found is None:
            left_out = self._links.written.get(part.index, ())
            found = self._words[part.index] = split_around(part.visible_text, left_out)
        return found

    @lazy
    def header_words(self) -> list[str]:
        """The words of the subject and of the senders' display names."""
        words = split_words(self.subject or "")
        for address in self.from_addresses[:MAX_SENDERS]:
            words += split_words(address.display or "")
        return words

    @lazy
    def _links(self) -> Links:
        texts = tuple(part for part in self.parts if part.is_text or part.is_text_file)
        return find_links(texts, self.subject, self.parts)
