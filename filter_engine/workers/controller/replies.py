"""Replies in the shapes that Rspamd's clients know."""

from __future__ import annotations

import re

import orjson
from aiohttp import web

from filter_engine import __version__
from filter_engine.wire.compression import compress

SERVER = f"filter_engine/{__version__}"
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
        headers={"Cache-Control": "no-store", "Server": SERVER},
    )


def one_line(reason: str) -> str:
    """A text that may stand in a status line (RFC 9112, section 4)."""
    return "".join(c if " " <= c <= "~" else "?" for c in reason[:_REASON])


def encoded(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """The reply in zstd where ``Accept-Encoding`` names it (RFC 9110, section 12.5.3)."""
    named = [word.strip() for word in request.headers.get("Accept-Encoding", "").lower().split(",")]
    weights = [word.partition(";")[2] for word in named if word.partition(";")[0].strip() == "zstd"]
    refused = not weights or re.fullmatch(r"\s*q=0(?:\.0*)?\s*", weights[0])
    if (
        not refused
        and isinstance(response, web.Response)
        and isinstance(response.body, bytes)
        and response.body
        and "Compression" not in response.headers
    ):
        response.body = compress(response.body)
        response.headers["Content-Encoding"] = "zstd"
    response.headers["Vary"] = "Accept-Encoding"
    return response
