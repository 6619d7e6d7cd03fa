"""How this host stands among its neighbours: ``state``, for the WebUI's fleet page."""

from __future__ import annotations

import hashlib

import orjson
from aiohttp import web

from filter_engine import __version__
from filter_engine.workers.access import Right
from filter_engine.workers.controller.desk import Desk, Route
from filter_engine.workers.controller.replication import replication
from filter_engine.workers.controller.replies import json_reply
from filter_engine.workers.error_notes import noted
from filter_engine.workers.published import published
from filter_engine.workers.statistics import Counter


class State:
    """What a person wants to compare between hosts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._fingerprint = _fingerprint(desk)

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        return (Route("/state", self._state, Right.READ),)

    async def _state(self, _request: web.Request) -> web.StreamResponse:
        context = self._desk.context
        statistics = context.statistics
        return json_reply(
            {
                "host": context.scanner.server,
                "version": __version__,
                "config_id": context.config_id,
                "shared_fingerprint": self._fingerprint,
                "ready": any(row.get(Counter.SCANS) for row in statistics.alive()),
                "errors": len(noted(statistics.errors)),
                "stores": await replication(self._desk),
                "upstreams": [one._asdict() for one in published(statistics).standings],
            }
        )


def _fingerprint(desk: Desk) -> str:
    """Digest of what should be alike on all hosts: scores and thresholds."""
    plan = desk.context.scanner.plan
    said = {
        "scores": {name: score.value for name, score in plan.scores.items()},
        "thresholds": {action.value: limit for action, limit in plan.thresholds.items()},
    }
    octets = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(octets).hexdigest()[:16]
