"""A message, parsed once, lazily, on its bytes."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

from filter_engine.message.address import Address
from filter_engine.message.defect import Defect
from filter_engine.message.header import HeaderField, parse_header_block, split_message
from filter_engine.message.part import Part
from filter_engine.message.received import Received
from filter_engine.message.url import Url


class Message:
    """A mail message (RFC 5322, RFC 2045), read-only. Nothing in it ever raises for bad input.

    The header is split at once; everything else when it is first asked for. What is wrong with
    the message, as far as it has been looked at, is in ``defects``.
    """

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        """The bytes as received."""
        self._defects: set[Defect] = set()
        self.header_block, self.body = split_message(raw)
        self.headers: tuple[HeaderField, ...] = parse_header_block(self.header_block, self.note)
        """All fields in order."""
        self._by_name: dict[str, list[HeaderField]] = {}
        for field in self.headers:
            self._by_name.setdefault(field.name.lower(), []).append(field)

    @property
    def defects(self) -> frozenset[Defect]:
        """What was found to be wrong so far."""
        return frozenset(self._defects)

    def note(self, defect: Defect) -> None:
        """Remember a defect (for the parsers of this package)."""
        self._defects.add(defect)

    def get(self, name: str) -> HeaderField | None:
        """The first header field of that name, case ignored."""
        fields = self._by_name.get(name.lower())
        return fields[0] if fields else None

    def get_all(self, name: str) -> tuple[HeaderField, ...]:
        """All header fields of that name in order, case ignored."""
        return tuple(self._by_name.get(name.lower(), ()))

    def text(self, name: str) -> str | None:
        """The decoded value of the first field of that name; None when there is none."""
        field = self.get(name)
        return None if field is None else field.value

    @cached_property
    def from_addresses(self) -> tuple[Address, ...]:
        """Addresses of all From fields."""
        raise NotImplementedError

    @cached_property
    def sender(self) -> tuple[Address, ...]:
        """Addresses of Sender."""
        raise NotImplementedError

    @cached_property
    def reply_to(self) -> tuple[Address, ...]:
        """Addresses of Reply-To."""
        raise NotImplementedError

    @cached_property
    def to(self) -> tuple[Address, ...]:
        """Addresses of all To fields."""
        raise NotImplementedError

    @cached_property
    def cc(self) -> tuple[Address, ...]:
        """Addresses of all Cc fields."""
        raise NotImplementedError

    @property
    def subject(self) -> str | None:
        """The decoded subject; None without one, ``""`` for an empty one."""
        return self.text("subject")

    @cached_property
    def message_id(self) -> str | None:
        """Message-ID without angle brackets."""
        raise NotImplementedError

    @cached_property
    def date(self) -> datetime | None:
        """The Date field with its zone; None when absent or unreadable."""
        raise NotImplementedError

    @cached_property
    def received(self) -> tuple[Received, ...]:
        """Received fields, the newest (topmost) first."""
        raise NotImplementedError

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The MIME tree in preorder; the first is the message's outermost part."""
        raise NotImplementedError

    @cached_property
    def urls(self) -> tuple[Url, ...]:
        """Distinct URLs of all text parts, in order."""
        raise NotImplementedError

    @cached_property
    def emails(self) -> tuple[Address, ...]:
        """Distinct mail addresses in the text (``mailto:`` links included), in order."""
        raise NotImplementedError
