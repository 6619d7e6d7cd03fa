"""The tag that all lines of a message share."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextvars import Context
from typing import Any

from filter_engine.config.model import Config
from filter_engine.scan.declare import Registry, Symbol, check
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus
from filter_engine.scan.verdict import Finding
from filter_engine.scanner import Scanner
from filter_engine.workers import logs


def test_a_tag_comes_with_the_request_if_it_is_sound() -> None:
    def tag_of(value: bytes) -> str:
        headers = ((b"log-tag", value),)
        return Context().run(logs.begin_message, Envelope(request_headers=headers))

    assert tag_of(b"4f2a.mx1") == "4f2a.mx1"
    for bad in (b"", b"a b", b"x" * 65, b"a>\x1b", b"\xff"):
        assert re.fullmatch("[0-9a-f]{12}", tag_of(bad)), bad
    assert Context().run(logs.log_tag) == ""


class SharedTransport:
    """Answers from another context than the asker's, as a connection shared by messages does."""

    def __init__(self) -> None:
        self._other = Context()

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
        answer = DnsAnswer(question, DnsStatus.OK, ("192.0.2.1",))
        asyncio.get_running_loop().call_soon(done, answer, context=self._other)


def test_a_check_that_was_answered_logs_with_the_tag_of_its_message() -> None:
    registry, tags = Registry(), {}

    @check("asks", symbols=[Symbol("A", 1.0, "")], registry=registry)
    async def asks(task: Any, ask: Any) -> list[Finding]:
        before = logs.log_tag()
        await ask.dns(f"{task.message.raw.decode()}.example", "A")
        await ask.dns(f"{task.message.raw.decode()}.example.net", "A")
        tags[before] = logs.log_tag()
        return []

    async def main() -> set[str]:
        scanner = Scanner(Config(), registry, transport=SharedTransport())

        async def one(name: bytes) -> str:
            tag = logs.begin_message(Envelope())
            await scanner.scan(name, Envelope())
            assert logs.log_tag() == tag
            return tag

        return set(await asyncio.gather(*map(one, (b"a", b"b", b"c"))))

    expected = asyncio.run(main())
    assert len(expected) == 3
    assert tags == {tag: tag for tag in expected}
