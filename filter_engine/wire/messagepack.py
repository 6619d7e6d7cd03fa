"""MessagePack (msgpack.org) where a client prefers it to JSON. The library is loaded when one does.

Accepted are the names ``application/msgpack`` and ``application/x-msgpack``.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from filter_engine.wire.accept import best

MSGPACK: Final = "application/msgpack"
NAMES: Final = (MSGPACK, "application/x-msgpack")
_JSON: Final = "application/json"
_MAX_ITEMS = 10_000
"""Of one list or mapping: the library makes room for as many as are announced."""


class MessagePackError(ValueError):
    """The octets are no MessagePack, or announce too much."""


def preferred(accept: str) -> bool:
    """Whether a client with this ``Accept`` would rather have MessagePack than JSON."""
    return "msgpack" in accept.lower() and best(accept, (_JSON, *NAMES)) in NAMES


def packed(json: bytes) -> bytes:
    """A JSON text as MessagePack."""
    import msgpack

    octets: bytes = msgpack.packb(orjson.loads(json))
    return octets


def unpacked(data: bytes) -> Any:
    """The data in ``data``, of mappings, lists, texts, numbers. Raises ``MessagePackError``.

    Octets that are no UTF-8 come as surrogates (PEP 383); types beyond the standard's are refused.
    """
    import msgpack

    try:
        return msgpack.unpackb(
            data,
            unicode_errors="surrogateescape",
            max_array_len=_MAX_ITEMS,
            max_map_len=_MAX_ITEMS,
            max_ext_len=0,
        )
    except (ValueError, RecursionError) as error:
        raise MessagePackError(str(error)[:100] or "nested too deep") from None
