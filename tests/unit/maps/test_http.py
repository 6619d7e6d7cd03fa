"""Maps from a web server on the loopback, and the watch that keeps them fresh."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from filter_engine.config.base32 import encode_base32
from filter_engine.config.map_definition import MapKind, MapSource, Scheme
from filter_engine.config.model import Config, OptionsConfig
from filter_engine.maps import Maps, http_source
from filter_engine.maps.file_source import FileSource
from filter_engine.maps.http_source import HttpSource
from filter_engine.maps.read import MapReader
from filter_engine.maps.watch import Watch


@dataclass
class Site:
    """What the server has and what it was asked."""

    url: str
    body: bytes = b"one\n"
    etag: str = '"1"'
    status: int = 200
    announced: int | None = None
    signature: bytes = b""
    asked: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    found: list[Site] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # its name
            here = found[0]
            here.asked.append({"path": self.path, **dict(self.headers.items())})
            if here.status == 200 and self.headers.get("If-None-Match") == here.etag:
                self.send_response(304)
                self.end_headers()
                return
            if self.path.endswith(".sig"):
                self.send_response(200 if here.signature else 404)
                self.send_header("Content-Length", str(len(here.signature)))
                self.end_headers()
                self.wfile.write(here.signature)
                return
            self.send_response(here.status)
            self.send_header("ETag", here.etag)
            length = len(here.body) if here.announced is None else here.announced
            self.send_header("Content-Length", str(length))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(here.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.append(Site(f"http://127.0.0.1:{server.server_port}/words"))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found[0]
        server.shutdown()
        thread.join()


def _source(url: str, directory: Path | None, poll: float = 60.0) -> HttpSource:
    source = MapSource(Scheme.HTTP, url)
    return HttpSource(source, MapKind.SET, MapReader(), "test", directory=directory, poll=poll)


def _fetch(source: HttpSource) -> bool:
    take = source.fetch(["127.0.0.1"])
    if take is not None:
        take()
    return take is not None


def _has(source: HttpSource, word: str) -> bool:
    return source.content is not None and source.content.find(word) is not None


def test_a_map_is_fetched_kept_and_asked_for_with_its_etag(site: Site, tmp_path: Path) -> None:
    directory = tmp_path / "maps"
    source = _source(site.url, directory, poll=0.0)
    assert source.content is None
    assert _fetch(source)
    assert _has(source, "one")
    assert not _fetch(source)  # 304
    assert site.asked[1]["If-None-Match"] == '"1"'
    site.body, site.etag = b"two\n", '"2"'
    assert _fetch(source)
    assert _has(source, "two")

    again = _source(site.url, directory)  # a start without the network
    assert _has(again, "two")
    number = len(site.asked)
    assert not _fetch(again)  # fresh enough: nobody is asked
    assert len(site.asked) == number


@pytest.mark.parametrize("status", [404, 500])
def test_a_failing_server_leaves_the_old_content(
    status: int, site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = _source(site.url, tmp_path / "maps", poll=0.0)
    _fetch(source)
    site.status = status
    with caplog.at_level(logging.WARNING):
        assert not _fetch(source)
        assert not _fetch(source)
    assert _has(source, "one")
    told = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert len(told) == 1
    assert f"{site.url}: the server answers {status}" in told[0]


def test_a_cut_or_too_large_body_is_refused(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _source(site.url, None)
    site.announced = 100
    assert not _fetch(source)
    assert "ended before the map did" in caplog.text
    site.announced = None
    monkeypatch.setattr(http_source, "MAX_BYTES", 3)
    assert not _fetch(source)
    assert "larger than 3 bytes" in caplog.text
    assert source.content is None


def test_a_login_is_sent_and_never_shown(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site.status = 403
    source = _source(site.url.replace("//", "//me:secret%21@"), tmp_path / "maps")
    assert not _fetch(source)
    assert site.asked[0]["Authorization"] == "Basic bWU6c2VjcmV0IQ=="
    assert "secret" not in caplog.text
    assert "secret" not in source.place


def test_another_worker_that_asks_is_not_disturbed(site: Site, tmp_path: Path) -> None:
    directory = tmp_path / "maps"
    first, second = (_source(site.url, directory, poll=0.0) for _ in range(2))
    with first._lock() as mine:
        assert mine
        assert not _fetch(second)
        assert site.asked == []
    assert _fetch(first)
    assert _fetch(second) is False or _has(second, "one")


def test_nonsense_as_url_is_an_empty_map(caplog: pytest.LogCaptureFixture) -> None:
    assert not Maps().of("http://[::1", "set", "multimap.X")
    assert "multimap.X" in caplog.text


def _replace(file: Path, text: str) -> None:
    """At once: a watch that looks between the opening and the writing would see it empty."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.rename(file)


def _no_names(_host: str, done: Callable[[Sequence[str]], None]) -> None:
    done(())


def test_the_watch_takes_changes_of_files_and_urls(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "words"
    file.write_text("a\n")
    options = replace(OptionsConfig(), map_watch_interval=0.05)
    maps = Maps(Config(options=options, variables={"DBDIR": str(tmp_path)}))
    words = maps.of(str(file), "set", "test")
    web = maps.of(site.url, "set", "test")

    async def run() -> None:
        changed = asyncio.Queue[str]()
        words.on_change(lambda: changed.put_nowait("file"))
        web.on_change(lambda: changed.put_nowait("url"))
        maps.watch(asyncio.get_running_loop(), _no_names)
        try:
            assert await asyncio.wait_for(changed.get(), 20) == "url"
            assert "one" in web
            _replace(file, "a\nlonger\n")
            assert await asyncio.wait_for(changed.get(), 20) == "file"
            assert "longer" in words
            site.body, site.etag = b"two\n", '"2"'
            assert await asyncio.wait_for(changed.get(), 20) == "url"
            assert "two" in web
        finally:
            maps.close()

    asyncio.run(run())


def test_a_server_without_address_is_told_and_asked_again_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = _source("http://maps.example/x", tmp_path / "maps")
    before = time.monotonic()
    assert source.fetch([]) is None
    assert "maps.example has no address" in caplog.text
    assert source.due > before


KEY = SigningKey(bytes(range(32)))
PUBLIC = encode_base32(bytes(KEY.verify_key))


def _signed_source(url: str, directory: Path, key: str = PUBLIC) -> HttpSource:
    source = MapSource(Scheme.HTTP, url, signed=True, key=key)
    return HttpSource(source, MapKind.SET, MapReader(), "test", directory=directory, poll=60.0)


def test_a_signed_map_does_not_trust_the_copy_of_an_unsigned_one(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert _fetch(_source(site.url, tmp_path / "maps"))
    signed = _signed_source(site.url, tmp_path / "maps")
    assert signed.content is None
    assert not _fetch(signed)
    assert "the server answers 404" in caplog.text
    site.signature = KEY.sign(site.body).signature
    assert _fetch(signed)
    assert _has(signed, "one")
    assert _has(_signed_source(site.url, tmp_path / "maps"), "one")


@pytest.mark.parametrize("forged", [b"forged\n", b""])
def test_the_copy_of_a_signed_map_is_verified_at_each_start(
    forged: bytes, site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site.signature = KEY.sign(site.body).signature
    first = _signed_source(site.url, tmp_path / "maps")
    assert _fetch(first)
    assert first.file is not None
    head = first.file.read_bytes().partition(b"\n")[0]
    first.file.write_bytes(head + b"\n" + forged)
    again = _signed_source(site.url, tmp_path / "maps")
    assert again.content is None
    assert "the signature does not fit" in caplog.text
    assert _fetch(again)  # young as it is, such a copy is no reason not to ask
    assert _has(again, "one")


def test_another_key_does_not_read_the_copy(site: Site, tmp_path: Path) -> None:
    site.signature = KEY.sign(site.body).signature
    assert _fetch(_signed_source(site.url, tmp_path / "maps"))
    other = encode_base32(bytes(SigningKey(bytes(32)).verify_key))
    assert _signed_source(site.url, tmp_path / "maps", other).content is None


class Dripping:
    """Servers that begin with one text, then send another again and again."""

    def __init__(self) -> None:
        self.connected = threading.Semaphore(0)
        self._over = threading.Event()
        self._listeners: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def start(self, begin: bytes, drop: bytes) -> int:
        """A new server's port."""
        listener = socket.create_server(("127.0.0.1", 0))
        self._listeners.append(listener)
        self._run(lambda: self._accept(listener, begin, drop))
        port: int = listener.getsockname()[1]
        return port

    def _run(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket, begin: bytes, drop: bytes) -> None:
        with suppress(OSError):
            while True:
                connection = listener.accept()[0]
                self.connected.release()
                self._run(partial(self._serve, connection, begin, drop))

    def _serve(self, connection: socket.socket, begin: bytes, drop: bytes) -> None:
        with connection, suppress(OSError):
            connection.sendall(begin)
            while not self._over.wait(0.05):
                connection.sendall(drop)

    def close(self) -> None:
        """End all of them."""
        self._over.set()
        for listener in self._listeners:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def dripping() -> Iterator[Dripping]:
    servers = Dripping()
    yield servers
    servers.close()


_LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


@pytest.mark.parametrize(
    ("scheme", "begin", "drop"),
    [
        ("http", _LONG, b"a"),
        ("http", b"HTTP/1.1 200 OK\r\nX: ", b"a"),
        ("http", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("https", b"\x16\x03\x03\x40\x00", b"\x02"),
    ],
    ids=["body", "head", "continue", "tls"],
)
def test_a_server_that_drips_is_cut_off_in_time(
    scheme: str,
    begin: bytes,
    drop: bytes,
    dripping: Dripping,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(http_source, "PATIENCE", 0.5)
    source = _source(f"{scheme}://127.0.0.1:{dripping.start(begin, drop)}/x", None)
    began = time.monotonic()
    assert not _fetch(source)
    assert time.monotonic() - began > 0.4
    assert "not fetched within" in caplog.text


def test_slow_servers_do_not_keep_files_from_being_read(dripping: Dripping, tmp_path: Path) -> None:
    port = dripping.start(_LONG, b"a")
    file = tmp_path / "words"
    file.write_text("old\n")
    words = FileSource(MapSource(Scheme.FILE, str(file)), MapKind.SET, MapReader(), "test")
    slow = [_source(f"http://127.0.0.1:{port}/{number}", None) for number in range(8)]

    async def run() -> None:
        changed = asyncio.Event()
        words.on_change.append(changed.set)
        watch = Watch([words], slow, 0.05, _no_names)
        watch.start(asyncio.get_running_loop())
        try:
            for _ in range(4):  # all turns are taken
                assert await asyncio.to_thread(dripping.connected.acquire, timeout=30)
            _replace(file, "new\nwords\n")
            await asyncio.wait_for(changed.wait(), 30)  # no server has been given up yet
        finally:
            watch.close()

    asyncio.run(run())
    assert words.content is not None
    assert words.content.find("new")
