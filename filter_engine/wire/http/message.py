"""Requests, responses and the bounds of both."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from filter_engine import __version__
from filter_engine.lazy_dataclass import frozen, settled
from filter_engine.wire.limits import MAX_HEAD, MAX_HEAD_FIELDS

SERVER = f"filter_engine/{__version__}"


@settled
class Request:
    """One request as it was received."""

    method: str
    path: str
    """Path without query, as written."""
    query: str
    headers: tuple[tuple[bytes, bytes], ...]
    """Names in lower case, in the order received, repetitions kept."""
    body: bytes
    peer: str | None
    """The client's address; None for a unix socket."""

    def header(self, name: bytes) -> bytes | None:
        """The first header of that name (lower case), None when there is none."""
        for known, value in self.headers:
            if known == name:
                return value
        return None


@settled
class Response:
    """One response to send; ``reason`` None takes the standard phrase of the status."""

    body: bytes
    status: int = 200
    reason: str | None = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@frozen
class HttpLimits:
    """What a client may make a server keep and wait for; times in seconds, sizes in octets."""

    max_body: int
    max_head: int = MAX_HEAD
    """Request line and headers; a message to many recipients has one Rcpt header for each."""
    max_fields: int = MAX_HEAD_FIELDS
    """Header fields."""
    head_timeout: float = 10.0
    """From the first octet of a request to the end of its headers."""
    body_timeout: float = 120.0
    """From the end of the headers to the end of the body."""
    idle_timeout: float = 60.0
    """Between two requests of a connection."""
    drain_time: float = 2.0
    """While draining: how long an idle connection may still send its next request."""
    linger_time: float = 5.0
    """After a refusal: how long the rest of the request is read and thrown away."""


def head(response: Response, *, keep_alive: bool) -> bytes:
    """Status line and headers of a response."""
    reason = response.reason
    if reason is None:
        reason = HTTPStatus(response.status).phrase
    lines = [
        f"HTTP/1.1 {response.status} {_one_line(reason)}",
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
        f"Server: {SERVER}",
        f"Content-Length: {len(response.body)}",
        f"Content-Type: {response.content_type}",
    ]
    lines.extend(f"{name}: {_one_line(value)}" for name, value in response.headers)
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


def request_head(
    method: str, path: str, headers: Iterable[tuple[bytes, bytes]], length: int
) -> bytes:
    """Request line and headers; the caller gives Host among ``headers``."""
    lines = [f"{method} {path} HTTP/1.1".encode("ascii")]
    lines.extend(b"%b: %b" % header for header in headers)
    lines.append(b"Content-Length: %d" % length)
    return b"\r\n".join([*lines, b"", b""])


def _one_line(text: str) -> str:
    return text if text.isprintable() else "".join(c if c >= " " else " " for c in text)
