"""A request for a scan as it is understood: the envelope, the message, how to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import parse_qsl

from filter_engine.lazy_dataclass import settled
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Verdict
from filter_engine.wire import checkv3, messagepack
from filter_engine.wire.checkv2 import reply_json, reply_json_v1
from filter_engine.wire.compression import compress, decompress
from filter_engine.wire.form import FormError
from filter_engine.wire.http.message import Request, Response
from filter_engine.wire.metadata import NO_FILES, FileSourceError, with_metadata
from filter_engine.wire.request import parse_envelope

RENDER: Final = {"/checkv2": reply_json, "/check": reply_json_v1, "/symbols": reply_json_v1}
"""Path -> shape of the reply, of requests whose body is the message."""
FORM_PATH: Final = "/checkv3"
PATHS: Final = (*RENDER, FORM_PATH)
"""Where scans are asked for."""

_MAX_QUERY = 100
"""Fields of a query."""
_SHM_HEADERS = frozenset({b"shm", b"shm-offset", b"shm-length"})
_FILE_HEADERS = frozenset({b"file", b"path", *_SHM_HEADERS})

Headers = tuple[tuple[bytes, bytes], ...]
Take = Callable[[int], bool]


class RefusedError(Exception):
    """A request that is not answered with a verdict."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@settled
class Asked:
    """A request for a scan."""

    envelope: Envelope
    message: bytes
    answer: Callable[[Verdict], Response]


def understand(
    request: Request, path: str, max_message: int, take: Take, *, drops_shm: bool = False
) -> Asked:
    """Read a request for one of ``PATHS``.

    ``take`` is asked for room for what is unpacked. ``drops_shm``: a request with a body may name
    shared memory as well, which is neither read nor sent on. Raises ``RefusedError``, and what
    unpacking raises (``wire.compression``).
    """
    try:
        headers = _with_query(request)
    except ValueError:
        raise RefusedError(400, f"more than {_MAX_QUERY} fields in the query") from None
    if drops_shm and request.body:
        headers = tuple(field for field in headers if field[0] not in _SHM_HEADERS)
    if any(name in _FILE_HEADERS for name, _ in headers):
        raise RefusedError(400, NO_FILES)
    zstd = (request.header(b"compression") or b"").strip().lower() == b"zstd"
    body = request.body
    if zstd and body:
        body = decompress(body, max_message, take)
    if path == FORM_PATH:
        return _form(request, headers, body, max_message, take)
    render = RENDER[path]
    msgpack = messagepack.preferred(_text(request, b"accept"))

    def answer(verdict: Verdict) -> Response:
        reply, kind = render(verdict), "application/json"
        if msgpack:
            reply, kind = messagepack.packed(reply), messagepack.MSGPACK
        if zstd:
            return Response(compress(reply), content_type=kind, headers=(("Compression", "zstd"),))
        return Response(reply, content_type=kind)

    return Asked(parse_envelope(headers, request.peer), body, answer)


def _form(request: Request, headers: Headers, body: bytes, max_message: int, take: Take) -> Asked:
    try:
        wanted = checkv3.wanted(*(_text(request, n) for n in (b"accept", b"accept-encoding")))
    except checkv3.NotAcceptableError:
        raise RefusedError(406, "Accept names no type of reply that there is") from None
    try:
        form = checkv3.read(body, _text(request, b"content-type"), max_message, take)
        envelope = with_metadata(parse_envelope(headers, request.peer), form.metadata)
    except FileSourceError as fault:
        raise RefusedError(400, str(fault)) from None
    except FormError as fault:
        # Rspamd's workers say 500 where a form cannot be read, and its tests hold them to it.
        raise RefusedError(500, str(fault)) from None

    def answer(verdict: Verdict) -> Response:
        reply = checkv3.reply(reply_json(verdict), wanted, form.result_type)
        return Response(reply.body, content_type=reply.content_type, headers=reply.headers)

    return Asked(envelope, form.message, answer)


def _text(request: Request, name: bytes) -> str:
    """All headers of a name as one (RFC 9110, section 5.3)."""
    return ", ".join(
        value.decode("utf-8", "replace") for known, value in request.headers if known == name
    )


def _with_query(request: Request) -> Headers:
    """The headers, and what the query says in their place: ``/checkv2?ip=192.0.2.1``."""
    if not request.query:
        return request.headers
    query = parse_qsl(request.query, errors="surrogateescape", max_num_fields=_MAX_QUERY)
    return (*request.headers, *_as_headers(query))


def _as_headers(query: Iterable[tuple[str, str]]) -> Iterable[tuple[bytes, bytes]]:
    return (
        (name.lower().encode("utf-8", "surrogateescape"), value.encode("utf-8", "surrogateescape"))
        for name, value in query
    )
