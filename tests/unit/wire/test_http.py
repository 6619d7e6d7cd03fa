"""The HTTP server and client over real sockets, against each other and against raw octets."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from filter_engine.config.upstreams import Upstream
from filter_engine.wire.budget import Budget
from filter_engine.wire.http.client import HttpClient, UpstreamError
from filter_engine.wire.http.message import HttpLimits, Request, Response
from filter_engine.wire.http.server import HttpServer

Handler = Callable[[Request], Awaitable[Response]]


async def echo(request: Request) -> Response:
    return Response(request.path.encode() + b" " + request.body, content_type="text/plain")


@asynccontextmanager
async def serving(
    handler: Handler = echo, limits: HttpLimits | None = None, budget: Budget | None = None
) -> AsyncIterator[tuple[HttpServer, int]]:
    server = HttpServer(handler, limits or HttpLimits(max_body=1000), budget=budget)
    listener = await asyncio.get_running_loop().create_server(server.connection, "127.0.0.1", 0)
    port: int = listener.sockets[0].getsockname()[1]
    try:
        yield server, port
    finally:
        listener.close()
        server.drain()
        await server.wait_drained(0)


async def talk(port: int, data: bytes) -> bytes:
    """Send octets, end the sending side, return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return answer


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that has no event of its own."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # nothing tells about a counter
            await asyncio.sleep(0.01)


def test_a_request_and_its_answer() -> None:
    async def main() -> None:
        async with serving() as (_, port):
            answer = await talk(port, b"POST /x?q HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Content-Length: 6" in head
        assert body == b"/x abc"

    asyncio.run(main())


def test_what_a_handler_gets() -> None:
    async def main() -> None:
        seen: list[Request] = []

        async def handler(request: Request) -> Response:
            seen.append(request)
            return Response(b"")

        async with serving(handler) as (_, port):
            await talk(port, b"GET /p?a=b HTTP/1.1\r\nRcpt: a\r\nX-Y: \xff\r\nrcpt: b\r\n\r\n")
        assert seen[0] == Request(
            "GET",
            "/p",
            "a=b",
            ((b"rcpt", b"a"), (b"x-y", b"\xff"), (b"rcpt", b"b")),
            b"",
            "127.0.0.1",
        )
        assert seen[0].header(b"rcpt") == b"a"
        assert seen[0].header(b"none") is None

    asyncio.run(main())


def test_pipelined_requests_are_answered_in_order() -> None:
    async def main() -> None:
        async def slow_first(request: Request) -> Response:
            if request.path == "/1":
                await asyncio.sleep(0.05)
            return Response(request.path.encode())

        async with serving(slow_first) as (_, port):
            answer = await talk(
                port, b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % n for n in range(1, 4))
            )
        assert [part[:2] for part in answer.split(b"\r\n\r\n")[1:]] == [b"/1", b"/2", b"/3"]

    asyncio.run(main())


def test_a_chunked_body() -> None:
    async def main() -> None:
        async with serving() as (_, port):
            chunks = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            answer = await talk(
                port, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
            )
        assert answer.endswith(b"/ abcde")

    asyncio.run(main())


def test_expect_continue() -> None:
    async def main() -> None:
        async with serving() as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"ok")
            assert (await reader.readuntil(b"/ ok")).startswith(b"HTTP/1.1 200")
            writer.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001, 413),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n"
            + b"x" * 2000
            + b"\r\n0\r\n\r\n",
            413,
        ),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 2000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 2000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"\0\0\0\rO\0\0\0\6\0\0\1\xff\0\x1f\xff\xff", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    ],
)
def test_what_is_refused(sent: bytes, status: int) -> None:
    async def main() -> None:
        async with serving(limits=HttpLimits(max_body=1000, max_head=1000)) as (server, port):
            answer = await talk(port, sent)
            assert answer.startswith(b"HTTP/1.1 %d " % status), answer
            assert answer.count(b"HTTP/1.1") == 1
            assert b"Connection: close" in answer
            assert b"200 OK" in await talk(port, b"GET / HTTP/1.1\r\n\r\n")
            assert server.accepted == 2

    asyncio.run(main())


def test_an_upgrade_is_ignored() -> None:
    async def main() -> None:
        async with serving() as (_, port):
            sent = b"GET /x HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            answer = await talk(port, sent)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"Connection: close" in answer

    asyncio.run(main())


def test_a_refused_client_that_goes_on_sending_sees_the_answer() -> None:
    async def main() -> None:
        async with serving() as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n")
            for _ in range(50):
                writer.write(b"x" * 100_000)
                await writer.drain()
            assert (await reader.read(200)).startswith(b"HTTP/1.1 413")
            writer.close()

    asyncio.run(main())


def test_garbage_after_a_good_request_does_not_cost_its_answer() -> None:
    async def main() -> None:
        async with serving() as (_, port):
            answer = await talk(port, b"GET /good HTTP/1.1\r\n\r\n\0\0garbage\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert answer.count(b"HTTP/1.1") == 1

    asyncio.run(main())


def test_a_handler_that_raises_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async def broken(_request: Request) -> Response:
            raise KeyError("secret detail")

        async with serving(broken) as (_, port):
            answer = await talk(port, b"GET / HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 500 Internal error")
        assert b"secret" not in answer

    asyncio.run(main())
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    ("sent", "limits"),
    [
        (b"GET / HTTP/1.1\r\nX: ", HttpLimits(max_body=1000, head_timeout=0.1)),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
            HttpLimits(max_body=1000, body_timeout=0.1),
        ),
    ],
)
def test_a_slow_client_is_sent_away(sent: bytes, limits: HttpLimits) -> None:
    async def main() -> None:
        async with serving(limits=limits) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            answer = await asyncio.wait_for(reader.read(), 60)
            assert answer.startswith(b"HTTP/1.1 408")
            writer.close()

    asyncio.run(main())


def test_an_idle_connection_is_closed() -> None:
    async def main() -> None:
        async with serving(limits=HttpLimits(max_body=1, idle_timeout=0.1)) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await asyncio.wait_for(reader.read(), 60) == b""
            writer.close()

    asyncio.run(main())


def test_all_connections_together_hold_no_more_than_the_budget() -> None:
    async def main() -> None:
        budget = Budget(1500)
        async with serving(budget=budget) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + b"x" * 900)
            await until(lambda: 900 <= budget.used < 950)
            sent = b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + b"y" * 1000
            assert (await talk(port, sent)).startswith(b"HTTP/1.1 503")
            writer.write(b"x" * 100)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            assert budget.used == 0
            assert (await talk(port, sent)).startswith(b"HTTP/1.1 200")
            writer.write(b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + b"x" * 900)
            await until(lambda: 900 <= budget.used < 950)
            writer.transport.abort()
            await until(lambda: budget.used == 0)

    asyncio.run(main())


def test_a_client_that_leaves_ends_its_scan() -> None:
    async def main() -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def endless(_request: Request) -> Response:
            begun.set()
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()
            return Response(b"")

        async with serving(endless) as (_, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await begun.wait()
            sock = writer.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()  # a reset, which is more than the end of the client's half
            await asyncio.wait_for(ended.wait(), 60)

    asyncio.run(main())


def test_draining_finishes_what_is_under_way_and_closes_the_rest() -> None:
    async def main() -> None:
        go_on = asyncio.Event()
        begun = asyncio.Event()

        async def handler(request: Request) -> Response:
            begun.set()
            await go_on.wait()
            return await echo(request)

        limits = HttpLimits(max_body=10, drain_time=0.3)
        async with serving(handler, limits) as (server, port):
            _, idle_writer = await asyncio.open_connection("127.0.0.1", port)
            busy_reader, busy_writer = await asyncio.open_connection("127.0.0.1", port)
            busy_writer.write(b"GET /busy HTTP/1.1\r\n\r\n")
            await begun.wait()
            server.drain()
            idle_writer.write(b"GET /late HTTP/1.1\r\n\r\n")
            go_on.set()
            answer = await asyncio.wait_for(busy_reader.read(), 60)
            assert b"200 OK" in answer
            assert b"Connection: close" in answer
            assert await server.wait_drained(5)
            idle_writer.close()
            busy_writer.close()

    asyncio.run(main())


def test_the_client_reuses_its_connection() -> None:
    async def main() -> None:
        async with serving() as (server, port):
            client = HttpClient(max_body=1000)
            upstream = Upstream("127.0.0.1", port)
            for number in range(3):
                answer = await client.request(upstream, "/s", [(b"X", b"1")], b"%d" % number, 60)
                assert (answer.status, answer.body) == (200, b"/s %d" % number)
            assert server.accepted == 1
            client.close()

    asyncio.run(main())


def test_the_client_survives_a_connection_closed_while_idle() -> None:
    async def main() -> None:
        async with serving() as (server, port):
            client = HttpClient(max_body=1000)
            upstream = Upstream("127.0.0.1", port)
            await client.request(upstream, "/", [], b"a", 60)
            for connection in tuple(server.connections):
                connection.abort()
            assert (await client.request(upstream, "/", [], b"b", 60)).body == b"/ b"
            assert server.accepted == 2
            client.close()

    asyncio.run(main())


def test_an_early_refusal_reaches_the_client() -> None:
    async def main() -> None:
        async with serving() as (_, port):
            client = HttpClient(max_body=1000)
            body = b"x" * 5_000_000
            answer = await client.request(Upstream("127.0.0.1", port), "/", [], body, 60)
            assert answer.status == 413
            client.close()

    asyncio.run(main())


async def _raw_server(answer: bytes) -> tuple[asyncio.Server, Upstream]:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    return server, Upstream("127.0.0.1", server.sockets[0].getsockname()[1])


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"", "without an answer"),
        (b"garbage\r\n\r\n", ":"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "cut off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000, "more than 1000"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", "headers of the answer"),
    ],
)
def test_bad_answers_are_errors(answer: bytes, complaint: str) -> None:
    async def main() -> None:
        server, upstream = await _raw_server(answer)
        client = HttpClient(max_body=1000)
        with pytest.raises(UpstreamError, match=complaint):
            await client.request(upstream, "/", [], b"", 60)
        server.close()

    asyncio.run(main())


def test_an_answer_that_ends_with_the_connection() -> None:
    async def main() -> None:
        server, upstream = await _raw_server(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbody")
        answer = await HttpClient(max_body=1000).request(upstream, "/", [], b"", 60)
        assert answer.body == b"body"
        server.close()

    asyncio.run(main())


def test_a_server_that_is_not_there(unused_tcp_port_number: int) -> None:
    async def main() -> None:
        upstream = Upstream("127.0.0.1", unused_tcp_port_number)
        with pytest.raises(UpstreamError, match=r"127\.0\.0\.1:\d+: .*refused"):
            await HttpClient(max_body=1).request(upstream, "/", [], b"", 60)

    asyncio.run(main())


def test_a_server_that_says_nothing() -> None:
    async def main() -> None:
        async def silent(_request: Request) -> Response:
            await asyncio.sleep(60)
            return Response(b"")

        async with serving(silent) as (_, port):
            client = HttpClient(max_body=1000)
            with pytest.raises(UpstreamError, match=r"no answer within 0\.2 s"):
                await client.request(Upstream("127.0.0.1", port), "/", [], b"", 0.2)

    asyncio.run(main())


def test_heads_are_held_and_bounded() -> None:
    async def main() -> None:
        budget = Budget(2000)
        limits = HttpLimits(max_body=1000, max_fields=3)
        async with serving(limits=limits, budget=budget) as (_, port):
            assert b"200 OK" in await talk(port, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 3 + b"\r\n")
            many = await talk(port, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 4 + b"\r\n")
            assert many.startswith(b"HTTP/1.1 431 ")
            large = await talk(port, b"GET / HTTP/1.1\r\nA: " + b"b" * 3000 + b"\r\n\r\n")
            assert large.startswith(b"HTTP/1.1 503 ")
        assert budget.used == 0

    asyncio.run(main())
