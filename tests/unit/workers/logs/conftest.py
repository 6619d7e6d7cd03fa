"""Logging that is taken down after each test, and messages to log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from filter_engine.config.model import Config, LoggingConfig
from filter_engine.scan.declare import Registry, Symbol, check
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus
from filter_engine.scan.verdict import Finding
from filter_engine.scanner import Scanner
from filter_engine.workers import logs
from filter_engine.workers.logs.tag import Debugging
from filter_engine.workers.logs.template import Scanned

MAIL = (
    b"From: A <a@b.example>\r\nTo: c@d.example, e@d.example\r\nMessage-ID: <x@y>\r\n"
    b"Subject: hi\r\n\r\nhello\r\n"
)


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Leave the root logger as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        if handler not in handlers:
            handler.close()
    for handler in handlers:
        root.addHandler(handler)
    for name in [*logging.root.manager.loggerDict]:
        if name.startswith("filter_engine"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    Debugging.clients = None
    logs.configure(LoggingConfig())
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
    logs.serve_as("main")
    root.setLevel(level)
    for name in ("aiohttp.access", "asyncio"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def logged(tmp_path: Path) -> Callable[..., Callable[[], list[str]]]:
    """``logged(option=...)`` logs to a file from now on; what it returns reads the lines."""

    def begin(**options: Any) -> Callable[[], list[str]]:
        path = tmp_path / "log"
        logs.configure(LoggingConfig(type="file", filename=str(path), **options))
        return lambda: path.read_text().splitlines()

    return begin


def scan(mail: bytes = MAIL, envelope: Envelope | None = None, *names: str) -> Scanned:
    """A real scan whose checks ask DNS in vain and find the symbols named."""
    registry = Registry()

    @check("asks", symbols=[Symbol(name, 1.0, "", ("grp",)) for name in names], registry=registry)
    async def asks(task: Any, ask: Any) -> list[Finding]:
        await ask.all(ask.dns("one.example", "A"), ask.dns("two.example", "TXT"))
        return [Finding(name, tuple("abcdefghij"[:10])) for name in names]

    class Failing:
        def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
            done(DnsAnswer(question, DnsStatus.TEMPFAIL, detail="no reply"))

    envelope = envelope or Envelope()
    scanner = Scanner(Config(), registry, transport=Failing())
    verdict = asyncio.run(scanner.scan(mail, envelope))
    return Scanned(verdict, envelope, len(mail), "self")


@pytest.fixture
def scanned() -> Callable[..., Scanned]:
    """``scanned(mail, envelope, *symbols)`` scans a mail."""
    return scan
