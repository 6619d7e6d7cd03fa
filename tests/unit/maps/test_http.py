"""Maps from a web server on the loopback, and the watch that keeps them fresh."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from filter_engine.config.map_definition import MapKind, MapSource, Scheme
from filter_engine.config.model import Config, OptionsConfig
from filter_engine.maps import Maps, http_source
from filter_engine.maps.http_source import HttpSource
from filter_engine.maps.read import MapReader


@dataclass
class Site:
    """What the server has and what it was asked."""

    url: str
    body: bytes = b"one\n"
    etag: str = '"1"'
    status: int = 200
    announced: int | None = None
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
    told = [record.getMessage() for record in caplog.records]
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
            file.write_text("a\nlonger\n")
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
