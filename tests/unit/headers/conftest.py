"""Headers made by a real scanner from a site's files."""

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

MAIL = b"""\
From: Bob <bob@example.com>
To: <alice@example.net>
Subject: Lunch
Date: Fri, 20 Nov 2026 12:00:00 +0000
Message-ID: <1@example.com>

Hello
"""
Site = Callable[..., Callable[..., Verdict]]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """``site(milter_headers="...")`` gives ``scan(raw, settings=..., envelope fields...)``."""

    def build(**files: str) -> Callable[..., Verdict]:
        checks.load()
        (tmp_path / "local.d").mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / "local.d" / f"{name}.conf").write_text(text)
        variables = {"LOCAL_CONFDIR": str(tmp_path), "DBDIR": str(tmp_path)}
        config = load(None, variables, {}, modules=sections(REGISTRY))
        scanner = Scanner(config, REGISTRY, transport=TableResolver({}), server="mx1")

        def scan(raw: bytes = MAIL, settings: str = "", **envelope: Any) -> Verdict:
            known: dict[str, Any] = {"ip": "203.0.113.9", "mail_from": "bob@example.com"}
            known |= {"rcpt_to": ("alice@example.net",), "mta_name": "mx1.example.net"}
            if settings:
                known["request_headers"] = ((b"settings", settings.encode()),)
            return asyncio.run(scanner.scan(raw, Envelope(**(known | envelope))))

        return scan

    return build
