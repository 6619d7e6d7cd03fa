"""The form of the controller's passwords: ``$1$SALT$KEY``, ``$2$SALT$KEY``, or the password itself.

Source: Rspamd's ``rspamadm pw``. Salt and key are in Rspamd's base32 and have one length each: a
shorter key would be matched by many passwords, an empty one by all.
"""

from __future__ import annotations

from typing import Final

from filter_engine.config.base32 import decode_base32
from filter_engine.config.kinds import text_of
from filter_engine.config.schema import Binder, Kind, MisfitError
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.nodes import UclNode

SALT_OCTETS: Final = 20
KEY_OCTETS: Final = 32
PBKDF2: Final = "1"
CATENA: Final = "2"


class PasswordHashError(ValueError):
    """A configured hash that cannot be used; the message shows nothing of it."""


@frozen
class ControllerHash:
    """A hash taken apart; ``kind`` is ``PBKDF2`` or ``CATENA``."""

    kind: str
    salt: bytes
    key: bytes


def read_hash(text: str) -> ControllerHash | None:
    """The hash that a configured password is; None for a password in clear.

    Raises ``PasswordHashError`` for what begins as a hash and is none.
    """
    if not text.startswith("$"):
        return None
    _, *parts = text.split("$")
    if len(parts) != 3:
        raise PasswordHashError("expected $ID$SALT$KEY")
    kind, salt, key = parts
    if kind not in (PBKDF2, CATENA):
        raise PasswordHashError("unknown hash (known: $1$ and $2$)")
    return ControllerHash(kind, _octets("salt", salt, SALT_OCTETS), _octets("key", key, KEY_OCTETS))


def _octets(name: str, text: str, size: int) -> bytes:
    """Salt or key of exactly ``size`` octets."""
    length = (8 * size + 4) // 5
    if len(text) != length:
        raise PasswordHashError(f"its {name} has {len(text)} characters instead of {length}")
    try:
        return decode_base32(text)
    except ValueError:
        raise PasswordHashError(f"its {name} holds a character that is none of base32") from None


def _password(nodes: list[UclNode], _binder: Binder) -> str:
    text = text_of(nodes[0])
    try:
        read_hash(text)
    except PasswordHashError as error:
        raise MisfitError(
            f"begins with $ and is no hash of a password: {error}",
            "write the output of: filter-engine pw",
            nodes[0],
        ) from None
    return text


#: A password of the controller; what begins with ``$`` has to be a hash that can be used.
PASSWORD: Kind[str] = Kind("password hash", _password)
