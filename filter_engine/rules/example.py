"""A rule's own examples, which ``filter-engine rule test`` runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Any

from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.envelope import Envelope


@frozen
class Example:
    """A message, and which of the file's symbols it has to set: these and no others.

    Put them into the file's ``EXAMPLES``::

        EXAMPLES = [
            Example("Subject: Win a prize\\n\\nHello", expect={"PRIZE"}),
            Example("Subject: Lunch\\n\\nHello", expect=()),
        ]
    """

    message: str | bytes
    """The mail with its header. In text, line ends become CRLF."""
    expect: Collection[str] = ()
    """Symbols of the file that must be set; no other of the file's may be."""
    envelope: Envelope = field(default_factory=Envelope)
    dns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """``{name: {type: records}}``; every other name does not exist."""
    name: str = ""
    """What reports call it; default: its number."""

    @property
    def raw(self) -> bytes:
        """The message as it is scanned."""
        if isinstance(self.message, bytes):
            return self.message
        lines = self.message.replace("\r\n", "\n").split("\n")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape")
