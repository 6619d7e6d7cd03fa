"""A resolver for those that ask outside a worker: commands and watches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from filter_engine.config.model import DnsConfig
from filter_engine.dns.addresses import Asked
from filter_engine.dns.fake_records import FakeRecords
from filter_engine.dns.system import client_for


@contextmanager
def open_resolver(config: DnsConfig) -> Iterator[Asked]:
    """What ``options.dns`` asks, ``fake_records`` included; within a running event loop."""
    client = client_for(config)
    client.open(asyncio.get_running_loop())
    try:
        yield FakeRecords(config.fake_records, client) if config.fake_records else client
    finally:
        client.close()
