"""A map from a web server, kept in a file so that a start needs no network.

The file is ``$DBDIR/maps/HASH.map``: a line of JSON (URL, ETag, Last-Modified), then the body as it
came. All workers share it: who finds it fresh need not ask (a lock lets one of them ask at a time).
The line of a signed map holds the signature too, and each reading of the file checks it.
Source: RFC 9110 (conditional requests).
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from filter_engine import __version__
from filter_engine.config.map_definition import MapKind, MapSource
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.file_source import tell_problems
from filter_engine.maps.limits import MAX_BYTES
from filter_engine.maps.map import Source
from filter_engine.maps.protection import SIGNATURE_SUFFIX
from filter_engine.maps.read import MAX_SIGNATURE, MapError, MapReader

if TYPE_CHECKING:
    import ssl
    from http.client import HTTPResponse

log = logging.getLogger(__name__)

PATIENCE: Final = 60.0
"""Seconds for one fetch with its signature; each step of it has ``STEP``."""
STEP: Final = 10.0
_CHUNK: Final = 262_144
_MAX_HEAD: Final = 4096
_PORTS: Final = {"http": 80, "https": 443}


@frozen
class Head:
    """What is kept of an answer beside its body."""

    url: str
    etag: str = ""
    last_modified: str = ""
    signature: str = ""
    """Of the body, base64; empty for a map that is not signed."""


class HttpSource(Source):
    """Reads its file when made; ``fetch`` asks the server. Nothing here raises."""

    __slots__ = (
        "_digest",
        "_fault",
        "_head",
        "_kind",
        "_level",
        "_reader",
        "_unusable",
        "_url",
        "_written",
        "due",
        "file",
        "host",
        "poll",
    )

    def __init__(
        self,
        source: MapSource,
        kind: MapKind,
        reader: MapReader,
        name: str,
        *,
        directory: Path | None,
        poll: float,
        shipped: bool = False,
    ) -> None:
        """Raises ``ValueError`` for what is no URL. ``poll`` is the seconds between two fetches.

        Of a ``shipped`` map, which the site did not ask for, failures are mere notes.
        """
        url = urlsplit(source.location)
        if url.scheme not in _PORTS or not url.hostname:
            raise ValueError(f"{source.location!r} is no URL")
        port = url.port  # raises ValueError
        bare = url._replace(netloc=_netloc(url.hostname, port))
        super().__init__(urlunsplit(bare))
        self.host = url.hostname
        self.poll = poll
        self.due = 0.0
        """When to fetch next, by ``time.monotonic``."""
        self.file = None if directory is None else directory / f"{_file_name(source)}.map"
        self._url = url
        self._level = logging.INFO if shipped else logging.WARNING
        self._written = source
        self._kind = kind
        self._reader = reader
        self._head = Head(self.place)
        self._digest = b""
        self._fault = ""
        self._unusable = False
        """The copy was there, but could not be read or its signature does not fit."""
        take = self._from_file()
        if take is not None:
            take()
        else:
            log.info("%s: map %s: fetched when a worker has started", name, self.place)

    def fetch(self, addresses: Sequence[str]) -> Callable[[], None] | None:
        """Ask the server at one of its addresses; for a thread. The result takes the content.

        None when nothing is new. Sets ``due``.
        """
        self.due = time.monotonic() + self.poll
        try:
            with self._lock() as mine:
                fresh = self._age() < self.poll
                if fresh or not mine:
                    take = self._from_file()
                    if not mine or not self._unusable:
                        return take
                return self._ask(addresses)
        except (OSError, ValueError, MapError) as error:
            self.due = time.monotonic() + min(self.poll, PATIENCE)
            self._tell(error)
            return None

    def _tell(self, error: Exception) -> None:
        fault = f"{error}" or type(error).__name__
        if fault != self._fault:
            kept = "the old content stays" if self.content is not None else "it is empty"
            log.log(self._level, "map %s: %s; %s", self.place, fault, kept)
        self._fault = fault

    def _ask(self, addresses: Sequence[str]) -> Callable[[], None] | None:
        if not addresses:
            raise MapError(f"{self.host} has no address")
        deadline = time.monotonic() + PATIENCE
        answer = _get(self._url, addresses, self._head, deadline, MAX_BYTES)
        if answer is None:
            self._touch()
            self._fault = ""
            return None
        head, body = answer
        if self._written.signed:
            signature_url = self._url._replace(path=self._url.path + SIGNATURE_SUFFIX)
            answer = _get(signature_url, addresses, Head(self.place), deadline, MAX_SIGNATURE)
            signature = answer[1] if answer else b""
            self._reader.verify(body, signature, self._written)
            head = replace(head, signature=base64.b64encode(signature).decode())
        take = self._taking(head, body)
        self._keep(head, body)
        self._fault = ""
        self._unusable = False
        return take

    def _taking(self, head: Head, body: bytes) -> Callable[[], None] | None:
        digest = hashlib.sha256(body).digest()
        if digest == self._digest:
            self._head = head
            return None
        content = self._reader.data(body, self._kind, self._url.path)

        def take() -> None:
            self._head, self._digest = head, digest
            tell_problems(self.place, content)
            self.replace(content)

        return take

    def _from_file(self) -> Callable[[], None] | None:
        if self.file is None:
            return None
        self._unusable = True
        try:
            with self.file.open("rb") as kept:
                if os.fstat(kept.fileno()).st_uid not in (0, os.geteuid()):
                    return None
                line = kept.readline(_MAX_HEAD)
                body = kept.read(MAX_BYTES + 1)
            head = Head(**json.loads(line))
            if head.url != self.place:
                return None
            if self._written.signed:
                signature = base64.b64decode(head.signature, validate=True)
                self._reader.verify(body, signature, self._written)
            take = self._taking(head, body)
            self._unusable = False
            return take
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, MapError) as error:
            log.warning("map %s: its copy %s cannot be used: %s", self.place, self.file, error)
            return None

    def _age(self) -> float:
        """Seconds since a worker last heard from the server."""
        if self.file is None:
            return float("inf")
        try:
            return max(0.0, time.time() - self.file.stat().st_mtime)
        except OSError:
            return float("inf")

    def _touch(self) -> None:
        if self.file is not None:
            with suppress(OSError):
                os.utime(self.file)

    def _keep(self, head: Head, body: bytes) -> None:
        if self.file is None:
            return
        try:
            import tempfile

            descriptor, name = tempfile.mkstemp(dir=self.file.parent, prefix=".")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(json.dumps(asdict(head)).encode() + b"\n" + body)
                os.replace(name, self.file)
            except BaseException:
                with suppress(OSError):
                    os.unlink(name)
                raise
        except OSError as error:
            log.warning("map %s cannot be kept in %s: %s", self.place, self.file.parent, error)

    @contextmanager
    def _lock(self) -> Iterator[bool]:
        """Whether this process is the one to ask; true where nothing can be locked."""
        if self.file is None:
            yield True
            return
        try:
            self.file.parent.mkdir(mode=0o700, exist_ok=True)
            lock = self.file.with_suffix(".lock").open("ab")
        except OSError:
            yield True
            return
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.due = time.monotonic() + STEP
                yield False
                return
            yield True


def _file_name(source: MapSource) -> str:
    """The copy's: a signed map does not share that of one which nobody verifies."""
    said = source.location if not source.signed else f"signed {source.key} {source.location}"
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _netloc(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def _get(
    url: SplitResult,
    addresses: Sequence[str],
    known: Head,
    deadline: float,
    most: int,
) -> tuple[Head, bytes] | None:
    """Head and body of a URL; None when the server says that ``known`` is still good.

    ``deadline`` is by ``time.monotonic``, ``most`` the octets of a body. Raises OSError and
    ``MapError``.
    """
    import http.client  # with all it brings a tenth of what a command takes to start

    assert url.hostname is not None
    connection = http.client.HTTPConnection(url.hostname, url.port or _PORTS[url.scheme])
    try:
        connection.sock = _connect(url, addresses, deadline)
        with _cut_at(deadline, connection.sock):
            target = urlunsplit(("", "", url.path or "/", url.query, ""))
            connection.request("GET", target, headers=_headers(url, known))
            response = connection.getresponse()
            if response.status == http.client.NOT_MODIFIED:
                return None
            if response.status != http.client.OK:
                raise MapError(f"the server answers {response.status} {response.reason}"[:200])
            body = _body(response, most)
    except http.client.HTTPException as error:
        raise MapError(f"no usable reply: {error or type(error).__name__}"[:200]) from None
    finally:
        connection.close()
    etag, modified = (response.getheader(name, "") for name in ("ETag", "Last-Modified"))
    return Head(known.url, etag[:512], modified[:128]), body


def _connect(url: SplitResult, addresses: Sequence[str], deadline: float) -> socket.socket:
    port = url.port or _PORTS[url.scheme]
    failure: OSError = OSError("no address")
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            plain = socket.create_connection((address, port), timeout=min(STEP, left))
            plain.settimeout(STEP)
            return plain if url.scheme == "http" else _tls(plain, url.hostname, deadline)
        except OSError as error:
            failure = error
    raise failure


def _tls(plain: socket.socket, host: str | None, deadline: float) -> ssl.SSLSocket:
    """The connection in TLS, or OSError and it is closed."""
    import ssl

    try:
        secure = ssl.create_default_context().wrap_socket(
            plain, server_hostname=host, do_handshake_on_connect=False
        )
    except BaseException:
        plain.close()
        raise
    try:
        with _cut_at(deadline, secure):
            secure.do_handshake()
    except BaseException:
        secure.close()
        raise
    return secure


@contextmanager
def _cut_at(deadline: float, connected: socket.socket) -> Iterator[None]:
    """Shut the connection down at that time: a server that sends an octet now and then would
    otherwise keep it open for ever, whatever it is asked for (TLS, head, body).

    Raises ``MapError`` then, for what was cut may look whole.
    """
    over = threading.Event()

    def cut() -> None:
        over.set()
        with suppress(OSError):
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if over.is_set():
            raise MapError(f"not fetched within {PATIENCE:.0f} seconds") from None


def _headers(url: SplitResult, known: Head) -> dict[str, str]:
    headers = {"User-Agent": f"mailfleet/{__version__}", "Accept-Encoding": "identity"}
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    if url.username is not None:
        login = f"{unquote(url.username)}:{unquote(url.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    return headers


def _body(response: HTTPResponse, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := response.read1(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > most:
            raise MapError(f"larger than {most} bytes")
    if response.length:
        raise MapError("the connection ended before the map did")
    return b"".join(parts)
