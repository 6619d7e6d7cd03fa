"""Who says what: ``configuration``, ``symbols/sources``, ``actions/sources``.

This engine's own endpoints, for its WebUI. Secrets are hidden as ``configdump`` hides them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

import orjson
from aiohttp import web

from filter_engine import lint
from filter_engine.config.dump import origin_as_dict
from filter_engine.config.effective import Branch, Leaf, effective
from filter_engine.explain.origins import Origins
from filter_engine.scan.verdict import Action
from filter_engine.ucl.nodes import to_python
from filter_engine.workers.access import Right
from filter_engine.workers.controller.desk import Desk, Route
from filter_engine.workers.controller.known_symbols import KnownSymbols
from filter_engine.workers.controller.replies import plain

_LONGEST: Final = 500
"""Characters of a value that are shown."""


class Sources:
    """Reads the configuration of this process; worked out at the first request, then kept."""

    def __init__(self, desk: Desk, known: KnownSymbols) -> None:
        self._desk = desk
        self._known = known
        self._replies: dict[str, bytes] = {}

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        return (
            Route("/configuration", self._configuration, Right.CHANGE),
            Route("/symbols/sources", self._symbols, Right.READ),
            Route("/actions/sources", self._actions, Right.READ),
        )

    async def _configuration(self, _request: web.Request) -> web.StreamResponse:
        """Every option with its value and origin, and what ``configtest`` says of the files.

        Rules that look at the host (keys, other programs) are left to ``configtest``.
        """
        return await self._reply("configuration", self._all)

    async def _symbols(self, _request: web.Request) -> web.StreamResponse:
        return await self._reply("symbols", self._of_symbols)

    async def _actions(self, _request: web.Request) -> web.StreamResponse:
        return await self._reply("actions", self._of_actions)

    async def _reply(self, name: str, make: Callable[[], object]) -> web.StreamResponse:
        if name not in self._replies:
            self._replies[name] = await asyncio.to_thread(lambda: orjson.dumps(make()))
        return plain(self._replies[name], "application/json")

    def _all(self) -> object:
        config = self._desk.context.scanner.config
        return {
            "values": list(_rows(effective(config), ())),
            "findings": [
                found.as_dict() for found in sorted({*config.findings, *lint.run(config)})
            ],
        }

    def _origins(self) -> tuple[Origins, tuple[str, ...]]:
        scanner = self._desk.context.scanner
        return Origins(scanner.config, self._known.defaults()), tuple(scanner.plan.scores)

    def _of_symbols(self) -> object:
        origins, names = self._origins()
        return {name: origins.of_symbol(name).as_dict() for name in names}

    def _of_actions(self) -> object:
        origins, _ = self._origins()
        limits = self._desk.context.scanner.config.actions.thresholds()
        return {
            action.value: origins.of_threshold(action).as_dict()
            for action in Action
            if action.value in dict(limits)
        }


def _rows(branch: Branch, above: tuple[str, ...]) -> Iterator[dict[str, object]]:
    """An option a row, under the names a site would write."""
    for key, found in branch.entries.items():
        for entry in found:
            if isinstance(entry, Branch):
                yield from _rows(entry, (*above, key))
            elif not entry.absent:
                yield {
                    "option": ".".join((*above, key)),
                    "value": _shown(entry),
                    **origin_as_dict(entry.origin),
                }


def _shown(leaf: Leaf) -> str:
    value = to_python(leaf.shown(show_secrets=False))
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
