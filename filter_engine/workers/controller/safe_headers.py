"""What every reply tells a browser: show it to nobody else, run nothing, guess nothing."""

from __future__ import annotations

from aiohttp import web, web_response

SERVER = "filter_engine"
"""Without a version: strangers are served the WebUI's files, too."""
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": (
        "camera=(), microphone=(), geolocation=(), usb=(), payment=(), display-capture=()"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    # Neighbours' pages ask in mode "cors" (Fetch, section 4.5), which this does not concern.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}
"""Headers of replies; files have a policy (CSP) of their own."""


async def add_safe_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Add what the reply does not say itself (a handler of ``on_response_prepare``)."""
    response.headers["Server"] = SERVER
    for name, value in SAFE.items():
        response.headers.setdefault(name, value)


def name_no_version() -> None:
    """Of what is no HTTP request aiohttp asks no handler, and would name itself and Python."""
    setattr(web_response, "SERVER_SOFTWARE", SERVER)  # noqa: B010  # it exports no such name
