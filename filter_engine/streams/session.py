"""Connections for those that make them outside a worker: commands and watches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from filter_engine.config.model import Config
from filter_engine.dns.addresses import Asked
from filter_engine.streams.client import StreamClient
from filter_engine.upstream.upstream_set import Health


@contextmanager
def open_streams(config: Config, resolver: Asked) -> Iterator[StreamClient]:
    """A client that finds hosts by ``resolver``; within a running event loop."""
    streams = StreamClient(resolver, Health.of(config.options.upstream))
    streams.open(asyncio.get_running_loop())
    try:
        yield streams
    finally:
        streams.close()
