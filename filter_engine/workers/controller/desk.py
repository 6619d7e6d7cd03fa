"""What the controller's endpoints share: the worker's surroundings and the stores it asks."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import web

from filter_engine.checks.remembered.history import History, HistoryOptions
from filter_engine.config.workers import ControllerConfig
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.setup import Setup
from filter_engine.statistics.classifier import Classifier
from filter_engine.store.client import StoreClient
from filter_engine.workers.access import Right
from filter_engine.workers.service import Context

RIGHT = "right"
"""Where a request keeps the right it was granted."""
WHO = "who"
"""Where a request keeps who asks, for people."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Route(NamedTuple):
    """One endpoint."""

    path: str
    handler: Handler
    right: Right
    """What a request needs."""
    alters: bool = False
    """Whether it changes something: a browser must POST it, or say the password."""


@frozen
class Desk:
    """Made once in the controller's process."""

    config: ControllerConfig
    context: Context

    @property
    def stores(self) -> StoreClient | None:
        """The stores of this process."""
        return self.context.scanner.stores

    @property
    def classifiers(self) -> tuple[Classifier, ...]:
        """Those of the configuration that are on."""
        found: tuple[Classifier, ...] = self.context.scanner.states.get("bayes_learns") or ()  # type: ignore[assignment]
        return found

    def history(self) -> History | None:
        """The rows of this host; None where none are kept."""
        scanner, config = self.context.scanner, self.context.config
        if "history_redis" not in scanner.states:
            return None
        section = scanner.plan.sections.get(HistoryOptions)
        options = section if isinstance(section, HistoryOptions) else HistoryOptions()
        return History.of(Setup(config, scanner.maps), options, scanner.server)

    def uptime(self) -> int:
        """Seconds since the service began."""
        return int(time.time() - self.context.statistics.started)


def may_change(request: web.Request) -> bool:
    """Whether the request has the right to change things."""
    right: Right = request[RIGHT]
    return right >= Right.CHANGE
