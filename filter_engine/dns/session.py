"""A resolver for those that ask outside a worker: commands and watches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from filter_engine.config.model import OptionsConfig
from filter_engine.dns.addresses import Asked
from filter_engine.dns.fake_records import FakeRecords
from filter_engine.dns.system import client_for


@contextmanager
def open_resolver(options: OptionsConfig) -> Iterator[Asked]:
    """What ``options.dns`` asks, ``fake_records`` included; within a running event loop."""
    client = client_for(options)
    client.open(asyncio.get_running_loop())
    try:
        fake = options.dns.fake_records
        yield FakeRecords(fake, client) if fake else client
    finally:
        client.close()
