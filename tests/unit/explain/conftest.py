"""Messages scanned and explained with a site's files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filter_engine.cli.loading import load_with_rules, registry_of, symbol_defaults
from filter_engine.dns.table import TableResolver
from filter_engine.explain.explanation import VerdictExplanation, explain
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.trace import Trace
from filter_engine.scanner import Scanner

#: A day after which the mails of the tests are neither old nor of the future.
NOW = 1_800_000_000.0


class Engine:
    """A scanner by one configuration, whose verdicts are explained."""

    def __init__(self, site: str) -> None:
        self._config = load_with_rules(None, {"LOCAL_CONFDIR": site})
        self._defaults = symbol_defaults(self._config)
        transport: Any = TableResolver({})
        registry = registry_of(self._config)
        self._scanner = Scanner(
            self._config, registry, transport=transport, clock=lambda: NOW, server="mx1"
        )

    def explained(self, raw: bytes, envelope: Envelope | None = None) -> VerdictExplanation:
        traces: list[Trace] = []
        scan = self._scanner.scan(raw, envelope or Envelope(), trace=traces.append)
        return explain(asyncio.run(scan), traces[0], self._config, self._defaults)


@pytest.fixture(scope="session")
def scanned() -> Callable[[bytes], VerdictExplanation]:
    """Scan a message with the shipped configuration, and explain it."""
    return Engine("/nonexistent").explained


@pytest.fixture
def explained(tmp_path: Path) -> Callable[..., VerdictExplanation]:
    """Scan a message by the text of local.d files, and explain it."""

    def run(raw: bytes, envelope: Envelope | None = None, **files: str) -> VerdictExplanation:
        (tmp_path / "local.d").mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / "local.d" / name.replace("__", ".")).write_text(text)
        return Engine(str(tmp_path)).explained(raw, envelope)

    return run
