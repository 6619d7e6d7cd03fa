"""What happens to a message when something inside goes wrong: it is never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import orjson
import pytest

from filter_engine.config.model import Config
from filter_engine.config.workers import NormalConfig
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action, AddHeader, HeaderEdits, Verdict
from filter_engine.scanner import Scanner
from filter_engine.wire.budget import Budget
from filter_engine.wire.compression import compress
from filter_engine.wire.http.message import Request
from filter_engine.wire.milter.codec import Splitter, negotiation, packet
from filter_engine.wire.milter.reply import ReplyOptions
from filter_engine.wire.milter.session import Limits, MessageReceived
from filter_engine.workers.milter_server import MilterServer
from filter_engine.workers.scan_service import ScanService
from filter_engine.workers.self_scan import Judged, SelfScan
from filter_engine.workers.service import Context
from filter_engine.workers.statistics import Counter, Row, Statistics


class BrokenScanner(Scanner):
    async def scan(self, *_: object, **__: object) -> Verdict:
        raise RuntimeError("a fault in the scanner")


def context() -> Context:
    statistics = Statistics()
    row = statistics.row(statistics.take())
    config = Config()
    return Context(config, BrokenScanner(config), statistics, row, "normal")


def test_a_broken_scanner_is_a_500_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    broken = context()
    service = ScanService(broken, SelfScan(broken).scan)
    request = Request("POST", "/checkv2", "", (), b"Subject: x\r\n\r\n", None)
    response = asyncio.run(service.handle(request))
    assert response.status == 500
    assert orjson.loads(response.body) == {"error": "scan failed", "error_domain": "scan-error"}
    assert broken.row.get(Counter.SCAN_ERRORS) == 1
    assert broken.row.get(Counter.SCANNED) == 0
    assert "a fault in the scanner" in caplog.text


def test_too_many_at_once_are_turned_away() -> None:
    async def main() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow(_raw: bytes, _envelope: Envelope) -> object:
            begun.set()
            await go_on.wait()
            raise AssertionError

        service = ScanService(context(), slow, max_tasks=1)  # type: ignore[arg-type]
        request = Request("POST", "/checkv2", "", (), b"x", None)
        first = asyncio.create_task(service.handle(request))
        await begun.wait()
        assert (await service.handle(request)).status == 503
        go_on.set()
        assert (await first).status == 500

    asyncio.run(main())


HELLO = negotiation(6, 0x1FF, 0x1FFFFF) + packet(ord("C"), b"c.example\0004\0\x19192.0.2.9\0")
ENVELOPE = packet(ord("M"), b"<a@b.example>\0") + packet(ord("R"), b"<c@d.example>\0")
END = packet(ord("E"))

Judge = Callable[[MessageReceived], Awaitable[Verdict | None]]


async def converse(judge: Judge, row: Row, budget: Budget, *sent: bytes) -> list[tuple[str, bytes]]:
    """Send to a milter server over a socket; all replies but the negotiation's."""
    server = MilterServer(judge, Limits(10_000), ReplyOptions(), budget, row)
    listener = await asyncio.get_running_loop().create_server(server.connection, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
    splitter = Splitter()
    replies: list[tuple[str, bytes]] = []
    for part in sent:
        writer.write(part)
        if part.endswith(END):
            while not replies or replies[-1][0] not in "adrty":
                data = await asyncio.wait_for(reader.read(65536), 60)
                assert data
                replies += [(chr(c), p) for c, p in splitter.feed(data) if chr(c) != "O"]
    writer.close()
    listener.close()
    server.drain(hurry=True)
    assert await server.wait_drained(10)
    return replies


def new_row() -> Row:
    statistics = Statistics()
    return statistics.row(statistics.take())


def test_a_judge_that_raises_is_a_temporary_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def judge(_message: MessageReceived) -> Verdict:
        raise ValueError("no verdict today")

    row = new_row()
    replies = asyncio.run(
        converse(judge, row, Budget(10**6), HELLO, ENVELOPE + packet(ord("N")) + END)
    )
    assert replies == [("t", b"")]
    assert row.get(Counter.TEMPFAILED) == 1
    assert "no verdict today" in caplog.text


def test_a_verdict_that_cannot_be_rendered_is_a_temporary_failure() -> None:
    async def judge(_message: MessageReceived) -> Verdict:
        edits = HeaderEdits(add=(AddHeader("X: injected\r\n", "v"),))
        return Verdict(Action.NO_ACTION, 0.0, 15.0, edits=edits)

    replies = asyncio.run(
        converse(judge, new_row(), Budget(10**6), HELLO, ENVELOPE + packet(ord("N")) + END)
    )
    assert replies == [("t", b"")]


def test_no_room_for_a_message_is_a_temporary_failure() -> None:
    judged = []

    async def judge(message: MessageReceived) -> Verdict:
        judged.append(message)
        return Verdict(Action.NO_ACTION, 0.0, 15.0)

    budget = Budget(1000)
    content = packet(ord("N")) + packet(ord("B"), b"x" * 2000)
    replies = asyncio.run(
        converse(judge, new_row(), budget, HELLO, ENVELOPE + content, packet(ord("B"), b"y"), END)
    )
    assert replies == [("t", b"")]
    assert judged == []
    assert budget.used == 0


def test_what_comes_out_of_compression_is_held() -> None:
    """Requests together must not unpack to more than there is room for."""

    async def main() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow(raw: bytes, _envelope: Envelope) -> Judged:
            begun.set()
            await go_on.wait()
            assert len(raw) == 600_000
            return Judged(Verdict(Action.NO_ACTION, 0.0, 15.0), "self")

        budget = Budget(1_000_000)
        service = ScanService(context(), slow, budget=budget)
        packed = compress(b"x" * 600_000)
        request = Request("POST", "/checkv2", "", ((b"compression", b"zstd"),), packed, None)
        first = asyncio.create_task(service.handle(request))
        await begun.wait()
        assert budget.used == 600_000
        assert (await service.handle(request)).status == 503
        assert budget.used == 600_000
        go_on.set()
        assert (await first).status == 200
        assert budget.used == 0
        broken = Request("POST", "/checkv2", "", ((b"compression", b"zstd"),), packed[:-9], None)
        assert (await service.handle(broken)).status == 400
        assert budget.used == 0

    asyncio.run(main())


def test_a_scanner_has_a_limit_of_messages_at_once_by_default() -> None:
    assert 0 < NormalConfig().max_tasks <= 256
