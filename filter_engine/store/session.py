"""Stores for those that ask outside a worker: commands and watches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from filter_engine.config.model import Config
from filter_engine.dns.addresses import Asked
from filter_engine.dns.session import open_resolver
from filter_engine.store.client import StoreClient
from filter_engine.upstream.upstream_set import Health


@contextmanager
def open_stores(config: Config) -> Iterator[tuple[Asked, StoreClient]]:
    """A resolver and the stores it finds; within a running event loop."""
    with open_resolver(config.options) as resolver:
        stores = StoreClient(resolver, Health.of(config.options.upstream))
        stores.open(asyncio.get_running_loop())
        try:
            yield resolver, stores
        finally:
            stores.close()
