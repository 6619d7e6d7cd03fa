"""A scanner with a site's files that really connects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filter_engine import checks
from filter_engine.config import load
from filter_engine.dns.table import TableResolver
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Verdict
from filter_engine.scanner import Scanner, sections
from filter_engine.store.client import StoreClient
from filter_engine.streams.client import StreamClient
from filter_engine.streams.outbox import Outbox
from filter_engine.streams.world import World

MAIL = b"From: a@example.com\r\nTo: b@example.net\r\nSubject: x\r\n\r\nSome words to read.\r\n"


@pytest.fixture
def scan(tmp_path: Path) -> Callable[..., Any]:
    """``await scan(mail, dns=..., antivirus__conf="...", ip=...)`` gives the verdict."""

    async def run(
        mail: bytes = MAIL,
        *,
        dns: Any = None,
        files: dict[str, str],
        flags: frozenset[str] = frozenset(),
        **envelope: Any,
    ) -> Verdict:
        checks.load()
        (tmp_path / "local.d").mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / "local.d" / name).write_text(text)
        variables = {"LOCAL_CONFDIR": str(tmp_path)}
        config = load(None, variables, {}, modules=sections(REGISTRY))
        table = TableResolver(dns or {})
        streams = StreamClient(table)
        streams.open(asyncio.get_running_loop())
        stores = StoreClient(table) if "redis.conf" in files else None
        if stores is not None:
            stores.open(asyncio.get_running_loop())
        world = World(table, streams, stores)
        scanner = Scanner(config, REGISTRY, transport=world, server="mx1")
        known = {"ip": "198.51.100.7", "helo": "mx.example.com", "mail_from": "a@example.com"}
        try:
            if stores is None:
                return await scanner.scan(mail, Envelope(flags=flags, **{**known, **envelope}))
            outbox = scanner._outbox = Outbox(streams, stores)
            verdict = await scanner.scan(mail, Envelope(flags=flags, **{**known, **envelope}))
            async with asyncio.timeout(60):
                while outbox._open:  # noqa: ASYNC110  # nobody is told of an end
                    await asyncio.sleep(0.005)
            return verdict
        finally:
            streams.close()
            if stores is not None:
                stores.close()

    return run
