"""A map from a web server, kept in a file so that a start needs no network.

The file is ``$DBDIR/maps/HASH.map``: a line of JSON (URL, ETag, Last-Modified), then the body as it
came. All workers share it: who finds it fresh need not ask (a lock lets one of them ask at a time).
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
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from filter_engine import __version__
from filter_engine.config.map_definition import MapKind, MapSource
from filter_engine.maps.file_source import tell_problems
from filter_engine.maps.limits import MAX_BYTES
from filter_engine.maps.map import Source
from filter_engine.maps.protection import SIGNATURE_SUFFIX
from filter_engine.maps.read import MapError, MapReader

if TYPE_CHECKING:
    from http.client import HTTPResponse

log = logging.getLogger(__name__)

PATIENCE: Final = 60.0
"""Seconds for one fetch; each step of it has ``STEP``."""
STEP: Final = 10.0
_CHUNK: Final = 262_144
_MAX_HEAD: Final = 4096
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Head:
    """What is kept of an answer beside its body."""

    url: str
    etag: str = ""
    last_modified: str = ""


class HttpSource(Source):
    """Reads its file when made; ``fetch`` asks the server. Nothing here raises."""

    __slots__ = (
        "_digest",
        "_fault",
        "_head",
        "_kind",
        "_level",
        "_reader",
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
        digest = hashlib.sha256(source.location.encode()).hexdigest()[:32]
        self.file = None if directory is None else directory / f"{digest}.map"
        self._url = url
        self._level = logging.INFO if shipped else logging.WARNING
        self._written = source
        self._kind = kind
        self._reader = reader
        self._head = Head(self.place)
        self._digest = b""
        self._fault = ""
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
                    return self._from_file()
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
        answer = _get(self._url, addresses, self._head)
        if answer is None:
            self._touch()
            self._fault = ""
            return None
        head, body = answer
        if self._written.signed:
            signature_url = self._url._replace(path=self._url.path + SIGNATURE_SUFFIX)
            signature = _get(signature_url, addresses, Head(self.place))
            self._reader.verify(body, signature[1] if signature else b"", self._written)
        take = self._taking(head, body)
        self._keep(head, body)
        self._fault = ""
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
        try:
            with self.file.open("rb") as kept:
                if os.fstat(kept.fileno()).st_uid not in (0, os.geteuid()):
                    return None
                line = kept.readline(_MAX_HEAD)
                body = kept.read(MAX_BYTES + 1)
            head = Head(**json.loads(line))
            return self._taking(head, body) if head.url == self.place else None
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


def _netloc(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def _get(url: SplitResult, addresses: Sequence[str], known: Head) -> tuple[Head, bytes] | None:
    """Head and body of a URL; None when the server says that ``known`` is still good.

    Raises OSError and ``MapError``.
    """
    import http.client  # with all it brings a tenth of what a command takes to start

    deadline = time.monotonic() + PATIENCE
    assert url.hostname is not None
    connection = http.client.HTTPConnection(url.hostname, url.port or _PORTS[url.scheme])
    try:
        connection.sock = _connect(url, addresses)
        target = urlunsplit(("", "", url.path or "/", url.query, ""))
        connection.request("GET", target, headers=_headers(url, known))
        response = connection.getresponse()
        if response.status == http.client.NOT_MODIFIED:
            return None
        if response.status != http.client.OK:
            raise MapError(f"the server answers {response.status} {response.reason}"[:200])
        body = _body(response, deadline)
    except http.client.HTTPException as error:
        raise MapError(f"no usable reply: {error or type(error).__name__}"[:200]) from None
    finally:
        connection.close()
    etag, modified = (response.getheader(name, "") for name in ("ETag", "Last-Modified"))
    return Head(known.url, etag[:512], modified[:128]), body


def _connect(url: SplitResult, addresses: Sequence[str]) -> socket.socket:
    import ssl

    port = url.port or _PORTS[url.scheme]
    failure: OSError = OSError("no address")
    for address in addresses:
        try:
            plain = socket.create_connection((address, port), timeout=STEP)
        except OSError as error:
            failure = error
            continue
        if url.scheme == "http":
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=url.hostname)
        except OSError as error:
            plain.close()
            failure = error
    raise failure


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


def _body(response: HTTPResponse, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := response.read(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > MAX_BYTES:
            raise MapError(f"larger than {MAX_BYTES} bytes")
        if time.monotonic() > deadline:
            raise MapError(f"not fetched within {PATIENCE:.0f} seconds")
    if response.length:
        raise MapError("the connection ended before the map did")
    return b"".join(parts)
