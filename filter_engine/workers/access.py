"""Who may ask the controller what: trusted addresses, proxies before it, passwords."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections import OrderedDict
from enum import IntEnum
from ipaddress import ip_address

from filter_engine.config.workers import ControllerConfig
from filter_engine.workers.password import PasswordHashError, matches

log = logging.getLogger(__name__)

KNOWN_PASSWORDS = 64
"""Right passwords remembered (by digest): a hash costs a tenth of a second, a page asks often."""


class Right(IntEnum):
    """What a request may do."""

    NONE = 0
    READ = 1
    CHANGE = 2


class AccessControl:
    """Decides by the controller's configuration."""

    def __init__(self, config: ControllerConfig) -> None:
        self._secure = config.secure_ip
        self._proxies = config.trusted_ips
        self._read = config.password
        self._change = config.enable_password or config.password
        self._known: OrderedDict[bytes, Right] = OrderedDict()
        self._digest_key = secrets.token_bytes(32)
        self._one_at_a_time = asyncio.Semaphore(1)

    async def right(self, peer: str | None, forwarded: str | None, password: bytes | None) -> Right:
        """The right of a request.

        ``peer`` is the TCP client, None for a unix socket; ``forwarded`` the address a proxy names
        (X-Forwarded-For, X-Real-IP). A proxy on this host must not open the controller to all the
        world: what came through a proxy is judged by the address the proxy saw.
        """
        if forwarded is None:
            trusted = peer is None or peer in self._secure
        else:
            believed = peer is None or peer in self._proxies or peer in self._secure
            trusted = believed and _is_address(forwarded) and forwarded in self._secure
        if trusted:
            return Right.CHANGE
        if not password:
            return Right.NONE
        return await self._by_password(password)

    async def _by_password(self, password: bytes) -> Right:
        digest = hmac.digest(self._digest_key, password, "sha256")
        known = self._known.get(digest)
        if known is not None:
            self._known.move_to_end(digest)
            return known
        # Hashing is dear: one guess at a time keeps guessing slow and the controller alive.
        async with self._one_at_a_time:
            right = await asyncio.to_thread(self._compare, password)
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


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
