"""Who may ask the controller what: trusted addresses, proxies before it, passwords."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from enum import IntEnum
from ipaddress import IPv6Address, ip_address

from filter_engine.config.workers import ControllerConfig
from filter_engine.lazy_dataclass import frozen
from filter_engine.workers.password import PasswordHashError, matches

log = logging.getLogger(__name__)

WRONG_PASSWORDS = 10
"""Wrong passwords of one client within ``PERIOD`` until it has to wait."""
PERIOD = 60.0
"""Seconds."""
DEFAULT_PASSWORD = b"q1"
"""The password of Rspamd's documentation: nobody may use it from another host."""
_CLIENTS = 4096
"""Clients whose wrong passwords are counted."""
_WAITING = 16
"""Passwords that wait for the one that is being compared."""
KNOWN_PASSWORDS = 64
"""Right passwords remembered (by digest): a hash costs a tenth of a second, a page asks often."""


class Right(IntEnum):
    """What a request may do."""

    NONE = 0
    READ = 1
    CHANGE = 2


class TooManyError(Exception):
    """Too many wrong passwords, or too many at once: ask again later."""


@frozen
class Caller:
    """Who asks, as far as the connection and the headers say."""

    peer: str | None
    """The TCP client; None for a unix socket."""
    forwarded: str | None = None
    """The address a proxy names (X-Forwarded-For, X-Real-IP)."""
    password: bytes | None = None
    foreign: bool = False
    """A browser asks on behalf of a page of another site."""


class AccessControl:
    """Decides by the controller's configuration."""

    def __init__(
        self, config: ControllerConfig, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._waiting = 0
        self._secure = config.secure_ip
        self._proxies = config.trusted_ips
        self._read = config.password
        self._change = config.enable_password or config.password
        self._known: OrderedDict[bytes, Right] = OrderedDict()
        self._digest_key = secrets.token_bytes(32)
        self._one_at_a_time = asyncio.Semaphore(1)

    async def right(self, caller: Caller) -> Right:
        """The right of a request; raises ``TooManyError`` when a client has guessed too often.

        A proxy on this host must not open the controller to all the world: what came through a
        proxy is judged by the address the proxy saw. A page of another site in a browser on a
        trusted host must not either: it needs a password.
        """
        if self._trusts(caller) and not caller.foreign:
            return Right.CHANGE
        if not caller.password:
            return Right.NONE
        address = self.address(caller)
        if caller.password == DEFAULT_PASSWORD and not _is_loopback(address):
            return Right.NONE
        client = network_of(address)
        since, wrong = self._wrong.get(client, (0.0, 0))
        if wrong >= WRONG_PASSWORDS and self._clock() - since < PERIOD:
            # Also for a right one: else the answer would tell which guess was right.
            raise TooManyError
        right = await self._by_password(caller.password)
        if right is Right.NONE:
            self._count(client)
        return right

    def _trusts(self, caller: Caller) -> bool:
        if caller.forwarded is None:
            return caller.peer is None or caller.peer in self._secure
        return self._believes(caller) and caller.forwarded in self._secure

    def _believes(self, caller: Caller) -> bool:
        """Whether the address that a proxy names is taken for true."""
        peer, forwarded = caller.peer, caller.forwarded
        if forwarded is None or not is_address(forwarded):
            return False
        if _is_loopback(forwarded) and not _is_loopback(peer):
            return False  # a client on the proxy's host is none on this one
        return peer is None or peer in self._proxies or peer in self._secure

    def address(self, caller: Caller) -> str | None:
        """Where a request comes from: the address a believed proxy names, else the client's.

        None for a unix socket.
        """
        return caller.forwarded if self._believes(caller) else caller.peer

    def _count(self, client: str) -> None:
        now = self._clock()
        since, wrong = self._wrong.pop(client, (now, 0))
        if now - since >= PERIOD:
            since, wrong = now, 0
        self._wrong[client] = since, wrong + 1
        if wrong + 1 == WRONG_PASSWORDS:
            log.warning("controller: %d wrong passwords from %s", WRONG_PASSWORDS, client)
        if len(self._wrong) > _CLIENTS:
            self._wrong.popitem(last=False)

    async def _by_password(self, password: bytes) -> Right:
        digest = hmac.digest(self._digest_key, password, "sha256")
        known = self._known.get(digest)
        if known is not None:
            self._known.move_to_end(digest)
            return known
        if self._waiting >= _WAITING:
            raise TooManyError
        self._waiting += 1
        try:
            # Hashing is dear: one guess at a time keeps guessing slow and the controller alive.
            async with self._one_at_a_time:
                right = await asyncio.to_thread(self._compare, password)
        finally:
            self._waiting -= 1
        if right is not Right.NONE:
            self._known[digest] = right
            if len(self._known) > KNOWN_PASSWORDS:
                self._known.popitem(last=False)
        return right

    def _compare(self, password: bytes) -> Right:
        if any(_matches(password, configured) for configured in self._change):
            return Right.CHANGE
        if any(_matches(password, configured) for configured in self._read):
            return Right.READ
        return Right.NONE


def _matches(password: bytes, configured: str) -> bool:
    try:
        return bool(configured) and matches(password, configured)
    except PasswordHashError as error:
        log.error("a password of the controller cannot be used: %s", error)
        return False


def is_address(text: str) -> bool:
    """Whether it is an IPv4 or IPv6 address, without brackets or port."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(address: str | None) -> bool:
    if address is None:
        return True
    if not is_address(address):
        return False
    found = ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback


def network_of(address: str | None) -> str:
    """Clients that are counted as one: an IPv4 address, an IPv6 network of 64 bits."""
    if address is None or not is_address(address):
        return "a unix socket"
    found = ip_address(address)
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> 64 << 64)) + "/64"
