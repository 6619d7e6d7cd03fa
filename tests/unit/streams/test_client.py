"""Exchanges over real sockets: replies, failures, the next server, bounds."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from filter_engine.config.upstreams import Rotation, UpstreamList, parse_upstreams
from filter_engine.dns.table import TableResolver
from filter_engine.scan.exchange import FILE, Exchange, ExchangeStatus, Reply, Step, Until
from filter_engine.streams.client import MAX_OPEN, StreamClient
from filter_engine.upstream.upstream_set import Health
from stream_server import daemon, nobody


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Awaitable[Any]], Any]:
    def runner(main: Any) -> Any:
        with asyncio.Runner(loop_factory=request.param) as on:
            return on.run(main)

    return runner


async def exchanged(*questions: Exchange, dns: Any = None) -> list[Reply]:
    """The replies to some questions asked at once."""
    loop = asyncio.get_running_loop()
    client = StreamClient(TableResolver(dns or {}))
    client.open(loop)
    replies: list[Reply] = []
    idle = loop.create_future()

    def done(reply: Reply) -> None:
        replies.append(reply)
        if len(replies) == len(questions):
            idle.set_result(None)

    for question in questions:
        client.exchange(question, done)
    await asyncio.wait_for(idle, 60)
    client.close()
    return replies


def answering(*parts: bytes) -> Any:
    """Answers the first bytes with ``parts`` and closes."""

    async def serve(reader: Reader, writer: Writer) -> None:
        await reader.read(65536)
        for part in parts:
            writer.write(part)
            await writer.drain()

    return serve


@pytest.mark.parametrize(
    ("parts", "ending", "expected"),
    [
        ((b"all ", b"of it"), {"until": Until.EOF}, b"all of it"),
        ((b"stream: OK\0more",), {"until": Until.NUL}, b"stream: OK"),
        ((b"0 clean\nnext\n",), {"until": Until.LINE}, b"0 clean\n"),
        ((b"210 a\r\nx\r\n20", b"0 b\r\n"), {"until": Until.LINE, "pattern": rb"200 "}, None),
        ((b"12345678",), {"until": Until.SIZE, "size": 5}, b"12345"),
        ((b"last line without its end",), {"until": Until.LINE, "pattern": b"last"}, None),
    ],
)
def test_reply_is_whole(
    run: Any, parts: tuple[bytes, ...], ending: dict[str, Any], expected: bytes | None
) -> None:
    async def main() -> None:
        async with daemon(answering(*parts)) as servers:
            (reply,) = await exchanged(Exchange(servers, b"question", **ending))
            assert reply.ok, reply
            assert reply.data == (b"".join(parts) if expected is None else expected)
            assert reply.server == next(iter(servers)).name

    run(main())


@pytest.mark.parametrize(
    ("serve", "ending", "status"),
    [
        (answering(b"half"), {"until": Until.NUL}, ExchangeStatus.CLOSED),
        (answering(b"half"), {"until": Until.LINE, "pattern": b"200"}, ExchangeStatus.CLOSED),
        (answering(b"x" * 5000), {"limit": 4096}, ExchangeStatus.TOO_LARGE),
        (answering(b"x" * 4097), {"until": Until.NUL, "limit": 4096}, ExchangeStatus.TOO_LARGE),
    ],
)
def test_failures(run: Any, serve: Any, ending: dict[str, Any], status: ExchangeStatus) -> None:
    async def main() -> None:
        async with daemon(serve) as servers:
            (reply,) = await exchanged(Exchange(servers, b"question", **ending))
            assert reply.status is status
            assert len(reply.data) <= reply.question.limit

    run(main())


def test_silent_server_and_nobody(run: Any) -> None:
    async def silent(reader: Reader, _writer: Writer) -> None:
        await reader.read()

    async def main() -> None:
        async with daemon(silent) as servers:
            slow, refused = await asyncio.gather(
                exchanged(Exchange(servers, b"?", timeout=0.05, tries=2)),
                exchanged(Exchange(nobody(), b"?")),
            )
        assert slow[0].status is ExchangeStatus.TIMEOUT
        assert refused[0].status is ExchangeStatus.REFUSED
        assert "refused" in refused[0].evidence.lower()

    run(main())


def test_next_server_after_a_failure(run: Any) -> None:
    async def main() -> None:
        async with daemon(answering(b"yes")) as living:
            both = UpstreamList((*nobody(), *living), Rotation.SEQUENTIAL)
            once, twice = await asyncio.gather(
                exchanged(Exchange(both, b"?")), exchanged(Exchange(both, b"?", tries=2))
            )
        assert once[0].status is ExchangeStatus.REFUSED
        assert twice[0].ok
        assert twice[0].data == b"yes"
        assert twice[0].server == next(iter(living)).name

    run(main())


def test_one_that_failed_as_often_as_it_may_is_asked_last(run: Any) -> None:
    """Two errors are too many where the question says so; by default they are not."""

    async def main() -> None:
        async with daemon(answering(b"yes")) as living:
            both = UpstreamList((*nobody(), *living), Rotation.SEQUENTIAL)
            strict = Exchange(
                both, b"?", health=Health(max_errors=2, revive_time=3600.0), service="it"
            )
            for question, then in (
                (strict, (ExchangeStatus.OK, [False, True])),
                (Exchange(both, b"?", service="it"), (ExchangeStatus.REFUSED, [True, True])),
            ):
                loop = asyncio.get_running_loop()
                client = StreamClient(TableResolver({}))
                client.open(loop)
                statuses = []
                for _ in range(3):
                    future = loop.create_future()
                    client.exchange(question, future.set_result)
                    statuses.append((await asyncio.wait_for(future, 60)).status)
                standings = [one.up for one in client.standings()]
                client.close()
                assert statuses[:2] == [ExchangeStatus.REFUSED] * 2
                assert (statuses[2], standings) == then

    run(main())


def test_limits_of_one_question_are_not_those_of_another(run: Any) -> None:
    """Over the same servers, whoever asked first."""

    async def main() -> None:
        async with daemon(answering(b"yes")) as living:
            both = UpstreamList((*nobody(), *living), Rotation.SEQUENTIAL)
            patient = Exchange(both, b"?", service="patient")
            strict = Exchange(
                both, b"?", health=Health(max_errors=1, revive_time=3600.0), service="strict"
            )
            loop = asyncio.get_running_loop()
            client = StreamClient(TableResolver({}))
            client.open(loop)
            statuses = []
            for question in (patient, strict, patient, strict):
                future = loop.create_future()
                client.exchange(question, future.set_result)
                statuses.append((await asyncio.wait_for(future, 60)).status)
            dead = [one.service for one in client.standings() if not one.up]
            client.close()
        assert statuses == [*[ExchangeStatus.REFUSED] * 3, ExchangeStatus.OK]
        assert dead == ["strict"]

    run(main())


def test_unix_socket_host_name_and_half_close(run: Any, tmp_path: Path) -> None:
    async def echo(reader: Reader, writer: Writer) -> None:
        writer.write(b"<" + await reader.read() + b">")

    async def main() -> None:
        async with daemon(echo, tmp_path / "socket") as by_path, daemon(echo) as by_port:
            port = next(iter(by_port)).port
            by_name = parse_upstreams(f"service.example:{port}", 0)
            gone = parse_upstreams("gone.example:1", 0)
            one, two, three = await asyncio.gather(
                exchanged(Exchange(by_path, b"a", half_close=True)),
                exchanged(
                    Exchange(by_name, b"b", half_close=True),
                    dns={"service.example": {"A": ["127.0.0.1"]}},
                ),
                exchanged(Exchange(gone, b"c")),
            )
        assert (one[0].data, two[0].data) == (b"<a>", b"<b>")
        assert three[0].status is ExchangeStatus.UNKNOWN
        assert three[0].detail == "gone.example has no address"

    run(main())


def test_steps_and_file(run: Any, tmp_path: Path) -> None:
    async def avast(reader: Reader, writer: Writer) -> None:
        writer.write(b"220 ready\r\n")
        path = (await reader.readline()).split()[1].decode()
        text = Path(path).read_bytes()  # noqa: ASYNC240
        writer.write(b"210 SCAN DATA\r\n" + text + b"\r\n200 SCAN OK\r\n")

    async def main() -> None:
        async with daemon(avast) as servers:
            question = Exchange(
                servers,
                b"SCAN " + FILE + b"\r\n",
                Until.LINE,
                rb"200 ",
                steps=(Step(b"", rb"\d", rb"220 "),),
                content=b"the content",
                directory=str(tmp_path),
            )
            unwanted = question._replace(steps=(Step(b"", rb"\d", rb"221 "),))
            good, bad = (await exchanged(question))[0], (await exchanged(unwanted))[0]
        assert b"the content" in good.data
        assert bad.status is ExchangeStatus.UNEXPECTED
        assert "220 ready" in bad.detail

    run(main())
    assert not list(tmp_path.iterdir())


def test_datagram(run: Any) -> None:
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            self.transport.sendto(b"re: " + data, addr)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Echo, ("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        servers = parse_upstreams(f"127.0.0.1:{port}", 0)
        (reply,) = await exchanged(Exchange(servers, b"hello", Until.DATAGRAM))
        transport.close()
        assert reply.data == b"re: hello"

    run(main())


def test_closed_client_fails_at_once_and_ends_what_is_open(run: Any) -> None:
    async def silent(reader: Reader, _writer: Writer) -> None:
        await reader.read()

    async def main() -> None:
        replies: list[Reply] = []
        client = StreamClient(TableResolver({}))
        client.exchange(Exchange(nobody()), replies.append)
        async with daemon(silent) as servers:
            client.open(asyncio.get_running_loop())
            client.exchange(Exchange(servers, b"?", timeout=60), replies.append)
            await asyncio.sleep(0)
            client.close()
            for _ in range(5):
                await asyncio.sleep(0)
        assert [reply.status for reply in replies] == [ExchangeStatus.UNKNOWN] * 2

    run(main())


def test_too_many_at_once(run: Any) -> None:
    async def main() -> None:
        question = Exchange(nobody())
        replies = await exchanged(*[question] * (MAX_OPEN + 3))
        assert sum(reply.status is ExchangeStatus.UNKNOWN for reply in replies) == 3

    run(main())


def test_key_tells_what_differs() -> None:
    servers = parse_upstreams("a.example:1", 0)
    question = Exchange(servers, b"send", timeout=1.0)
    assert question.key == question._replace(timeout=9.0).key
    others = [
        question._replace(send=b"Send"),
        question._replace(content=b"x"),
        question._replace(until=Until.NUL),
        question._replace(steps=(Step(b"", b"", b""),)),
        question._replace(servers=replace(servers, rotation=Rotation.HASH)),
    ]
    assert len({question.key, *(other.key for other in others)}) == 6
