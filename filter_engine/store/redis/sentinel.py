"""Sentinels: which server is the primary now, and which are its replicas.

Source: redis.io, "High availability with Redis Sentinel" and "Guidelines for Redis clients with
support for Redis Sentinel".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any, Final

from filter_engine.config.redis import RedisConfig
from filter_engine.config.upstreams import Upstream, parse_port
from filter_engine.store.redis.codec import command
from filter_engine.store.redis.link import Link, LookUp
from filter_engine.store.redis.login import Login

log = logging.getLogger(__name__)

LEAST_PAUSE: Final = 0.5
"""Seconds between two rounds of questions at least."""
_AWAY: Final = ("s_down", "o_down", "disconnected")
"""Flags of a replica that is not to be read."""

Told = Callable[[Upstream | None, tuple[Upstream, ...]], None]


class Sentinels:
    """Asks the Sentinels of one primary, one after the other, until one knows it.

    ``tell`` is called with the primary and its replicas whenever they were asked for.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, config: RedisConfig, look_up: LookUp, tell: Told
    ) -> None:
        assert config.sentinels is not None
        login = Login.of_sentinels(config)
        self._loop = loop
        self._name = config.sentinel_master_name.encode() or b"mymaster"
        self._pause = config.sentinel_watch_time
        self._links = [
            Link(loop, server, login, config.timeout, look_up, role=False)
            for server in config.sentinels
        ]
        self._tell = tell
        self._asking = False
        self._asked = float("-inf")
        self._waiting: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, done: Callable[[], None] | None = None) -> None:
        """Ask now, unless that was done a moment ago; ``done`` is called after ``tell``."""
        if done is not None:
            self._waiting.append(done)
        if self._asking:
            return
        if self._loop.time() - self._asked < LEAST_PAUSE:
            self._finish()
            return
        self._asking = True
        self._ask(0)

    def close(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
        for link in self._links:
            link.close()

    def _ask(self, index: int) -> None:
        if index == len(self._links):
            log.warning("no Sentinel knows the primary %s", self._name.decode())
            self._tell(None, ())
            self._end()
            return
        said: dict[str, Any] = {}
        take = partial(self._take, index, said)
        link = self._links[index]
        link.call(
            command(b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", self._name), partial(take, "primary")
        )
        link.call(command(b"SENTINEL", b"REPLICAS", self._name), partial(take, "replicas"))

    def _take(self, index: int, said: dict[str, Any], what: str, reply: Any) -> None:
        said[what] = reply
        if len(said) < 2:
            return
        primary = _server(said["primary"])
        if primary is None:
            self._ask(index + 1)
            return
        # The next round begins with the one that answered.
        self._links.insert(0, self._links.pop(index))
        replicas = said["replicas"] if isinstance(said["replicas"], list) else []
        self._tell(primary, tuple(filter(None, map(_replica, replicas))))
        self._end()

    def _end(self) -> None:
        self._asked = self._loop.time()
        self._asking = False
        self._finish()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(max(self._pause, 1.0), self.ask, context=Context())

    def _finish(self) -> None:
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done()


def _server(reply: Any) -> Upstream | None:
    """``[host, port]`` as a server; None for anything else."""
    if not (
        isinstance(reply, list)
        and len(reply) == 2
        and all(isinstance(part, bytes) for part in reply)
    ):
        return None
    try:
        return Upstream(reply[0].decode("ascii"), parse_port(reply[1].decode("ascii")))
    except ValueError:
        return None


def _replica(reply: Any) -> Upstream | None:
    """A replica that may be read, by its fields and values in turn."""
    if not isinstance(reply, list):
        return None
    said = dict(zip(reply[::2], reply[1::2], strict=False))
    flags = said.get(b"flags", b"")
    if not isinstance(flags, bytes) or set(_AWAY) & set(
        flags.decode("ascii", "replace").split(",")
    ):
        return None
    if said.get(b"master-link-status") != b"ok":
        return None
    return _server([said.get(b"ip"), said.get(b"port")])
