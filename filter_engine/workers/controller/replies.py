"""Replies in the shapes that Rspamd's clients know."""

from __future__ import annotations

import orjson
from aiohttp import web

from filter_engine.wire.accept import takes_zstd
from filter_engine.wire.compression import compress

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
    """The reply in zstd where ``Accept-Encoding`` names it (RFC 9110, section 12.5.3).

    One of several parts is left as it is: its parts are packed.
    """
    if (
        takes_zstd(", ".join(request.headers.getall("Accept-Encoding", [])))
        and isinstance(response, web.Response)
        and isinstance(response.body, bytes)
        and response.body
        and not response.content_type.startswith("multipart/")
        and not {"Compression", "Content-Encoding"} & response.headers.keys()
    ):
        response.body = compress(response.body)
        response.headers["Content-Encoding"] = "zstd"
    response.headers.setdefault("Vary", "Accept-Encoding")
    return response
