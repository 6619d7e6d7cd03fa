"""A store that is Redis: which server is asked, and what happens when it fails.

Reads go to ``read_servers``, writes to ``write_servers``, each with the health and the rotation of
its list. A read, or a write that did not leave, is tried once at another server. A write is never
carried out by a replica: one that says so is not written to, and one that refuses (READONLY) is
named; with Sentinels the primary is asked for, and the write goes there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from filter_engine.config.log_levels import NOTICE
from filter_engine.config.redis import RedisConfig
from filter_engine.config.upstreams import Rotation, Upstream, UpstreamList
from filter_engine.scan.store import StoreAnswer, StoreQuestion, StoreStatus
from filter_engine.store.redis.codec import ServerError, packed
from filter_engine.store.redis.link import Failure, Link, LookUp
from filter_engine.store.redis.login import Login
from filter_engine.store.redis.sentinel import Sentinels
from filter_engine.upstream.upstream_set import Health, UpstreamSet

log = logging.getLogger(__name__)

Answered = Callable[[StoreAnswer], None]

_TRIES: Final = 2
"""Servers that one question may reach."""
_LOADING: Final = frozenset({"LOADING", "MASTERDOWN", "BUSY", "TRYAGAIN", "CLUSTERDOWN"})
"""Refusals of a server that will do later: another may do now."""


class Links:
    """The connections of a worker: one for a server and login, whoever asks."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, look_up: LookUp, health: Health | None = None
    ) -> None:
        self.loop = loop
        self.look_up = look_up
        self.health = health or Health()
        self._links: dict[tuple[Upstream, Login, float], Link] = {}
        self.closed = False

    def of(self, server: Upstream, login: Login, timeout: float) -> Link:
        """The connection to a server."""
        key = (server, login, timeout)
        link = self._links.get(key)
        if link is None:
            link = self._links[key] = Link(self.loop, server, login, timeout, self.look_up)
        return link

    def close(self) -> None:
        """End all."""
        self.closed = True
        for link in self._links.values():
            link.close()

    def __iter__(self) -> Iterator[Link]:
        return iter(self._links.values())


class RedisClient:
    """Carries the questions out that go to one set of servers."""

    def __init__(self, config: RedisConfig, links: Links) -> None:
        self._links = links
        self._login = Login.of(config)
        self._timeout = config.timeout
        self._reading = self._servers(config.reading)
        self._writing = self._servers(config.writing)
        # Replicas that the site names are its choice: the host's own first, the promoted one too.
        self._finds_replicas = config.read_servers is None
        self._sentinels: Sentinels | None = None
        if config.sentinels is not None:
            self._sentinels = Sentinels(links.loop, config, links.look_up, self._promoted)
        self._knows_primary = self._sentinels is None
        self._used: dict[int, tuple[Upstream, Link]] = {}
        """By the identity of a server, which is kept with it: connections found before."""

    def close(self) -> None:
        """End."""
        if self._sentinels is not None:
            self._sentinels.close()

    def ask(self, question: StoreQuestion, done: Answered) -> None:
        """Carry a question out; ``done`` is called once, and nothing raises."""
        if not self._knows_primary and self._sentinels is not None:
            self._sentinels.ask(partial(self._ask_knowing, question, done))
            return
        self._try(question, done, ())

    def _ask_knowing(self, question: StoreQuestion, done: Answered) -> None:
        self._try(question, done, ())

    def _try(
        self,
        question: StoreQuestion,
        done: Answered,
        tried: tuple[Upstream, ...],
        last: StoreAnswer | None = None,
    ) -> None:
        servers = self._writing if question.writes else self._reading
        server = None
        if servers is not None and len(tried) < _TRIES:
            server = servers.choose(self._links.loop.time(), tried=tried)
        if server is None:
            what = "writing" if question.writes else "reading"
            nobody = f"no server for {what}"
            done(last or StoreAnswer(question, StoreStatus.UNREACHABLE, detail=nobody))
            return
        used = self._used.get(id(server))
        if used is None:
            link = self._links.of(server, self._login, self._timeout)
            self._used[id(server)] = server, link
        else:
            link = used[1]
        take = partial(self._take, question, done, tried, link)
        link.call(packed(question), take, writes=question.writes)

    def _take(
        self,
        question: StoreQuestion,
        done: Answered,
        tried: tuple[Upstream, ...],
        link: Link,
        reply: Any,
    ) -> None:
        kind = type(reply)
        if kind is Failure:
            if reply.status is StoreStatus.READONLY:
                self._readonly(question, done, tried, link, reply.detail)
                return
            self._fail(question, done, tried, link, reply)
            return
        if kind is ServerError:
            self._refused(question, done, tried, link, reply)
            return
        servers = self._writing if question.writes else self._reading
        if servers is not None:
            servers.succeeded(link.server)
        done(StoreAnswer(question, StoreStatus.OK, reply, link.name))

    def _fail(
        self,
        question: StoreQuestion,
        done: Answered,
        tried: tuple[Upstream, ...],
        link: Link,
        failure: Failure,
    ) -> None:
        server = link.server
        if self._links.closed:  # from here: no fault of the server's, and no other is asked
            done(StoreAnswer(question, failure.status, None, server.name, failure.detail))
            return
        servers = self._writing if question.writes else self._reading
        if servers is not None and servers.failed(server, self._links.loop.time()):
            log.warning("Redis %s is left alone for a while: %s", server.name, failure.detail)
        # No connection in time: nothing of it was written.
        status = failure.status if failure.sent else StoreStatus.UNREACHABLE
        answer = StoreAnswer(question, status, None, server.name, failure.detail)
        if self._sentinels is not None:
            self._sentinels.ask()  # for those that come after
        if failure.status is StoreStatus.TIMEOUT or (question.writes and failure.sent):
            done(answer)  # its time is up, or it may have been written
        else:
            self._try(question, done, (*tried, server), answer)

    def _refused(
        self,
        question: StoreQuestion,
        done: Answered,
        tried: tuple[Upstream, ...],
        link: Link,
        error: ServerError,
    ) -> None:
        code = error.code
        if code == "NOSCRIPT" and question.script is not None:
            again = partial(self._take, question, done, tried, link)
            link.call(packed(question, source=True), again, writes=question.writes)
        elif code == "READONLY":
            self._readonly(question, done, tried, link, error.text)
        elif code in _LOADING:
            failure = Failure(StoreStatus.UNREACHABLE, error.text, sent=False)
            self._fail(question, done, tried, link, failure)
        else:
            server = link.server.name
            done(StoreAnswer(question, StoreStatus.ERROR, None, server, error.text))

    def _readonly(
        self,
        question: StoreQuestion,
        done: Answered,
        tried: tuple[Upstream, ...],
        link: Link,
        why: str,
    ) -> None:
        """A replica where the primary should be: somebody was promoted, or the site is wrong."""
        server = link.server
        log.log(
            logging.DEBUG if link.is_replica else logging.ERROR,
            "Redis %s was to be written to and refuses: %s",
            server.name,
            why,
        )
        link.is_replica = True
        link.ask_role()
        answer = StoreAnswer(
            question, StoreStatus.READONLY, None, server.name, f"a replica is not written to: {why}"
        )
        if self._writing is not None:
            self._writing.failed(server, self._links.loop.time())
        if self._sentinels is not None and len(tried) + 1 < _TRIES:
            again = partial(self._try, question, done, (*tried, server), answer)
            self._sentinels.ask(again)
        else:
            self._try(question, done, (*tried, server), answer)

    def _promoted(self, primary: Upstream | None, replicas: tuple[Upstream, ...]) -> None:
        """What the Sentinels say."""
        if primary is None:
            return  # what was known is tried all the same
        self._knows_primary = True
        writing = UpstreamList((primary,), Rotation.MASTER_SLAVE)
        if self._writing is None or writing != self._writing.servers:
            if self._writing is not None:
                log.log(NOTICE, "the primary Redis is %s now", primary.name)
            self._writing = self._servers(writing)
        if not self._finds_replicas:
            return
        every = tuple(dict.fromkeys((*replicas, primary)))
        reading = UpstreamList(every, Rotation.MASTER_SLAVE)
        if self._reading is None or reading != self._reading.servers:
            self._reading = self._servers(reading)

    def _servers(self, servers: UpstreamList | None) -> _Servers | None:
        return None if servers is None else _Servers(servers, self._links.health)


class _Servers(UpstreamSet):
    """Servers with their health, and the list they come from."""

    def __init__(self, servers: UpstreamList, health: Health) -> None:
        super().__init__(servers, health)
        self.servers = servers
