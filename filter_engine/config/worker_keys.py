"""Keys of Rspamd's encrypted protocols as they are written in a worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from filter_engine.config.base32 import decode_base32, encode_base32
from filter_engine.config.kinds import STRING, merged_object, one_of
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import (
    Binder,
    Kind,
    MisfitError,
    Option,
    Section,
    bind,
    declare_known,
    known,
    option,
)
from filter_engine.ucl.nodes import UclArray, UclNode

LENGTH: Final = 32
"""Octets of a key."""


def read_key(text: str) -> bytes:
    """A key of 32 octets from base32 or hex. Raises ``ValueError``."""
    text = text.strip()
    key = bytes.fromhex(text) if len(text) == 2 * LENGTH else decode_base32(text)
    if len(key) != LENGTH:
        raise ValueError(f"a key has {LENGTH} octets, this has {len(key)}")
    return key


class PublicKey(bytes):
    """A public key, or none where it is empty; as text it is base32."""

    __slots__ = ()

    def __str__(self) -> str:
        return encode_base32(self)


NO_KEY: Final = PublicKey()


def _public(nodes: list[UclNode], binder: Binder) -> PublicKey:
    try:
        return PublicKey(read_key(STRING.convert(nodes, binder)))
    except ValueError as error:
        raise MisfitError(
            f"no public key: {error}", "write the pubkey of a key pair, in base32"
        ) from None


PUBLIC_KEY: Final[Kind[PublicKey]] = Kind("public key", _public)


@options_class
class WorkerKeypair(Section):
    """A pair of keys (``filter-engine keypair``)."""

    anchor: ClassVar[str] = "workers/"
    known: ClassVar[Mapping[str, Option]] = declare_known(
        type=known(one_of("kex", "sign"), "kex", doc="what the keys are for"),
        algorithm=known(one_of("curve25519", "nistp256", "x25519"), "curve25519", doc="curve"),
        encoding=known(one_of("base32", "hex", "base64"), "base32", doc="how they are written"),
        id=known(STRING, doc="short name of the keys"),
    )

    pubkey: PublicKey = option(
        PUBLIC_KEY, NO_KEY, doc="public key, in base32; it follows from privkey"
    )
    privkey: str = option(STRING, "", doc="private key, in base32", secret=True)


def _pairs(nodes: list[UclNode], binder: Binder) -> tuple[WorkerKeypair, ...]:
    items = [i for node in nodes for i in (node.items if isinstance(node, UclArray) else (node,))]
    return tuple(bind(WorkerKeypair, merged_object([item]), binder, "keypair") for item in items)


KEYPAIRS: Final[Kind[tuple[WorkerKeypair, ...]]] = Kind(
    "sections", _pairs, multiple=True, inner=WorkerKeypair
)
