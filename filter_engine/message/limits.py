"""Bounds of the message parser: what is beyond them is left out and noted, never an error."""

from __future__ import annotations

from typing import Final

MAX_HEADERS: Final = 5000
"""Header fields of one header block that are read whatever their names."""
MAX_PART_HEADERS: Final = 256
"""The same for a MIME part inside a message."""
MAX_HEADER_SIZE: Final = 1 << 20
"""Bytes of one header block in which all fields are read. Beyond this and the bounds above only
those are that decide what the recipient sees."""
MAX_LATE_FIELDS: Final = 16
"""How many of these there may be of one kind."""
MAX_LATE_VALUE: Final = 64 << 10
"""Bytes of the value of each."""
MAX_HEADER_BLOCK: Final = 32 << 20
"""Bytes of one header block; what follows counts as body."""
MAX_VALUE: Final = 256 << 10
"""Bytes of one header value; the rest of a longer one is not looked at."""
MAX_DEPTH: Final = 32
"""Nested multiparts and attached messages."""
MAX_PARTS: Final = 1000
"""Parts of a whole message."""
MAX_TEXT: Final = 4 << 20
"""Bytes of one text part that are turned into text."""
MAX_RECEIVED: Final = 200
"""Received fields that are read."""
MAX_ADDRESSES: Final = 2000
"""Addresses of one header name."""
MAX_SENDERS: Final = 16
"""Senders whose display names are read as words."""
MAX_URLS: Final = 1000
"""Distinct URLs of one message, the same for e-mail addresses in its text."""
MAX_CANDIDATES: Final = 20_000
"""Places of one message that may begin a URL, the same for mail addresses, whatever they prove."""
MAX_LINK_TEXT: Final = 8 << 20
"""Characters of text, over all parts of one message, that are searched for URLs and addresses."""
MAX_URL_LENGTH: Final = 4096
"""Characters of one URL; the rest of a longer one is not looked at."""
MAX_HTML: Final = 2 << 20
"""Characters of one HTML part that are read as HTML."""
MAX_TAGS: Final = 20_000
"""Tags that are read of one HTML part, and after which no further part of a message is read."""
