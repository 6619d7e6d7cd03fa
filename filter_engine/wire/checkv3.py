"""``/checkv3``: a form with the envelope and the message asks, several parts or one answer.

Request: ``multipart/form-data`` with the parts ``metadata`` (JSON or MessagePack) and ``message``,
either packed where its ``Content-Encoding`` is zstd. The reply is a body of parts, of which
``result`` is what ``/checkv2`` says, or that alone, as ``Accept`` has it. A part ``body`` with a
changed message never comes: this engine changes none. Source: Rspamd 4.1's endpoint as its clients
use it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from filter_engine.lazy_dataclass import frozen
from filter_engine.wire import messagepack
from filter_engine.wire.accept import best, takes_zstd
from filter_engine.wire.compression import NoRoomError, TooLargeError, compress, decompress
from filter_engine.wire.form import FormError, Part, boundary_of, read_form, write_form
from filter_engine.wire.messagepack import MSGPACK, MessagePackError
from filter_engine.wire.metadata import MAX_METADATA

JSON: Final = "application/json"
FORM: Final = "multipart/form-data"
MIXED: Final = "multipart/mixed"
_SHAPES: Final = {
    FORM: FORM,
    MIXED: MIXED,
    "message/rfc822": MIXED,
    JSON: JSON,
    **dict.fromkeys(messagepack.NAMES, MSGPACK),
}
"""Media type that a client names -> what it gets; the first is the default."""
VARY: Final = "Accept, Accept-Encoding"


class NotAcceptableError(Exception):
    """The client takes none of the shapes there are."""


@frozen
class Wanted:
    """How a client wants to be answered."""

    shape: str
    """Media type of the reply."""
    zstd: bool


@frozen
class Form:
    """What a request holds."""

    metadata: Mapping[str, Any]
    message: bytes
    result_type: str = JSON
    """Media type of a part ``result`` in the reply: that of the metadata."""


def wanted(accept: str, accept_encoding: str) -> Wanted:
    """How to answer; raises ``NotAcceptableError``."""
    found = best(accept, _SHAPES)
    if found is None:
        raise NotAcceptableError
    return Wanted(_SHAPES[found], takes_zstd(accept_encoding))


def read(
    body: bytes, content_type: str, max_message: int, take: Callable[[int], bool] | None = None
) -> Form:
    """The form of a request.

    ``max_message``: octets of an unpacked message; ``take`` is asked for room for what is unpacked
    or copied. Raises ``FormError``, ``CompressionError`` and ``NoRoomError``.
    """
    found: dict[str, Part] = {}
    for part in read_form(body, boundary_of(content_type)):
        if part.name not in ("metadata", "message"):
            raise FormError("a part is neither metadata nor message")
        if found.setdefault(part.name, part) is not part:
            raise FormError(f"two parts {part.name}")
    for name in ("metadata", "message"):
        if name not in found or not found[name].data:
            raise FormError(f"missing {name!r} part in the request")
    metadata = found["metadata"]
    kind = MSGPACK if "msgpack" in metadata.content_type.lower() else JSON
    said = _data(_metadata(metadata, take), kind)
    return Form(said, _unpacked(found["message"], max_message, take), kind)


def _metadata(part: Part, take: Callable[[int], bool] | None) -> bytes:
    too_large = FormError(f"metadata of more than {MAX_METADATA} octets")
    try:
        said = _unpacked(part, MAX_METADATA, take)
    except TooLargeError:
        raise too_large from None
    if len(said) > MAX_METADATA:
        raise too_large
    return said


def _unpacked(part: Part, limit: int, take: Callable[[int], bool] | None) -> bytes:
    if part.encoding in ("", "identity"):
        if take is not None and not take(len(part.data)):
            raise NoRoomError
        return part.data
    if part.encoding != "zstd":
        raise FormError(f"part {part.name}: its Content-Encoding is not zstd")
    return decompress(part.data, limit, take)


def _data(metadata: bytes, kind: str) -> Mapping[str, Any]:
    try:
        said = messagepack.unpacked(metadata) if kind == MSGPACK else orjson.loads(metadata)
    except orjson.JSONDecodeError as error:
        raise FormError(f"metadata is no JSON: {error}") from None
    except MessagePackError as error:
        raise FormError(f"metadata is no MessagePack: {error}") from None
    if not isinstance(said, dict):
        raise FormError("metadata is not an object")
    return said


@frozen
class Reply:
    """A reply to send."""

    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...]


def reply(result: bytes, wanted: Wanted, result_type: str = JSON) -> Reply:
    """The reply around ``result``, the JSON of ``/checkv2``; a part has it as ``result_type``."""
    parts = wanted.shape in (FORM, MIXED)
    kind = result_type if parts else wanted.shape
    data = messagepack.packed(result) if kind == MSGPACK else result
    if wanted.zstd:
        data = compress(data)
    encoding = "zstd" if wanted.zstd else ""
    headers = [("Vary", VARY)]
    if parts:
        body, boundary = write_form((Part("result", data, kind, encoding),))
        return Reply(body, f'{wanted.shape}; boundary="{boundary}"', tuple(headers))
    if encoding:
        headers.append(("Content-Encoding", encoding))
    return Reply(data, kind, tuple(headers))
