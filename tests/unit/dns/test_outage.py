"""Resolvers that fail while mail comes in: the next in the order takes over (D16, E14)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import dns.message
import dns.rcode
import pytest

from filter_engine.config.upstreams import Rotation, Upstream, UpstreamList
from filter_engine.dns.client import DnsClient
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus

Make = Callable[..., Any]
Reply = Callable[..., bytes]
TIMEOUT = 2.0  # seconds; a busy machine answers 43 questions well within it
QUESTIONS = 43  # what a message asks on average


def stream(
    servers: list[Upstream],
    waves: int,
    between: Callable[[int], None],
    timeout: float = TIMEOUT,
) -> tuple[list[list[DnsAnswer]], list[float], DnsClient]:
    """Ask wave after wave of questions, as mail after mail does; answers and seconds of each."""

    async def run() -> tuple[list[list[DnsAnswer]], list[float], DnsClient]:
        client = DnsClient(UpstreamList(tuple(servers), Rotation.MASTER_SLAVE), timeout=timeout)
        client.open(asyncio.get_running_loop())
        answers: list[list[DnsAnswer]] = []
        seconds: list[float] = []
        try:
            for wave in range(waves):
                between(wave)
                got: list[DnsAnswer] = []
                done = asyncio.Event()

                def take(
                    answer: DnsAnswer,
                    got: list[DnsAnswer] = got,
                    done: asyncio.Event = done,
                ) -> None:
                    got.append(answer)
                    if len(got) == QUESTIONS:
                        done.set()

                started = time.monotonic()
                for number in range(QUESTIONS):
                    client.ask(DnsQuestion(f"n{wave}-{number}.example", "A"), take)
                async with asyncio.timeout(60):
                    await done.wait()
                seconds.append(time.monotonic() - started)
                answers.append(got)
        finally:
            client.close()
        return answers, seconds, client

    return asyncio.run(run())


class Switch:
    """A server's behaviour that a test changes while it runs."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.fault: int | None = None
        """None: it answers; -1: it is silent; else the rcode it answers with."""

    def __call__(self, query: dns.message.Message, _server: object) -> list[bytes]:
        if self.fault == -1:
            return []
        if self.fault is not None:
            return [self.reply(query, rcode=self.fault)]
        return [self.reply(query, f"{query.question[0].name} 60 A 192.0.2.1")]


def test_a_resolver_that_falls_silent_costs_one_timeout_once(
    name_server: Make, reply: Reply
) -> None:
    first = Switch(reply)
    servers = [name_server(first), name_server(Switch(reply))]

    def between(wave: int) -> None:
        first.fault = -1 if wave else None

    answers, seconds, client = stream([s.upstream for s in servers], 4, between)
    assert seconds[1] > 0.9 * TIMEOUT  # a clock may be coarse
    # It counts as dead now: the next mails do not wait for it.
    assert len(servers[0].queries) == 2 * QUESTIONS
    assert [{a.status for a in wave} for wave in answers] == [{DnsStatus.OK}] * 4
    assert len(servers[1].queries) == 3 * QUESTIONS
    assert client.statistics.failed == 0


def chain(servers: list[Upstream], number: int) -> list[float]:
    """Ask one question after the other, as an SPF record with includes does; seconds of each."""

    async def run() -> list[float]:
        client = DnsClient(UpstreamList(tuple(servers), Rotation.MASTER_SLAVE), timeout=TIMEOUT)
        client.open(asyncio.get_running_loop())
        seconds: list[float] = []
        try:
            for step in range(number):
                started = time.monotonic()
                answered: asyncio.Future[DnsAnswer] = asyncio.get_running_loop().create_future()
                client.ask(DnsQuestion(f"n{step}.example", "A"), answered.set_result)
                client.flush()
                assert (await answered).status is DnsStatus.OK
                seconds.append(time.monotonic() - started)
        finally:
            client.close()
        return seconds

    return asyncio.run(run())


def test_questions_that_follow_one_another_cost_one_timeout_together(
    name_server: Make, reply: Reply
) -> None:
    silent = name_server(lambda query, _: [])
    seconds = chain([silent.upstream, name_server(Switch(reply)).upstream], 3)
    assert seconds[0] > 0.9 * TIMEOUT  # a clock may be coarse
    # Three failures do not make it dead yet; it is asked no more before the other all the same.
    assert len(silent.queries) == 1


@pytest.mark.parametrize("rcode", [dns.rcode.REFUSED, dns.rcode.SERVFAIL])
def test_a_resolver_that_refuses_costs_no_timeout(
    name_server: Make, reply: Reply, rcode: int
) -> None:
    first = Switch(reply)
    servers = [name_server(first), name_server(Switch(reply))]

    def between(wave: int) -> None:
        first.fault = rcode if wave else None

    answers, _, client = stream([s.upstream for s in servers], 3, between)
    assert [{a.status for a in wave} for wave in answers] == [{DnsStatus.OK}] * 3
    assert client.statistics.timeouts == 0
    # It is alive, and may know the next answer: each question is asked of it first.
    assert len(servers[0].queries) == 3 * QUESTIONS


def test_what_was_in_flight_when_a_resolver_stopped_is_asked_of_the_next(
    name_server: Make, reply: Reply
) -> None:
    first = name_server(lambda query, server: [])
    second = name_server(Switch(reply))

    def between(wave: int) -> None:
        if wave:
            first.close()

    answers, _, client = stream([first.upstream, second.upstream], 2, between)
    assert {a.status for wave in answers for a in wave} == {DnsStatus.OK}
    assert client.statistics.failed == 0
    assert len(second.queries) == 2 * QUESTIONS


def test_with_every_resolver_silent_each_question_ends_as_temporary_failure(
    name_server: Make,
) -> None:
    silent = [name_server(lambda query, _: []).upstream for _ in range(2)]
    answers, seconds, _ = stream(silent, 2, lambda _: None, timeout=1.0)
    assert {a.status for wave in answers for a in wave} == {DnsStatus.TEMPFAIL}
    assert all("no reply" in a.detail for wave in answers for a in wave)
    # Both are known to be dead: the next mail does not wait for all four tries.
    assert seconds[1] < seconds[0]
