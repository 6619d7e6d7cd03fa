"""One MIME part (RFC 2045, RFC 2046)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from filter_engine.message.charset import decode_bytes, decode_unlabelled
from filter_engine.message.defect import Defect
from filter_engine.message.header import HeaderField
from filter_engine.message.limits import MAX_TEXT


class Part:
    """A node of the MIME tree, read-only: a leaf, a multipart or an attached message."""

    def __init__(
        self,
        index: int,
        parent: Part | None,
        headers: tuple[HeaderField, ...],
        raw_content: bytes,
        note: Callable[[Defect], None],
    ) -> None:
        self.index = index
        """Position in the message's ``parts``: the tree in preorder, the whole message 0."""
        self.parent = parent
        self.children: tuple[Part, ...] = ()
        self.headers = headers
        """The part's own fields; those of the message for the outermost part."""
        self.raw_content = raw_content
        """Bytes between the header and the next boundary, still encoded."""
        self._note = note
        self.content_type = "text/plain"
        """type/subtype in lower case; the default of RFC 2045, section 5.2 when absent or bad."""
        self.params: Mapping[str, str] = {}
        """Content-Type parameters, names in lower case, RFC 2231 decoded."""
        self.cte = "7bit"
        """Content-Transfer-Encoding in lower case."""
        self.disposition: str | None = None
        """inline, attachment or what else is written, in lower case."""
        self.filename: str | None = None
        """From Content-Disposition, else Content-Type's ``name``; decoded."""

    def get(self, name: str) -> HeaderField | None:
        """The first header field of that name, case ignored."""
        wanted = name.lower()
        for field in self.headers:
            if field.name.lower() == wanted:
                return field
        return None

    @property
    def charset(self) -> str | None:
        """The charset parameter in lower case."""
        charset = self.params.get("charset")
        return charset.lower() if charset else None

    @property
    def is_multipart(self) -> bool:
        """Its type is ``multipart/*``."""
        return self.content_type.startswith("multipart/")

    @property
    def is_message(self) -> bool:
        """It holds a message of its own (message/rfc822, message/global), parsed as its child."""
        return self.content_type in ("message/rfc822", "message/global", "message/news")

    @property
    def is_text(self) -> bool:
        """It is text to be read, HTML included, not a text file attached."""
        raise NotImplementedError

    @property
    def is_html(self) -> bool:
        """Its text is HTML."""
        raise NotImplementedError

    @property
    def is_attachment(self) -> bool:
        """It is to be saved rather than shown."""
        raise NotImplementedError

    @cached_property
    def content(self) -> bytes:
        """The content with its transfer encoding undone; empty for multiparts."""
        raise NotImplementedError

    @cached_property
    def text(self) -> str:
        """The content as text in its charset; ``""`` unless it is text."""
        data = self.content[:MAX_TEXT]
        if not self.is_text:
            return ""
        return (
            decode_bytes(data, self.charset, self._note)
            if self.charset
            else decode_unlabelled(data)
        )
