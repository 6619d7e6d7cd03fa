"""The fuzzy storage: answers requests over UDP from a store of hashes.

A reply is at most 20 octets longer than its request, what is no request is not answered, and what
waits for the store is bounded: a flood costs its sender more than this host.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final, NamedTuple

from filter_engine.config.map_definition import MapKind
from filter_engine.config.model import Config
from filter_engine.config.worker_keys import read_key
from filter_engine.config.workers import FuzzyConfig
from filter_engine.fuzzy.box import Keypair, OpenError, SharedKey, keypair, write_key
from filter_engine.fuzzy.bucket import Buckets, Losses
from filter_engine.fuzzy.protocol import (
    FAILED,
    FORBIDDEN,
    MAX_REQUEST,
    SKIPPED,
    UNSURE,
    Command,
    ProtocolError,
    ReplyTo,
    Request,
    decode_request,
    seal_reply,
    sealed_request,
)
from filter_engine.fuzzy.replays import Changes
from filter_engine.fuzzy.storage import Hit, Shelf, hit, nearest, unsigned
from filter_engine.maps.maps import Maps
from filter_engine.maps.watch import Resolve
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import Place, Store, StoreAnswer, StoreQuestion, StoreStatus
from filter_engine.store.client import StoreClient

log = logging.getLogger(__name__)

MAX_OPEN: Final = 1000
"""Requests that wait for the store in one process; what goes beyond is dropped."""
_BATCH: Final = 64
"""Datagrams that are read before anybody else has a turn."""
_NEW_KEYS: Final = 100
"""Of a network, at once and a second: each costs a key agreement, and anybody can make them up."""
_NETWORKS: Final = 10_000
_SURE: Final = 0.9
"""Share of shingles from which a hash that was found lives on."""
_FRESH: Final = 3600.0
"""Seconds in which a hash is given new life once, so that replies cost few writes."""
_FRESHENED: Final = 10_000

_Address = IPv4Address | IPv6Address


def _unknown(_host: str, done: Callable[[Sequence[str]], None]) -> None:
    done(())  # no resolver: maps of URLs stay empty


class _Asker(NamedTuple):
    """Where a request came from and how its reply goes back."""

    sock: socket.socket
    peer: tuple[str | int, ...]
    address: _Address
    shared: SharedKey | None
    public: bytes
    nonce: bytes = b""


class FuzzyWorker:
    """A ``Service`` that keeps fuzzy hashes in the store that ``config`` names, else ``site``."""

    def __init__(
        self,
        config: FuzzyConfig,
        site: Config,
        stores: StoreClient | None,
        clock: Callable[[], float] = time.monotonic,
        *,
        resolve: Resolve = _unknown,
    ) -> None:
        self._config = config
        self._stores = stores
        store = _store(config, site)
        self._shelf = None if store is None else Shelf(store, config.prefix, config.expire)
        pairs = list(_pairs(config))
        self._keys: dict[bytes, Keypair] = {pair.id[:8]: pair for pair in pairs}
        self._default = pairs[0] if pairs else None
        self._shared: OrderedDict[tuple[bytes, bytes], SharedKey] = OrderedDict()
        self._limits = _limits(config)
        self._new_keys = Buckets(_NEW_KEYS, _NEW_KEYS, mask=24, ttl=1.0, most=_NETWORKS)
        self._changes = Changes()
        self._freshened: OrderedDict[bytes, float] = OrderedDict()
        self._sockets: list[socket.socket] = []
        self._open: set[asyncio.Task[None]] = set()
        self._lost = Losses()
        self._clock = clock
        self._resolve = resolve
        self._maps = Maps(site)
        where = "worker fuzzy: skip_hashes"
        self._skipped = self._maps.of(config.skip_hashes, MapKind.SET, where)

    async def start(self, sockets: list[socket.socket]) -> None:
        """Begin to answer."""
        loop = asyncio.get_running_loop()
        for sock in sockets:
            self._sockets.append(sock)
            loop.add_reader(sock, self._read, sock)
        if self._maps.sources():
            self._maps.watch(loop, self._resolve)

    def drain(self, *, hurry: bool) -> None:  # noqa: ARG002  # requests are short: no difference
        """Read no request any more; answer what is under way."""
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock)
        self._maps.close()

    async def wait_drained(self, seconds: float) -> bool:
        """Wait for the requests under way."""
        if self._open:
            await asyncio.wait(self._open, timeout=seconds)
        done = not self._open
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()
        return done

    # requests

    def _read(self, sock: socket.socket) -> None:
        for _ in range(_BATCH):
            try:
                data, peer = sock.recvfrom(MAX_REQUEST + 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:  # an ICMP error of an earlier reply
                log.debug("fuzzy storage: %s", error)
                continue
            if len(data) <= MAX_REQUEST:
                self._take(sock, data, peer)

    def _take(self, sock: socket.socket, data: bytes, peer: tuple[str | int, ...]) -> None:
        address = ip_address(str(peer[0]).partition("%")[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        config = self._config
        if address in config.blocked or not peer[1]:
            return
        if len(self._open) >= MAX_OPEN:
            if lost := self._lost.add(self._clock()):
                log.warning("fuzzy storage: over %d requests wait: %d lost", MAX_OPEN, lost)
            return
        within = self._is_within_limit(address)
        if not within and self._limits is not None and not self._limits.first_refusal:
            return  # it was told; opening seals for a flood would cost
        try:
            request, asker = self._opened(sock, data, peer, address)
        except (ProtocolError, OpenError) as error:
            log.debug("fuzzy storage: %s: %s", address, error)
            return
        refused = config.encrypted_only and asker.shared is None
        if refused or not within or not self._may(request, asker):
            self._reply(asker, request, FORBIDDEN)
            return
        task = asyncio.get_running_loop().create_task(self._answer(request, asker))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    def _is_within_limit(self, address: _Address) -> bool:
        if self._limits is None or address in self._config.ratelimit_whitelist:
            return True
        if self._limits.takes(address, self._clock()):
            return True
        if self._limits.first_refusal:
            log.info("fuzzy storage: %s is over the limit", address)
        return self._config.ratelimit_log_only

    def _opened(
        self, sock: socket.socket, data: bytes, peer: tuple[str | int, ...], address: _Address
    ) -> tuple[Request, _Asker]:
        """The request in a datagram. Raises ``ProtocolError`` or ``OpenError``."""
        sealed = sealed_request(data)
        if sealed is None:
            return decode_request(data), _Asker(sock, peer, address, None, b"")
        pair = self._keys.get(sealed.key_id, self._default)
        if pair is None:
            raise ProtocolError("a sealed request, and no keypair here")
        known = (pair.public, sealed.public)
        shared = self._shared.get(known)
        if shared is None:
            if not self._new_keys.takes(address, self._clock()):
                raise ProtocolError("too many new keys of its network")
            shared = SharedKey.of(pair.private, sealed.public)
        request = decode_request(sealed.open(shared))
        self._shared[known] = shared  # only of those who hold it
        self._shared.move_to_end(known)
        if len(self._shared) > self._config.keypair_cache_size:
            self._shared.popitem(last=False)
        return request, _Asker(sock, peer, address, shared, sealed.public, sealed.nonce)

    def _may(self, request: Request, asker: _Asker) -> bool:
        """Whether a client may do what it asks for."""
        if request.command in (Command.CHECK, Command.STAT):
            return True
        config = self._config
        if config.read_only:
            return False
        if asker.address in config.allow_update:
            return True
        return asker.shared is not None and asker.public in config.allow_update_keys

    # answers

    async def _answer(self, request: Request, asker: _Asker) -> None:
        try:
            if self._shelf is None:
                self._reply(asker, request, 0)
            elif request.command is Command.CHECK:
                await self._check(self._shelf, request, asker)
            elif request.command is Command.STAT:
                answer = await self._asked(self._shelf.count())
                count = unsigned(answer.value) if answer.ok else 0
                self._send(asker, ReplyTo(0, count, request.tag, 1.0, request.digest))
            elif request.command is Command.WRITE and self._is_skipped(request):
                self._reply(asker, request, SKIPPED)
            else:
                await self._change(self._shelf, request, asker)
        except Exception:
            log.exception("fuzzy storage: a request was lost")

    def _is_skipped(self, request: Request) -> bool:
        return request.digest.hex() in self._skipped

    async def _asked(self, question: StoreQuestion) -> StoreAnswer:
        if self._stores is None:
            return StoreAnswer(question, StoreStatus.UNKNOWN, detail="the storage ends")
        answer = await self._stores.answer(question)
        if not answer.ok:
            log.debug("fuzzy storage: %s", answer.evidence)
        return answer

    async def _check(self, shelf: Shelf, request: Request, asker: _Asker) -> None:
        questions = [shelf.exact(request.digest)]
        if request.shingles:
            questions.append(shelf.near(request.shingles))  # in the same pipeline
        answers = await asyncio.gather(*map(self._asked, questions))
        if not all(answer.ok for answer in answers):
            self._reply(asker, request, FAILED)
            return
        found = hit(request.digest, answers[0].value)
        share = 1.0
        if found is None and request.shingles:
            near = nearest(answers[1].value)
            if near is not None:
                share = near.share
                answer = await self._asked(shelf.exact(near.digest))
                found = hit(near.digest, answer.value) if answer.ok else None
        if found is None or self._is_young(found, asker):
            self._reply(asker, request, 0)
            return
        self._send(
            asker,
            ReplyTo(found.weight, found.flag, request.tag, share, found.digest, found.time),
        )
        if share > _SURE:
            await self._freshen(shelf, found.digest, request)

    def _is_young(self, found: Hit, asker: _Asker) -> bool:
        delay = self._config.delay
        if delay is None or asker.address in self._config.delay_whitelist:
            return False
        return time.time() - found.time < delay

    async def _freshen(self, shelf: Shelf, digest: bytes, request: Request) -> None:
        """Let a hash that is still met live on. A storage nobody may teach writes nothing."""
        config = self._config
        if config.read_only or not (config.allow_update.networks or config.allow_update_keys):
            return
        now = self._clock()
        last = self._freshened.get(digest)
        if last is not None and now - last < min(_FRESH, config.expire / 10):
            return
        self._freshened[digest] = now
        self._freshened.move_to_end(digest)
        if len(self._freshened) > _FRESHENED:
            self._freshened.popitem(last=False)
        await self._asked(shelf.refresh(digest, request.shingles))

    async def _change(self, shelf: Shelf, request: Request, asker: _Asker) -> None:
        name = asker.public + asker.nonce
        if asker.shared is not None and not self._changes.begins(name, asker.address):
            before = self._changes.reply(name, asker.address)
            if before is not None:
                self._send(asker, before)  # the client did not get it
            else:
                log.info("fuzzy storage: %s sent a change that was seen before", asker.address)
            return
        reply = None
        try:
            reply = await self._changed(shelf, request, asker)
        finally:
            if asker.shared is not None:
                self._changes.ends(name, reply)

    async def _changed(self, shelf: Shelf, request: Request, asker: _Asker) -> ReplyTo | None:
        """The reply that was sent; None when nothing was changed."""
        answer = await self._asked(shelf.change(request, time.time()))
        if answer.status in (StoreStatus.TIMEOUT, StoreStatus.LOST):
            return self._reply(asker, request, UNSURE)
        if not answer.ok:
            self._reply(asker, request, FAILED)
            return None
        log.info(
            "fuzzy storage: %s %s list %d, weight %d, for %s",
            request.digest.hex()[:10],
            "written to" if request.command is Command.WRITE else "deleted from",
            request.flag,
            request.value,
            asker.address,
        )
        reply = ReplyTo(0, request.flag, request.tag, 1.0, request.digest)
        self._send(asker, reply)
        return reply

    def _reply(self, asker: _Asker, request: Request, value: int) -> ReplyTo:
        """Say no, with the number of an error, 0 for none; what was sent."""
        reply = ReplyTo(value, request.flag, request.tag, 0.0, request.digest)
        self._send(asker, reply)
        return reply

    def _send(self, asker: _Asker, reply: ReplyTo) -> None:
        data = reply.encode()
        if asker.shared is not None:
            data = seal_reply(data, asker.shared)
        try:
            asker.sock.sendto(data, asker.peer)
        except OSError as error:  # the client asks again
            log.debug("fuzzy storage: no reply to %s: %s", asker.address, error)


def _pairs(config: FuzzyConfig) -> Iterator[Keypair]:
    """The keys that are usable; of others the log says why, and nothing of the key."""
    for written in config.keypair:
        try:
            pair = keypair(read_key(written.privkey))
        except ValueError:
            log.error("%s: no private key in base32: not used", written.origin("privkey"))
            continue
        if written.pubkey and written.pubkey != pair.public:
            own = write_key(pair.public)
            log.error("%s: privkey's public key is %s", written.origin("pubkey"), own)
        yield pair


def _limits(config: FuzzyConfig) -> Buckets | None:
    if config.ratelimit_rate is None or config.ratelimit_burst is None:
        return None
    return Buckets(
        config.ratelimit_rate,
        config.ratelimit_burst,
        mask=config.ratelimit_network_mask,
        ttl=config.ratelimit_bucket_ttl,
        most=config.ratelimit_max_buckets,
    )


def _store(config: FuzzyConfig, site: Config) -> Store | None:
    """Where hashes are; None for the backend noop, or without any server."""
    if config.backend == "noop":
        return None
    if config.backend == "sqlite":
        directory = site.variables.get("DBDIR", ".")
        path = config.hash_file or str(Path(directory, "fuzzy.sqlite"))
        return Store("fuzzy storage", Place(path, config.timeout))
    try:
        return Setup(site).store("fuzzy", config.redis, embedded=False, prefixed=False)
    except ValueError as error:
        log.error("worker fuzzy: %s; nothing is kept", error)
        return None
