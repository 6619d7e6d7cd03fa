"""How this host stands among its neighbours: ``state``, for the WebUI's fleet page."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from typing import Final

import orjson
from aiohttp import web

from filter_engine import __version__
from filter_engine.config.redis import RedisConfig
from filter_engine.scan.store import Store, StoreAnswer
from filter_engine.workers.access import Right
from filter_engine.workers.controller.desk import Desk, Route
from filter_engine.workers.controller.replies import json_reply
from filter_engine.workers.error_notes import noted
from filter_engine.workers.statistics import Counter

_MOST: Final = 16
"""Stores that are asked."""


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
        return json_reply(
            {
                "host": context.scanner.server,
                "version": __version__,
                "config_id": context.config_id,
                "shared_fingerprint": self._fingerprint,
                "ready": any(row.get(Counter.SCANS) for row in context.statistics.alive()),
                "errors": len(noted(context.statistics.errors)),
                "stores": await self._stores(),
            }
        )

    async def _stores(self) -> list[dict[str, object]]:
        """Role and lag of each Redis that is read here (INFO replication)."""
        client = self._desk.stores
        found = list(_redis_of(self._desk))[:_MOST]
        if client is None or not found:
            return []
        questions = [store.replication() for store in found]
        answers = await asyncio.gather(*(client.answer(question) for question in questions))
        return [_row(store, answer) for store, answer in zip(found, answers, strict=True)]


def _redis_of(desk: Desk) -> Iterator[Store]:
    """One store for each place that is asked by this host: the shared one, then the classifiers'.

    The same servers may stand in several sections: they are asked once.
    """
    config, seen = desk.context.config, set[str]()
    places: list[tuple[str, object]] = [("redis", config.redis)]
    places += [(one.options.name or "bayes", one.store.where) for one in desk.classifiers]
    for name, where in places:
        if isinstance(where, RedisConfig):
            servers = str(where.read_servers or where.servers or where.sentinels or "")
            if servers and servers not in seen:
                seen.add(servers)
                yield Store(name, where)


def _row(store: Store, answer: StoreAnswer) -> dict[str, object]:
    row: dict[str, object] = {"place": store.name, "server": answer.server}
    if not answer.ok or not isinstance(answer.value, bytes):
        return row | {"fault": answer.evidence}
    lines = answer.value.decode("utf-8", "replace").splitlines()
    said = dict(line.split(":", 1) for line in lines if ":" in line)
    if said.get("role") == "slave":
        return row | {
            "role": "replica",
            "link_up": said.get("master_link_status") == "up",
            "lag_seconds": _number(said.get("master_last_io_seconds_ago")),
        }
    return row | {"role": "primary", "replicas": _number(said.get("connected_slaves"))}


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.lstrip("-").isdecimal() else None


def _fingerprint(desk: Desk) -> str:
    """Digest of what should be alike on all hosts: scores and thresholds."""
    plan = desk.context.scanner.plan
    said = {
        "scores": {name: score.value for name, score in plan.scores.items()},
        "thresholds": {action.value: limit for action, limit in plan.thresholds.items()},
    }
    octets = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(octets).hexdigest()[:16]
