"""A list of servers with their health. No I/O and no clock: the caller passes the time."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from random import Random
from typing import Final, NamedTuple, Self

from filter_engine.config.upstream_health import UpstreamConfig
from filter_engine.config.upstreams import Upstream, UpstreamList
from filter_engine.lazy_dataclass import frozen, mutable
from filter_engine.upstream.rotation import ROTATIONS, Turn

_DEFAULTS: Final = UpstreamConfig()
_MOST_ERRORS: Final = 10_000
"""Errors of a server that are remembered: no limit is higher."""


@frozen
class Health:
    """When a server counts as dead, and for how long."""

    max_errors: int = _DEFAULTS.max_errors
    """Errors within ``error_time`` that make it dead."""
    error_time: float = _DEFAULTS.error_time
    """Seconds."""
    revive_time: float = _DEFAULTS.revive_time
    """Seconds until a dead one is tried again."""
    rest: float = 0.0
    """Seconds that others are tried first after one error, unless it answers meanwhile."""

    @classmethod
    def of(cls, config: UpstreamConfig, *, rest: float = 0.0) -> Self:
        """What a site says of all its servers."""
        return cls(config.max_errors, config.error_time, config.revive_time, rest)


_ALIVE = float("-inf")


@mutable
class _Condition:
    errors: deque[float]
    dead_until: float = _ALIVE
    failures: int = 0


class Standing(NamedTuple):
    """How a server is seen from here."""

    service: str
    """What it serves for: ``dns``, ``redis``, ``scanner``, a module and its rule."""
    server: str
    up: bool
    """It does not count as dead."""
    failures: int
    """Since the process began."""


class UpstreamSet:
    """Chooses among the servers of one list; times are seconds of any steady clock."""

    def __init__(
        self, upstreams: UpstreamList, health: Health | None = None, random: Random | None = None
    ) -> None:
        self._upstreams = tuple(upstreams)
        self._choose = ROTATIONS[upstreams.rotation]
        self._health = health or Health()
        self._conditions = {
            upstream: _Condition(deque(maxlen=min(self._health.max_errors, _MOST_ERRORS)))
            for upstream in self._upstreams
        }
        self._troubled: set[Upstream] = set()
        """Those that failed since they last answered."""
        self._turn = Turn(random or Random())  # noqa: S311  # spreads load, guards nothing

    def __len__(self) -> int:
        return len(self._upstreams)

    def choose(
        self, now: float, *, key: bytes = b"", tried: Collection[Upstream] = ()
    ) -> Upstream | None:
        """The server to try next, None when all were tried.

        Living servers come first; when none is left, dead ones are tried all the same, since an
        attempt loses nothing.
        """
        if len(self._upstreams) == 1:  # one name server is what most sites have
            return None if self._upstreams[0] in tried else self._upstreams[0]
        untried = [upstream for upstream in self._upstreams if upstream not in tried]
        alive = [u for u in untried if self._conditions[u].dead_until <= now]
        if self._troubled and self._health.rest:
            rested = now - self._health.rest
            alive = [u for u in alive if self._last_error(u) <= rested] or alive
        candidates = alive or untried
        if not candidates:
            return None
        self._turn.key = key
        return self._choose(candidates, self._turn)

    def _last_error(self, upstream: Upstream) -> float:
        """When it failed, if it has not answered since."""
        errors = self._conditions[upstream].errors
        return errors[-1] if errors and upstream in self._troubled else _ALIVE

    def failed(self, upstream: Upstream, now: float) -> bool:
        """Note an error; True when this one makes a living server dead."""
        condition = self._conditions[upstream]
        condition.failures += 1
        self._troubled.add(upstream)
        if condition.dead_until > now:
            return False
        errors = condition.errors
        errors.append(now)
        full = len(errors) == errors.maxlen
        if full and now - errors[0] <= self._health.error_time:
            condition.dead_until = now + self._health.revive_time
            errors.clear()
            return True
        return False

    def succeeded(self, upstream: Upstream) -> bool:
        """Note an answer; True when the server had counted as dead."""
        if not self._troubled:
            return False  # for nearly every answer
        self._troubled.discard(upstream)
        condition = self._conditions[upstream]
        condition.errors.clear()
        revived = condition.dead_until != _ALIVE
        condition.dead_until = _ALIVE
        return revived

    def standings(self, service: str, now: float) -> list[Standing]:
        """How each server stands."""
        return [
            Standing(service, upstream.name, known.dead_until <= now, known.failures)
            for upstream, known in self._conditions.items()
        ]

    def alive(self, now: float) -> tuple[Upstream, ...]:
        """The servers that do not count as dead."""
        return tuple(u for u in self._upstreams if self._conditions[u].dead_until <= now)
