"""Who asks: addresses, passwords, and pages of other sites in a browser."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp import web

from filter_engine.workers.access import Caller

_ALLOWED_HEADERS = "Password, Map, Id, Flag, Weight, Hash, Content-Type, Class, Classifier"


def caller_of(request: web.Request, *, foreign: bool) -> Caller:
    """The client, and the address a proxy names: the last one, which our proxy wrote itself."""
    forwarded = request.headers.get("X-Forwarded-For") or request.headers.get("X-Real-IP")
    if forwarded is not None:
        forwarded = forwarded.rpartition(",")[2].strip()
    peer = request.transport.get_extra_info("peername") if request.transport else None
    password = request.headers.get("Password")
    return Caller(
        peer[0].partition("%")[0] if isinstance(peer, tuple) else None,
        forwarded,
        None if password is None else password.encode("utf-8", "surrogateescape"),
        foreign,
    )


class Neighbours:
    """The origins (RFC 6454) of the site's controllers: their pages may ask this one."""

    def __init__(self, urls: Iterable[str]) -> None:
        self._origins = frozenset(filter(None, map(origin_of, urls)))

    def is_foreign(self, request: web.Request) -> bool:
        """Whether a browser asks for a page that is neither ours nor a neighbour's.

        A browser says so itself (Fetch Metadata, RFC 6454); other clients say nothing.
        """
        origin = request.headers.get("Origin")
        if origin is not None:
            return not (self.allows(origin) or urlsplit(origin).netloc == request.host)
        return request.headers.get("Sec-Fetch-Site", "none") in ("cross-site", "same-site")

    def allows(self, origin: str) -> bool:
        """Whether the origin is a neighbour's."""
        return origin.lower() in self._origins

    def headers(self, request: web.Request) -> dict[str, str]:
        """What tells the browser that a neighbour's page may read the reply."""
        origin = request.headers.get("Origin", "")
        if not self.allows(origin):
            return {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
            "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
            "Access-Control-Max-Age": "600",
        }


def origin_of(url: str) -> str:
    """The origin of a URL (RFC 6454, section 4), empty for one that has none."""
    parts = urlsplit(url.lower())
    default = {"http": 80, "https": 443}.get(parts.scheme)
    if default is None or not parts.hostname:
        return ""
    try:
        port = parts.port
    except ValueError:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port in (None, default) else f":{port}")
