"""One MIME part (RFC 2045, RFC 2046)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from weakref import ref

from filter_engine.message.archive import Archive, read_archive
from filter_engine.message.charset import decode_bytes, decode_unlabelled
from filter_engine.message.content_type import Parametrised, parse_parametrised
from filter_engine.message.defect import Defect
from filter_engine.message.file_type import FileType, detect
from filter_engine.message.header import HeaderField
from filter_engine.message.html import HtmlContent, parse_html
from filter_engine.message.html_guard import TagBudget
from filter_engine.message.html_marks import looks_like_html
from filter_engine.message.lazy import lazy
from filter_engine.message.limits import MAX_TEXT
from filter_engine.message.transfer_encoding import (
    declared_encoding,
    decode_content,
    guess_encoding,
)

_HTML_TYPES = frozenset({"text/html", "text/xhtml"})
_MESSAGE_TYPES = frozenset({"message/rfc822", "message/global", "message/news"})


class Part:
    """A node of the MIME tree, read-only: a leaf, a multipart or an attached message."""

    def __init__(
        self,
        index: int,
        parent: Part | None,
        headers: tuple[HeaderField, ...],
        data: bytes,
        start: int,
        end: int,
        default_type: str,
        note: Callable[[Defect], None],
        tags: TagBudget,
    ) -> None:
        self.index = index
        """Position in the message's ``parts``: the tree in preorder, the whole message 0."""
        # Trees without cycles: what they hold is free as soon as the message is.
        self._parent = None if parent is None else ref(parent)
        self.children: tuple[Part, ...] = ()
        self.headers = headers
        """The part's own fields; those of the message for the outermost part."""
        self.data = data
        """The bytes the part lies in: ``data[start:end]`` is its content, still encoded."""
        self.start = start
        self.end = end
        self._note = note
        self._tags = tags
        content_type, missing = _content_type(headers, note)
        self.content_type = content_type.value or default_type
        """type/subtype in lower case; the default of RFC 2045, section 5.2 when absent or bad."""
        self.type_missing = missing
        """No Content-Type that could be read."""
        self.params: Mapping[str, str] = content_type.params
        """Content-Type parameters, names in lower case, decoded (RFC 2231, RFC 2047)."""

    @property
    def parent(self) -> Part | None:
        """The part it lies in, as long as the message lives; None for the outermost."""
        parent = self._parent
        return None if parent is None else parent()

    def get(self, name: str) -> HeaderField | None:
        """The first header field of that name, case ignored."""
        wanted = name.lower()
        for field in self.headers:
            if field.key == wanted:
                return field
        return None

    def text_of(self, name: str) -> str | None:
        """The decoded value of the first field of that name; None when there is none."""
        field = self.get(name)
        return None if field is None else field.value

    @lazy
    def raw_content(self) -> bytes:
        """The bytes between the header and the next boundary, still encoded."""
        return self.data[self.start : self.end]

    @property
    def maintype(self) -> str:
        """What is before the slash of the type."""
        return self.content_type.partition("/")[0]

    @property
    def charset(self) -> str | None:
        """The charset parameter in lower case; None when there is none."""
        charset = self.params.get("charset")
        return charset.strip().lower() if charset else None

    @property
    def boundary(self) -> bytes:
        """The boundary parameter; empty when there is none."""
        boundary = self.params.get("boundary", "").rstrip()
        return boundary.encode("utf-8", "replace")

    @property
    def is_multipart(self) -> bool:
        """Its type is ``multipart/*``."""
        return self.content_type.startswith("multipart/")

    @property
    def is_message(self) -> bool:
        """It holds a message of its own, which is its only child."""
        return self.content_type in _MESSAGE_TYPES

    @lazy
    def is_text(self) -> bool:
        """It is text to be read, HTML and delivery reports included, not a text file attached."""
        kind = self.content_type
        if kind.startswith("text/"):
            readable = not (self.type_missing and self.is_binary)
        else:
            readable = kind == "message/delivery-status" or (
                kind.startswith("message/") and "notification" in kind
            )
        return readable and not self.is_attachment

    @lazy
    def is_text_file(self) -> bool:
        """It is a text that is attached."""
        return self.maintype == "text" and self.is_attachment and not self.is_binary

    @lazy
    def is_binary(self) -> bool:
        """Its content, not encoded, has bytes above 127 that are not UTF-8."""
        if self.cte == "7bit" or self.raw_content.isascii():
            return False
        try:
            self.raw_content.decode("utf-8")
        except UnicodeDecodeError:
            return True
        return False

    @lazy
    def is_html(self) -> bool:
        """It is HTML, by its type or, in any other text to be read, by its tags."""
        if not self.is_text:
            return self.is_text_file and self.content_type in _HTML_TYPES
        return self.content_type in _HTML_TYPES or looks_like_html(self.content)

    @lazy
    def cte(self) -> str:
        """7bit, 8bit (binary too), quoted-printable, base64 or uuencode: what it really is.

        A multipart says what its parts have that say nothing themselves; where nothing is
        declared, or base64 or quoted-printable content has bytes above 127, the content tells.
        """
        declared = self.declared_cte
        inherited = False
        if declared is None and self.get("content-transfer-encoding") is None:
            parent = self.parent
            if parent is not None and parent.is_multipart:
                declared = parent.declared_cte
                inherited = declared is not None
        if self.is_multipart or self.is_message:
            return declared or "7bit"
        if declared is None:
            return guess_encoding(self.raw_content)
        if declared in ("base64", "quoted-printable"):
            guessed = guess_encoding(self.raw_content)
            if guessed == "8bit" or inherited:
                return guessed
        return declared

    @lazy
    def declared_cte(self) -> str | None:
        """The Content-Transfer-Encoding as declared; None when absent or unknown."""
        for field in self.headers:
            if field.key == "content-transfer-encoding":
                encoding = declared_encoding(field.value)
                if encoding is not None:
                    return encoding
                self._note(Defect.BAD_TRANSFER_ENCODING)
        return None

    @lazy
    def _disposition(self) -> Parametrised | None:
        field = self.get("content-disposition")
        return None if field is None else parse_parametrised(field.unfolded)

    @property
    def disposition(self) -> str | None:
        """``inline``, ``attachment`` or what else is written, in lower case; None when absent."""
        found = self._disposition
        return (found.value or None) if found is not None else None

    @lazy
    def filename(self) -> str | None:
        """From Content-Disposition, else from the type's ``name``; decoded. None when absent."""
        if self._disposition is not None and self._disposition.params.get("filename"):
            return self._disposition.params["filename"]
        return self.params.get("name") or self.params.get("filename") or None

    @lazy
    def is_attachment(self) -> bool:
        """It is to be saved rather than shown: it says so, or only its type has a file name.

        A name alone makes no attachment of one of several alternatives.
        """
        if self.disposition == "attachment":
            return True
        if self._disposition is not None and self._disposition.params.get("filename"):
            return False
        if self.parent is not None and self.parent.content_type == "multipart/alternative":
            return False
        return bool(self.params.get("name") or self.params.get("filename"))

    @lazy
    def content_id(self) -> str | None:
        """Content-ID without angle brackets; None when absent."""
        value = self.text_of("content-id")
        return value.strip().removeprefix("<").removesuffix(">") if value else None

    @lazy
    def content(self) -> bytes:
        """The content with its transfer encoding undone; empty for multiparts."""
        if self.is_multipart:
            return b""
        return decode_content(self.raw_content, self.cte, self._note)

    @lazy
    def file_type(self) -> FileType | None:
        """What the content is by its first bytes; None when that is not known."""
        return None if self.is_multipart or self.is_message else detect(self.content)

    @lazy
    def archive(self) -> Archive | None:
        """The members of an archive, by the detected type; None for any other part."""
        detected = self.file_type
        return None if detected is None else read_archive(self.content, detected.extension)

    @lazy
    def text(self) -> str:
        """The content as text in its charset; ``""`` unless it is text, to be read or attached."""
        if not (self.is_text or self.is_text_file):
            return ""
        data = self.content[:MAX_TEXT]
        charset = self.charset
        return decode_bytes(data, charset, self._note) if charset else decode_unlabelled(data)

    @lazy
    def html(self) -> HtmlContent | None:
        """What an HTML part shows and where it leads; None for any other, and for HTML beyond what
        one message is worth."""
        return parse_html(self.text) if self.is_html and self._tags.take(self.text) else None

    @lazy
    def page_text(self) -> str:
        """What a reader would see of its content as HTML, whatever its type; empty beyond what one
        message is worth."""
        text = decode_unlabelled(self.content[:MAX_TEXT])
        return parse_html(text).text if self._tags.take(text) else ""

    @property
    def visible_text(self) -> str:
        """What a reader sees: the text, of HTML without tags and hidden elements."""
        html = self.html
        return self.text if html is None else html.text

    def __repr__(self) -> str:
        return f"Part({self.index}, {self.content_type!r}, {self.end - self.start} bytes)"


def _content_type(
    headers: tuple[HeaderField, ...], note: Callable[[Defect], None]
) -> tuple[Parametrised, bool]:
    """The type of several Content-Type fields: a multipart if there is one, else the first."""
    chosen: Parametrised | None = None
    for field in headers:
        if field.key != "content-type":
            continue
        parsed = parse_parametrised(field.unfolded)
        main, slash, sub = parsed.value.partition("/")
        if not slash or not main or not sub:
            note(Defect.BAD_CONTENT_TYPE)
            if not main:
                continue
        if chosen is None or parsed.value.startswith("multipart/"):
            chosen = parsed
    return (Parametrised(""), True) if chosen is None else (chosen, False)
