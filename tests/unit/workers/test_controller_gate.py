"""Who sends a body slowly to the controller keeps nobody else out."""

from __future__ import annotations

import asyncio

import pytest

from filter_engine.workers.controller import body
from filter_engine.workers.controller.body import WAITING, BodyError, Gate


async def _enter(gate: Gate, reading: asyncio.Future[bytes]) -> bytes:
    async def read() -> bytes:
        return await reading

    async with gate.enter(read()) as content:
        return content


@pytest.mark.parametrize(("grace", "status"), [(-1.0, 200), (60.0, 503)])
def test_the_slowest_body_makes_place(
    monkeypatch: pytest.MonkeyPatch, grace: float, status: int
) -> None:
    monkeypatch.setattr(body, "GRACE", grace)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        gate = Gate()
        never: list[asyncio.Future[bytes]] = [loop.create_future() for _ in range(WAITING)]
        slow = [asyncio.ensure_future(_enter(gate, one)) for one in never]
        await asyncio.sleep(0)
        quick = loop.create_future()
        quick.set_result(b"mail")
        if status == 503:
            with pytest.raises(BodyError) as refused:
                await _enter(gate, quick)
            assert refused.value.status == 503
            assert not any(one.done() for one in slow)
        else:
            assert await _enter(gate, quick) == b"mail"
            with pytest.raises(BodyError) as ended:
                await slow[0]
            assert ended.value.status == 408
            assert not any(one.done() for one in slow[1:]), "one place was needed"
        for one in never[1:]:
            one.set_result(b"late")
        assert await asyncio.gather(*slow[1:]) == [b"late"] * (WAITING - 1)
        slow[0].cancel()

    asyncio.run(run())


def test_bodies_that_are_there_are_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "GRACE", -1.0)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        gate = Gate()
        go = asyncio.Event()

        async def work() -> bytes:
            reading = loop.create_future()
            reading.set_result(b"x")

            async def read() -> bytes:
                return await reading

            async with gate.enter(read()) as content:
                await go.wait()
                return content

        working = [asyncio.ensure_future(work()) for _ in range(body.AT_ONCE + WAITING)]
        while gate._read < WAITING:  # noqa: ASYNC110  # all but four wait for a place
            await asyncio.sleep(0)
        with pytest.raises(BodyError) as refused:
            await work()
        assert refused.value.status == 503
        go.set()
        assert len(await asyncio.gather(*working)) == body.AT_ONCE + WAITING

    asyncio.run(run())
