"""What checks and composites say of their symbols, worked out once for all endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

from filter_engine.config.effective import SymbolDefault
from filter_engine.scan.symbol_defaults import symbol_defaults
from filter_engine.workers.controller.desk import Desk


class KnownSymbols:
    """Of this process's configuration; asked by threads, too."""

    def __init__(self, desk: Desk) -> None:
        self._scanner = desk.context.scanner
        self._lock = Lock()
        self._known: Mapping[str, SymbolDefault] | None = None

    def defaults(self) -> Mapping[str, SymbolDefault]:
        """Symbol -> what is declared of it."""
        with self._lock:
            if self._known is None:
                self._known = symbol_defaults(self._scanner.config, self._scanner.registry)
            return self._known
