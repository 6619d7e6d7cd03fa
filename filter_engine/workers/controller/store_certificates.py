"""When the certificates of the Redis servers end that this host asks by TLS, for metrics.

A connection that stands for months says when the certificate ended that it began with; the server
may have had another since. So a connection is made for the question alone. It checks whose
certificate it is as all others do, but not the date: what ended already is to be told too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from filter_engine.config.model import Config
from filter_engine.config.redis import RedisConfig
from filter_engine.config.redis_sections import redis_sections
from filter_engine.config.upstreams import Upstream
from filter_engine.config.workers import FuzzyConfig
from filter_engine.scan.tls_client import client_context
from filter_engine.statistics.classifier import Classifier
from filter_engine.workers.access import is_address

PERIOD: Final = 600.0
"""Seconds between two looks."""
_PATIENCE: Final = 2.0
"""Seconds of one look."""
_MOST: Final = 32
"""Servers that are looked at."""
_NO_CHECK_TIME: Final = 0x200000
"""``X509_V_FLAG_NO_CHECK_TIME`` of OpenSSL, which ``ssl.VerifyFlags`` does not name."""

RedisPlace = tuple[str, RedisConfig]
"""A section's name, and how it says that Redis is reached."""


class CertificateEnd(NamedTuple):
    """The end of one server's certificate."""

    place: str
    """What the server is asked for: ``redis``, a classifier's name, a section."""
    server: str
    at: float
    """Unix time."""


class StoreCertificates:
    """Remembers what servers showed; one that does not answer keeps what it showed last."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, patience: float = _PATIENCE
    ) -> None:
        self._clock = clock
        self._patience = patience
        self._ends: dict[tuple[str, str], float] = {}
        self._looked = float("-inf")

    async def ends(self, places: Iterable[RedisPlace]) -> list[CertificateEnd]:
        """For each server of ``places``, as far as it is known; nothing raises.

        Names are not looked up here: servers that are named by an address are looked at.
        """
        if self._clock() - self._looked >= PERIOD:
            self._looked = self._clock()
            asked = tuple(_secured(places))
            found = await asyncio.gather(*(self._end(one.where, one.server) for one in asked))
            for one, end in zip(asked, found, strict=True):
                if end is not None:
                    self._ends[one.place, one.server.name] = end
        return [CertificateEnd(place, server, at) for (place, server), at in self._ends.items()]

    async def _end(self, where: RedisConfig, server: Upstream) -> float | None:
        """Unix time of a certificate's end; None where none is shown that is accepted."""
        import ssl

        try:
            context = client_context(where.ssl_ca, where.ssl_cert, where.ssl_key)
            context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
            async with asyncio.timeout(self._patience):
                _, writer = await asyncio.open_connection(
                    server.host,
                    server.port,
                    ssl=context,
                    server_hostname=where.ssl_name or server.host,
                )
        except (OSError, ValueError):  # whoever asks it anything is told in the log
            return None
        try:
            shown = writer.get_extra_info("peercert") or {}
            return float(ssl.cert_time_to_seconds(shown["notAfter"]))
        except (KeyError, ValueError):
            return None
        finally:
            writer.transport.abort()


def redis_places(config: Config, classifiers: Iterable[Classifier]) -> Iterator[RedisPlace]:
    """Each section that names Redis and is in use: ``redis``, the classifiers', then others."""
    if config.redis is not None:
        yield "redis", config.redis
    for one in classifiers:
        if isinstance(one.store.where, RedisConfig):
            yield one.options.name or "bayes", one.store.where
    for name, section in redis_sections(config):
        if not getattr(section, "backend", "").startswith(("sqlite", "noop")):
            yield name, section.redis if isinstance(section, FuzzyConfig) else section


class _Secured(NamedTuple):
    place: str
    server: Upstream
    where: RedisConfig


def _secured(places: Iterable[RedisPlace]) -> Iterator[_Secured]:
    """Each server once that is asked by TLS; at most ``_MOST``."""
    seen = set[Upstream]()
    for place, where in places:
        if not where.ssl:
            continue
        for servers in (where.reading, where.writing, where.sentinels):
            for server in servers or ():
                if server not in seen and is_address(server.host) and len(seen) < _MOST:
                    seen.add(server)
                    yield _Secured(place, server, where)
