"""An archive and its members."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.lazy_dataclass import frozen

MAX_MEMBERS: Final = 1000
"""Members of one archive that are read."""
MAX_NAME: Final = 1024
"""Characters of a member's name."""
_HIDING: Final = re.compile(
    "[\0-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)


@frozen
class Member:
    """A file in an archive."""

    name: str
    """With its path; characters that could not be read are replaced."""
    size: int = 0
    """Bytes, as stated."""
    packed: int = 0
    """Bytes it takes in the archive, as stated."""
    encrypted: bool = False


@frozen
class Archive:
    """What is known of an archive."""

    kind: str
    """zip, rar, 7z, gz or tar."""
    members: tuple[Member, ...] = ()
    """The first ``MAX_MEMBERS``, without directories."""
    encrypted: bool = False
    """Even the names need a password."""
    unreadable: bool = False
    """The table of members is packed or broken."""

    @property
    def obfuscated(self) -> bool:
        """A member's name has characters that hide what it is."""
        return any(_HIDING.search(member.name) for member in self.members)


def read_name(raw: bytes, codec: str = "utf-8") -> str:
    """A member's name; what is no UTF-8 is read as code page 437, the habit of old programs."""
    try:
        return raw.decode(codec)[:MAX_NAME]
    except UnicodeDecodeError:
        return raw.decode("cp437", "replace")[:MAX_NAME]
