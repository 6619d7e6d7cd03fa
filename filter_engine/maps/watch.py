"""Keeping maps fresh in a worker: files are looked at, URLs are asked, in threads."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, TypeAlias

from filter_engine.maps.file_source import FileSource
from filter_engine.maps.http_source import HttpSource

if TYPE_CHECKING:
    import asyncio

log = logging.getLogger(__name__)

Resolve: TypeAlias = "Callable[[str, Callable[[Sequence[str]], None]], None]"
"""Asks for the addresses of a name and hands them over, an empty list when there are none."""
Take: TypeAlias = "Callable[[], None] | None"

_SHORTEST: Final = 0.01
"""Seconds between two looks, at least."""
_MOST_THREADS: Final = 4
"""URLs that are asked at the same time. Files have a thread of their own: a slow server must not
keep them from being read."""
_LONGEST: Final = 5.0
"""Seconds between two looks at what URLs are due."""


class Watch:
    """Runs from ``start`` to ``close``; what was read is taken in the event loop.

    ``interval`` is the seconds between two looks at the files.
    """

    def __init__(
        self,
        files: Sequence[FileSource],
        urls: Sequence[HttpSource],
        interval: float,
        resolve: Resolve,
    ) -> None:
        self._files = files
        self._urls = urls
        self._interval = max(interval, _SHORTEST)
        self._resolve = resolve
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._open: set[HttpSource] = set()
        self._threads = threading.BoundedSemaphore(_MOST_THREADS)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; URLs are asked at once where their copy is not fresh."""
        self._loop = loop
        if self._files:
            self._later("files", self._interval, self._look)
        if self._urls:
            self._later("urls", 0.0, self._ask)

    def close(self) -> None:
        """End; a fetch that is under way ends by itself and changes nothing."""
        self._loop = None
        for timer in self._timers.values():
            timer.cancel()

    def _later(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        if self._loop is not None:
            self._timers[name] = self._loop.call_later(seconds, call)

    def _run(
        self,
        work: Callable[[], Sequence[Take]],
        then: Callable[[], None],
        turn: AbstractContextManager[object],
    ) -> None:
        """Do ``work`` in a thread in its ``turn``, take the results in the loop, call ``then``.

        A thread that waits for a slow server does not keep the process from ending.
        """

        def finish(takes: Sequence[Take]) -> None:
            if self._loop is None:
                return
            for take in takes:
                if take is not None:
                    take()
            then()

        def run() -> None:
            takes: Sequence[Take] = ()
            try:
                with turn:
                    takes = work()
            except Exception:
                log.exception("a map could not be read")
            loop = self._loop
            if loop is not None:
                with suppress(RuntimeError):  # the loop has been closed
                    loop.call_soon_threadsafe(finish, takes)

        threading.Thread(target=run, name="maps", daemon=True).start()

    def _look(self) -> None:
        self._run(
            lambda: [source.changed() for source in self._files],
            lambda: self._later("files", self._interval, self._look),
            nullcontext(),
        )

    def _ask(self) -> None:
        now = time.monotonic()
        for source in self._urls:
            if source.due <= now and source not in self._open:
                self._open.add(source)
                self._addresses(source)
        waits = [source.due - now for source in self._urls if source not in self._open]
        wait = min([_LONGEST, *waits])
        self._later("urls", max(wait, _SHORTEST), self._ask)

    def _addresses(self, source: HttpSource) -> None:
        def fetch(addresses: Sequence[str]) -> None:
            self._run(
                lambda: [source.fetch(addresses)],
                lambda: self._open.discard(source),
                self._threads,
            )

        try:
            ip_address(source.host)
        except ValueError:
            if source.host == "localhost":
                fetch(("127.0.0.1", "::1"))
            else:
                self._resolve(source.host, fetch)
        else:
            fetch((source.host,))
