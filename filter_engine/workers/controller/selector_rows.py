"""The WebUI's page of selectors, below ``plugins/selectors/``; and the list of all such pages."""

from __future__ import annotations

from aiohttp import web

from filter_engine.selectors import SelectorError, compile_selector
from filter_engine.selectors.extractors import EXTRACTORS
from filter_engine.selectors.transforms import TRANSFORMS
from filter_engine.wire.request import parse_envelope
from filter_engine.workers.access import Right
from filter_engine.workers.controller.body import Gate, headers_of, message_of
from filter_engine.workers.controller.desk import Desk, Route
from filter_engine.workers.controller.replies import error, json_reply

_MAX_SELECTOR = 4096


class SelectorRows:
    """Lists, checks and tries selectors."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._gate = Gate()

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        below = "/plugins/selectors"
        return (
            Route("/plugins", self._plugins, Right.READ),
            Route(f"{below}/list_extractors", self._extractors, Right.CHANGE),
            Route(f"{below}/list_transforms", self._transforms, Right.CHANGE),
            Route(f"{below}/check_selector", self._check, Right.CHANGE),
            Route(f"{below}/check_message", self._try, Right.CHANGE),
        )

    async def _plugins(self, _request: web.Request) -> web.StreamResponse:
        found: dict[str, dict[str, object]] = {
            "selectors": {
                "version": 0,
                "paths": [route.path for route in self.routes()[1:]],
            },
            "maps": {"version": 0, "paths": ["/plugins/maps/list"]},
        }
        return json_reply(found)

    async def _extractors(self, _request: web.Request) -> web.StreamResponse:
        return json_reply({name: {"description": one.doc} for name, one in EXTRACTORS.items()})

    async def _transforms(self, _request: web.Request) -> web.StreamResponse:
        return json_reply({name: {"description": one.doc} for name, one in TRANSFORMS.items()})

    async def _check(self, request: web.Request) -> web.StreamResponse:
        text = request.query.get("selector", "")[:_MAX_SELECTOR]
        try:
            compile_selector(text)
        except SelectorError as fault:
            return json_reply({"success": False, "error": str(fault)})
        return json_reply({"success": True})

    async def _try(self, request: web.Request) -> web.StreamResponse:
        """What a selector gives for the message in the body; symbols are not known to it."""
        text = request.query.get("selector", "")[:_MAX_SELECTOR]
        try:
            selector = compile_selector(text)
        except SelectorError as fault:
            return error(500, f"Cannot parse selector: {fault}")
        scanner = self._desk.context.scanner
        limit = self._desk.context.config.options.max_message
        async with self._gate.enter(message_of(request, limit)) as raw:
            task = scanner.task(raw, parse_envelope(headers_of(request), None))
            values = selector.values(task)
        return json_reply({"success": True, "data": list(values)})
