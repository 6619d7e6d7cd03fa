"""Who asks: addresses, passwords, and pages of other sites in a browser."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
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
    password = request.headers.get("Password") or _bearer(request)
    return Caller(
        peer[0].partition("%")[0] if isinstance(peer, tuple) else None,
        forwarded,
        None if password is None else password.encode("utf-8", "surrogateescape"),
        foreign,
    )


def _bearer(request: web.Request) -> str | None:
    """The password as a bearer token (RFC 6750), for clients that send no header of their own.

    Prometheus is one; no browser sends such a header by itself.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


_BROWSERS = ("Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Accept-Language", "Referer")
"""Headers that browsers send; ``rspamc`` and its like do not."""


def may_be_embedded(request: web.Request) -> bool:
    """Whether a browser may ask because of a picture or a link in a page of any site.

    Such a request is a GET with no header of the page's choice. ``rspamc`` asks by GET, too, but is
    no browser; jQuery, and so Rspamd's WebUI, says X-Requested-With.
    """
    said = request.headers
    return "Password" not in said and "X-Requested-With" not in said and is_browser(request)


def is_browser(request: web.Request) -> bool:
    """Whether a browser asks, as far as its headers say."""
    return any(name in request.headers for name in _BROWSERS)


class Neighbours:
    """The origins (RFC 6454) of the site's controllers: their pages may ask this one."""

    def __init__(self, urls: Iterable[str], names: Iterable[str] = ()) -> None:
        """``names`` are those of this host."""
        self._origins = frozenset(filter(None, map(origin_of, urls)))
        hosts = (urlsplit(origin).hostname for origin in self._origins)
        self._names = {"localhost", *(name.lower() for name in names), *filter(None, hosts)}

    def is_foreign(self, request: web.Request) -> bool:
        """Whether a browser asks for a page that is neither ours nor a neighbour's.

        A browser says so itself (Fetch Metadata, RFC 6454). It does not where the other site's name
        was made to lead here (DNS rebinding): so it must ask for a name of ours, or for an address.
        Other clients may ask for any name.
        """
        said = request.headers
        origin = said.get("Origin")
        if origin is not None and self.allows(origin):
            return False
        if origin is not None and urlsplit(origin).netloc != request.host:
            return True
        referer = said.get("Referer")
        if origin is None and referer is not None and not self._is_page_here(referer, request.host):
            return True
        if said.get("Sec-Fetch-Site", "none") in ("cross-site", "same-site"):
            return True
        return is_browser(request) and not self._is_own(request.host)

    def _is_page_here(self, referer: str, host: str) -> bool:
        """Whether a page is of this host or a neighbour.

        Over plain HTTP to an address a browser says nothing else of the page that embeds a request.
        """
        try:
            return urlsplit(referer).netloc.lower() == host.lower() or self.allows(
                origin_of(referer)
            )
        except ValueError:
            return False

    def _is_own(self, host: str) -> bool:
        """Whether a host, as a request names it, is an address or a name of this one."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        try:
            ip_address(name)
        except ValueError:
            return name in self._names or name.endswith(".localhost")
        return True

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
