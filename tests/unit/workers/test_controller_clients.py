"""Clients that keep the controller waiting, or come in crowds."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import http.client
import socket
from collections.abc import Iterator

import pytest
from aiohttp import web

from filter_engine.workers.controller.connections import EACH, BoundedSite, Connections

from .engine import DEADLINE, MESSAGE, Engine, until

TIMEOUT = 2


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine whose controller waits for two seconds."""
    running = Engine(tmp_path_factory.mktemp("clients") / "e")
    controller = (running.local_d / "worker-controller.inc").read_text()
    running.write("worker-controller.inc", f"{controller}\ntimeout = {TIMEOUT}s;")
    try:
        yield running.start()
    finally:
        running.close()


def said(engine: Engine, *lines: str) -> socket.socket:
    """A connection on which that was sent."""
    sock = socket.create_connection(("127.0.0.1", engine.controller), timeout=DEADLINE)
    sock.sendall("\r\n".join(lines).encode())
    return sock


def pong(sock: socket.socket) -> bytes:
    """The whole answer to ``/ping``, of which head and content may come apart."""
    answer = b""
    while not answer.endswith(b"pong\r\n"):
        more = sock.recv(1000)
        assert more, answer
        answer += more
    return answer


@pytest.mark.parametrize("path", ["/checkv2", "/explain", "/learnspam", "/saveactions"])
def test_slow_bodies_keep_nobody_waiting_and_end(engine: Engine, path: str) -> None:
    with contextlib.ExitStack() as stack:
        lines = (f"POST {path} HTTP/1.1", "Host: x", "Content-Length: 100", "", "ab")
        slow = [stack.enter_context(said(engine, *lines)) for _ in range(8)]
        assert engine.http(engine.controller, "/checkv2", MESSAGE)[0] == 200
        assert engine.http(engine.controller, "/explain", MESSAGE)[0] == 200
        assert engine.http(engine.controller, "/learnspam", MESSAGE)[0] == 204, "too short"
        assert b" 408 " in slow[0].makefile("rb").readline()


@pytest.mark.parametrize("sent", ["", "GET / HTTP/1.1\r\nHost: x\r\n"])
def test_half_a_request_is_waited_for_no_longer_than_that(engine: Engine, sent: str) -> None:
    with said(engine, sent) as sock:
        assert sock.recv(1000) == b""


def test_a_second_request_has_its_time_too(engine: Engine) -> None:
    with said(engine, "GET /ping HTTP/1.1", "Host: x", "", "") as sock:
        assert b" 200 " in pong(sock)
        sock.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in pong(sock)
        sock.sendall(b"GET /ping HTTP/1.1\r\n")
        while sock.recv(1000):
            pass


def test_a_crowd_of_one_client_is_bounded(engine: Engine) -> None:
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(said(engine, "")) for _ in range(EACH + 1)]
        assert crowd[-1].recv(1) == b""
    until(lambda: engine.log.read_text().count("refuses connections of 127.0.0.1"), "a line")
    assert engine.log.read_text().count("refuses connections") == 1

    def answers() -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return engine.http(engine.controller, "/ping")[0] == 200
        return False

    until(answers, "room again")
    assert "Traceback" not in engine.log.read_text()


def test_a_shortage_of_descriptors_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()
    try:
        loop.set_exception_handler(Connections(1.0).fault)
        for _ in range(3):
            error = OSError(errno.EMFILE, "Too many open files")
            loop.call_exception_handler({"message": "accept", "exception": error})
        assert [one.getMessage() for one in caplog.records] == [
            "controller: cannot take connections: Too many open files (told once a minute)"
        ]
        loop.call_exception_handler({"message": "ours", "exception": ValueError()})
        assert caplog.records[-1].exc_info
    finally:
        loop.close()


async def _slow(_request: web.Request) -> web.Response:
    await asyncio.sleep(0)
    return web.Response(text="pong")


async def _accepted(connections: Connections) -> None:
    while not connections.silent:  # noqa: ASYNC110  # a server tells nobody of what it accepts
        await asyncio.sleep(0)


async def _asks_late() -> bytes:
    """The answer for a client that asks once the controller that accepted it has begun to end."""
    app, connections = web.Application(), Connections(DEADLINE)
    app.router.add_get("/ping", _slow)
    runner = web.AppRunner(app)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    where = listener.getsockname()
    site = BoundedSite(runner, listener, connections)
    await site.start()
    reader, writer = await asyncio.open_connection(*where)
    await _accepted(connections)
    await site.stop()
    waiting = asyncio.ensure_future(connections.wait_spoken(DEADLINE))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.01)
    assert not waiting.done()
    writer.write(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
    await waiting
    await runner.cleanup()
    answer = await reader.read()
    writer.close()
    return answer


def test_who_was_accepted_before_a_reload_is_answered() -> None:
    assert asyncio.run(_asks_late()).startswith(b"HTTP/1.1 200")


async def _leaves() -> int:
    connections = Connections(DEADLINE)
    runner = web.AppRunner(web.Application())
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await BoundedSite(runner, listener, connections).start()
    _, writer = await asyncio.open_connection(*listener.getsockname())
    await _accepted(connections)
    writer.close()
    await connections.wait_spoken(DEADLINE)
    await runner.cleanup()
    return connections.silent


def test_who_leaves_without_a_word_is_not_waited_for() -> None:
    assert asyncio.run(_leaves()) == 0
