"""Tokens of statistics that end: one step of each classifier every ``interval`` seconds."""

from __future__ import annotations

import asyncio
import logging

from filter_engine.statistics.expiry import MODULE, Expiry, ExpiryOptions
from filter_engine.store.client import StoreClient
from filter_engine.workers.controller.desk import Desk

log = logging.getLogger(__name__)


class TokenExpiry:
    """The walks of this process, if any: the first controller of a host makes them."""

    def __init__(self, desk: Desk, *, first: bool) -> None:
        self._desk = desk
        self._tasks: list[asyncio.Task[None]] = []
        config, plan = desk.context.config, desk.context.scanner.plan
        section = plan.sections.get(ExpiryOptions)
        options = section if isinstance(section, ExpiryOptions) else ExpiryOptions()
        walks = (
            [Expiry.of(one, options) for one in desk.classifiers]
            if first and config.is_enabled(MODULE)
            else []
        )
        self._walks = [walk for walk in walks if walk is not None]

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Walk from now on."""
        stores = self._desk.stores
        if stores is not None:
            self._tasks = [loop.create_task(_walk(walk, stores)) for walk in self._walks]

    def stop(self) -> None:
        """Walk no more."""
        for task in self._tasks:
            task.cancel()
        self._tasks = []


async def _walk(walk: Expiry, stores: StoreClient) -> None:
    fault = ""
    while True:
        await asyncio.sleep(walk.interval)
        try:
            done = walk.take(await stores.answer(walk.step()))
        except ValueError as error:
            if str(error) != fault:
                log.warning("expiry of %s: %s; tried again", walk.name, error)
            fault = str(error)
            continue
        fault = ""
        if done is not None and done.seen:
            log.info("expiry of %s: a round of %s", walk.name, done)
