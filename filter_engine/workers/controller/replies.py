"""Replies in the shapes that Rspamd's clients know."""

from __future__ import annotations

import orjson
from aiohttp import web

from filter_engine.wire.accept import takes_zstd
from filter_engine.wire.compression import compress
from filter_engine.wire.messagepack import MSGPACK, packed, preferred

_REASON = 200
"""Characters of a status line's text."""


def json_reply(data: object, status: int = 200) -> web.Response:
    """Data as JSON."""
    return plain(orjson.dumps(data), "application/json", status)


def error(status: int, reason: str) -> web.Response:
    """What went wrong, in the body and, as ``rspamc`` shows it, in the status line."""
    response = json_reply({"error": reason}, status)
    response.set_status(status, one_line(reason))
    return response


def plain(body: bytes, content_type: str, status: int = 200) -> web.Response:
    """Octets."""
    return web.Response(
        body=body,
        status=status,
        content_type=content_type,
        headers={"Cache-Control": "no-store"},
    )


def one_line(reason: str) -> str:
    """A text that may stand in a status line (RFC 9112, section 4)."""
    return "".join(c if " " <= c <= "~" else "?" for c in reason[:_REASON])


def encoded(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """The reply as the client prefers it: JSON as MessagePack, and zstd (RFC 9110, section 12.5).

    One of several parts is left as it is: its parts are packed. Nor is one changed that is packed
    already.
    """
    if (
        isinstance(response, web.Response)
        and isinstance(response.body, bytes)
        and response.body
        and not response.content_type.startswith("multipart/")
        and not {"Compression", "Content-Encoding"} & response.headers.keys()
    ):
        if response.content_type == "application/json" and preferred(_all(request, "Accept")):
            response.body = packed(response.body)
            response.content_type = MSGPACK
        if takes_zstd(_all(request, "Accept-Encoding")):
            response.body = compress(response.body)
            response.headers["Content-Encoding"] = "zstd"
    response.headers["Vary"] = "Accept, Accept-Encoding"
    return response


def _all(request: web.Request, name: str) -> str:
    """All headers of a name as one (RFC 9110, section 5.3)."""
    return ", ".join(request.headers.getall(name, []))
