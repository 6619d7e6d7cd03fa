"""Why a score: ``explain`` for a message, ``explain/header`` for a verdict of the history.

This engine's own endpoints, for its WebUI.
"""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any, Final

import orjson
from aiohttp import web

from filter_engine.explain.explanation import VerdictExplanation, explain
from filter_engine.explain.header import explain_shown
from filter_engine.headers.spamd_result import ShownSymbol, SpamdResult
from filter_engine.scan.trace import Trace
from filter_engine.wire.request import parse_envelope
from filter_engine.wire.text import data_as_unicode
from filter_engine.workers.access import Right
from filter_engine.workers.controller.body import (
    BodyError,
    Gate,
    headers_of,
    message_of,
    small_body,
)
from filter_engine.workers.controller.desk import Desk, Route
from filter_engine.workers.controller.known_symbols import KnownSymbols
from filter_engine.workers.controller.replies import json_reply, plain

MOST_SYMBOLS: Final = 1000
MOST_OPTIONS: Final = 100
_NO_TRACE: Final = frozenset({"no_log", "no_stat"})
"""Flags of a scan that neither the history nor the classifier keeps."""
_WIDTH: Final = 100
"""Columns of a report as text."""
_LONGEST: Final = 1000
"""Characters of a name or an option."""


class Explanations:
    """Explains by the configuration of this process."""

    def __init__(self, desk: Desk, known: KnownSymbols) -> None:
        self._desk = desk
        self._gate = Gate()
        self._defaults = known.defaults

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        return (
            Route("/explain", self._message, Right.READ),
            Route("/explain/header", self._shown, Right.READ),
        )

    async def _message(self, request: web.Request) -> web.StreamResponse:
        """Scan the message in the body as ``/checkv2`` does.

        The history does not show it, nothing is learnt of it, and no store is changed. The reply is
        JSON, or with ``?form=text`` what ``filter-engine explain`` prints.
        """
        scanner, limit = self._desk.context.scanner, self._desk.context.config.options.max_message
        traces: list[Trace] = []
        async with self._gate.enter(message_of(request, limit)) as raw:
            envelope = parse_envelope(headers_of(request), None)
            envelope = replace(envelope, flags=envelope.flags | _NO_TRACE)
            verdict = await scanner.scan(raw, envelope, trace=traces.append, trial=True)
        found = explain(verdict, traces[0], scanner.config, self._defaults())
        if request.query.get("form") == "text":
            return plain(_report(found), "text/plain")
        return json_reply(data_as_unicode(found.as_dict()))

    async def _shown(self, request: web.Request) -> web.StreamResponse:
        """``{"score", "required", "action", "symbols": [{"name", "score", "options"}]}``."""
        scanner = self._desk.context.scanner
        try:
            said = orjson.loads(await small_body(request))
            shown = _verdict_of(said)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BodyError(400, "expected score, required, action and symbols") from None
        found = explain_shown(shown, scanner.plan, scanner.config, self._defaults())
        return json_reply(data_as_unicode(found.as_dict()))


def _report(found: VerdictExplanation) -> bytes:
    from rich.console import Console

    from filter_engine.explain.report import print_verdict

    text = io.StringIO()
    console = Console(file=text, width=_WIDTH, highlight=False, color_system=None)
    print_verdict(console, "", found)
    return text.getvalue().encode("utf-8", "replace")


def _verdict_of(said: dict[str, Any]) -> SpamdResult:
    symbols = said["symbols"]
    if len(symbols) > MOST_SYMBOLS:
        raise ValueError("too many symbols")
    return SpamdResult(
        said["action"] == "reject",
        _number(said["score"]),
        _number(said["required"]),
        tuple(
            ShownSymbol(
                str(each["name"])[:_LONGEST],
                _number(each["score"]),
                tuple(str(option)[:_LONGEST] for option in each["options"][:MOST_OPTIONS]),
            )
            for each in symbols
        ),
    )


def _number(said: object) -> float:
    """A score; ``null`` where no action was on."""
    if said is None:
        return math.nan
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise TypeError("no number")
    return float(said)
