"""``workers``: the processes of the service and what each of them takes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator

from aiohttp import web

from filter_engine.workers.access import Right
from filter_engine.workers.cards import cards
from filter_engine.workers.controller.desk import Desk, Route
from filter_engine.workers.controller.replies import json_reply
from filter_engine.workers.statistics import Counter
from filter_engine.workers.usage import usage_of

SUPERVISOR = "supervisor"


class WorkerRows:
    """Reads the cards, the counters and ``/proc``."""

    def __init__(self, desk: Desk) -> None:
        self._context = desk.context

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        return (Route("/workers", self._workers, Right.READ),)

    async def _workers(self, _request: web.Request) -> web.StreamResponse:
        """The supervisor, then its workers by name; numbers that the host hides are null.

        ``state`` is ``serving``, or ``ending`` for one of an older configuration that finishes what
        is under way. ``silent`` is seconds since the last sign of life, one each five seconds.
        """
        rows = await asyncio.to_thread(lambda: list(self._rows()))
        return json_reply(rows)

    def _rows(self) -> Iterator[dict[str, object]]:
        statistics, now = self._context.statistics, time.monotonic()
        supervisor = os.getppid()  # this process is its child
        yield {
            "kind": SUPERVISOR,
            "name": SUPERVISOR,
            "pid": supervisor,
            "state": "serving",
            "sockets": [],
            "scans": None,
            "silent": None,
            "config_id": self._context.config_id,
            **usage_of(supervisor).as_dict(),
        }
        for number, card in sorted(cards(statistics), key=lambda found: found[1].name):
            row = statistics.row(number)
            yield {
                "kind": card.kind,
                "name": card.name,
                "pid": card.pid,
                "state": "serving" if row.get(Counter.ALIVE) else "ending",
                "sockets": list(card.sockets),
                "scans": row.get(Counter.SCANNED) - card.before,
                "silent": max(int(now) - row.get(Counter.HEARTBEAT), 0),
                "config_id": card.config_id,
                **usage_of(card.pid).as_dict(),
            }
