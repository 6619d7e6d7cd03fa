"""What a scanner of web servers would find in a reply's headers.

The rules are those that the OWASP Secure Headers Project and the specifications name: CSP Level 3,
Fetch (nosniff), Referrer Policy, Permissions Policy, RFC 6797 (HSTS), RFC 6265 (cookies).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message

_POWERFUL = ("camera", "microphone", "geolocation", "usb", "payment")
_YEAR = 31_536_000
_REFERRERS = {"no-referrer", "same-origin", "strict-origin"}


def findings(headers: Message, *, hsts: bool = False) -> list[str]:
    """What is wrong, one line each; ``hsts``: the server has a certificate that browsers trust."""
    return [
        *_policy(headers),
        *_plain(headers),
        *_told(headers),
        *_cookies(headers),
        *_hsts(headers, hsts),
    ]


def _policy(headers: Message) -> Iterator[str]:
    said = headers.get_all("Content-Security-Policy", [])
    if len(said) != 1:
        yield f"{len(said)} Content-Security-Policy"
        return
    directives: dict[str, list[str]] = {}
    for directive in said[0].split(";"):
        name, *sources = directive.split()
        directives[name.lower()] = sources
    for name, sources in directives.items():
        for source in sources:
            loose = source.startswith("'unsafe-") or source in ("*", "http:", "https:", "data:")
            if loose or "*" in source or source.startswith("http://"):
                yield f"{name} allows {source}"
    if directives.get("default-src") not in (["'none'"], ["'self'"]):
        yield "default-src is open"
    for name in ("frame-ancestors", "base-uri", "form-action"):  # default-src says nothing of them
        if directives.get(name) != ["'none'"]:
            yield f"{name} is open"


def _plain(headers: Message) -> Iterator[str]:
    once = {
        "X-Content-Type-Options": {"nosniff"},
        "X-Frame-Options": {"DENY"},
        "Referrer-Policy": _REFERRERS,
        "Cross-Origin-Opener-Policy": {"same-origin"},
        "Cross-Origin-Resource-Policy": {"same-origin"},
    }
    for name, allowed in once.items():
        said = headers.get_all(name, [])
        if len(said) != 1 or said[0] not in allowed:
            yield f"{name} is {said}"
    permissions = ", ".join(headers.get_all("Permissions-Policy", []))
    for name in _POWERFUL:
        if f"{name}=()" not in permissions:
            yield f"Permissions-Policy leaves {name}"


def _told(headers: Message) -> Iterator[str]:
    if re.search(r"\d", headers.get("Server", "")):
        yield f"Server tells a version: {headers['Server']}"
    for name in ("X-Powered-By", "X-AspNet-Version", "Via"):
        if name in headers:
            yield f"{name}: {headers[name]}"
    if headers.get("Access-Control-Allow-Origin") == "*":
        yield "any site's page may read it"


def _cookies(headers: Message) -> Iterator[str]:
    for cookie in headers.get_all("Set-Cookie", []):
        attributes = {word.partition("=")[0].strip().lower() for word in cookie.split(";")[1:]}
        for wanted in ("secure", "httponly", "samesite"):
            if wanted not in attributes:
                yield f"cookie {cookie.partition('=')[0]} without {wanted}"


def _hsts(headers: Message, wanted: bool) -> Iterator[str]:
    said = headers.get_all("Strict-Transport-Security", [])
    if not wanted:
        if said:
            yield "Strict-Transport-Security with a certificate that nobody trusts"
        return
    age = re.match(r"max-age=(\d+)", said[0]) if len(said) == 1 else None
    if age is None or int(age[1]) < _YEAR:
        yield f"Strict-Transport-Security is {said}"
