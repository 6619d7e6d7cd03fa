"""Symbols with their scores and how often they were set: ``symbols``, ``counters``."""

from __future__ import annotations

from aiohttp import web

from filter_engine.workers.access import Right
from filter_engine.workers.controller.desk import Desk, Route
from filter_engine.workers.controller.replies import json_reply

_NO_GROUP = "ungrouped"


class SymbolRows:
    """All symbols of the configuration."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        return (
            Route("/symbols", self._symbols, Right.READ),
            Route("/counters", self._counters, Right.READ),
        )

    def _hits(self) -> dict[str, int]:
        hits = self._desk.context.hits
        return {} if hits is None else hits.totals()

    async def _symbols(self, _request: web.Request) -> web.StreamResponse:
        """Symbols by group; one of several groups stands in each, as in Rspamd."""
        hits, uptime = self._hits(), max(self._desk.uptime(), 1)
        groups: dict[str, list[dict[str, object]]] = {}
        for name, score in self._desk.context.scanner.plan.scores.items():
            row: dict[str, object] = {
                "symbol": name,
                "weight": score.value,
                "description": score.description,
                "frequency": hits.get(name, 0) / uptime,
                "frequency_stddev": 0.0,
                "time": 0.0,
            }
            if not score.description:
                del row["description"]
            for group in score.groups or (_NO_GROUP,):
                groups.setdefault(group, []).append(row)
        return json_reply([{"group": group, "rules": rows} for group, rows in groups.items()])

    async def _counters(self, _request: web.Request) -> web.StreamResponse:
        """Every symbol once; ``frequency`` is hits a second since the start."""
        hits, uptime = self._hits(), max(self._desk.uptime(), 1)
        return json_reply(
            [
                {
                    "symbol": name,
                    "weight": score.value,
                    "frequency": hits.get(name, 0) / uptime,
                    "hits": hits.get(name, 0),
                    "time": 0.0,
                }
                for name, score in self._desk.context.scanner.plan.scores.items()
            ]
        )
