"""Documents of expected records, and servers on loopback that answer for them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from filter_engine.zone.answers import Asker, Server, read_server
from filter_engine.zone.check import Report, check
from filter_engine.zone.document import read_document
from update_server import UpdateServer

SOA = "@ 60 IN SOA ns hostmaster 1 3600 600 86400 2\n@ 60 IN NS ns\n"


def record(name: str, kind: str, value: str, **more: Any) -> dict[str, Any]:
    rivals = "v=spf1" if value.startswith("v=spf1") else ""
    facts = {"name": name, "type": kind, "value": value, "ttl": 60, "reason": "it is needed"}
    return {**facts, "domain": "example.net", "rivals": rivals, **more}


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write a document of these records."""

    def write(*records: dict[str, Any], **more: Any) -> Path:
        path = tmp_path / "records.json"
        path.write_text(json.dumps({"format": 1, "records": records, **more}))
        return path

    return write


@pytest.fixture
def serving() -> Iterator[Callable[..., UpdateServer]]:
    """Start a server for zones; a zone's text comes after SOA and NS."""
    with contextlib.ExitStack() as stack:

        def serve(authoritative: bool = False, **zones: str) -> UpdateServer:
            texts = {name.replace("_", ".") + ".": SOA + text for name, text in zones.items()}
            server = UpdateServer(texts, authoritative=authoritative)
            stack.callback(server.close)
            return server

        yield serve


@pytest.fixture
def compared(
    written: Callable[..., Path], serving: Callable[..., UpdateServer]
) -> Callable[..., Report]:
    """Compare records with one resolver that has these zones."""

    def run(*records: dict[str, Any], ttl: bool = True, **zones: str) -> Report:
        server = serving(**zones)
        resolvers: list[Server] = [read_server(f"127.0.0.1:{server.port}")]
        kinds = {resolvers[0].kind}
        document = read_document(written(*records))
        return check(document, resolvers, asker=Asker(30), kinds=kinds, ttl=ttl)

    return run
