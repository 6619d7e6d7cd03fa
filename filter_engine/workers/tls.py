"""TLS of listening sockets: the certificate, and how many handshakes there may be at once; and of
connections to scanners.

A certificate is examined before the processes are forked, so that a bad one changes nothing at a
reload, and loaded where it is used: processes that never speak TLS never hold its key.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NoReturn

from filter_engine.config.workers import ScanUpstream, TlsWorkerSection
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.tls_client import client_context as checking_context
from filter_engine.workers.sockets import BindError

if TYPE_CHECKING:
    import ssl

log = logging.getLogger(__name__)

HANDSHAKE_TIME: Final = 10.0
"""Seconds a client has for its handshake."""
SHUTDOWN_TIME: Final = 5.0
"""Seconds for the end of TLS before the connection is cut off."""
MAX_HANDSHAKES: Final = 256
"""Handshakes at once in each process; at one more, the one that has taken longest is ended."""
PERIOD: Final = 60.0
"""Seconds between two lines about failed handshakes: anybody can make them fail."""


def server_context(config: TlsWorkerSection, worker: str) -> ssl.SSLContext:
    """The certificate and key of a worker, for TLS 1.2 and later (RFC 9325, section 3.1.1).

    Raises ``BindError`` with the file and the reason.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    key = config.ssl_key or config.ssl_cert
    for name, file in (("ssl_cert", config.ssl_cert), ("ssl_key", key)):
        try:
            with open(file, "rb"):
                pass
        except OSError as error:
            reason = f"worker {worker}: {name} {file}: {error.strerror or error}"
            raise BindError(reason) from None
    try:
        context.load_cert_chain(config.ssl_cert, key, password=_no_passphrase)
    except _PassphraseError:
        reason = f"worker {worker}: {key}: the key has a passphrase; a service needs one without"
        raise BindError(reason) from None
    except ssl.SSLError as error:
        said = (error.reason or "no certificate with its key, in PEM").replace("_", " ").lower()
        files = config.ssl_cert if key == config.ssl_cert else f"{config.ssl_cert} with key {key}"
        raise BindError(f"worker {worker}: certificate {files} cannot be used: {said}") from None
    return context


def client_context(upstream: ScanUpstream, worker: str) -> ssl.SSLContext | None:
    """TLS towards the scanners of a proxy, whose certificates are checked; None without.

    Raises ``BindError`` with the file of authorities and the reason.
    """
    if not upstream.ssl:
        return None
    try:
        return checking_context(upstream.ssl_ca)
    except ValueError as error:
        raise BindError(f"worker {worker}: {error}") from None


class _PassphraseError(Exception):
    """The key is encrypted; nobody is there to be asked."""


def _no_passphrase() -> NoReturn:
    raise _PassphraseError


@frozen
class Tls:
    """TLS of one process's sockets."""

    handshakes: Handshakes
    sockets: frozenset[int]
    """The descriptors of those that speak it."""


class Handshakes:
    """Takes connections that begin with a handshake; none waits for another."""

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        seconds: float = HANDSHAKE_TIME,
        most: int = MAX_HANDSHAKES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._open: dict[asyncio.Task[object], None] = {}
        self._failed = 0
        self._told = float("-inf")

    async def connect(
        self,
        loop: asyncio.AbstractEventLoop,
        factory: Callable[[], asyncio.BaseProtocol],
        sock: object,
    ) -> None:
        """Greet the client of an accepted socket; its protocol is made once it speaks TLS.

        Raises OSError (``ssl.SSLError`` among them) when it does not. To be run in a task.
        """
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= self._most:
            slowest = next(iter(self._open))
            del self._open[slowest]
            slowest.cancel()
        self._open[task] = None
        try:
            await loop.connect_accepted_socket(
                factory,
                sock,  # type: ignore[arg-type]
                ssl=self._context,
                ssl_handshake_timeout=self._seconds,
                ssl_shutdown_timeout=SHUTDOWN_TIME,
            )
        except (OSError, asyncio.CancelledError) as error:
            self._tell(error)
            raise
        finally:
            self._open.pop(task, None)

    def _tell(self, error: BaseException) -> None:
        self._failed += 1
        now = self._clock()
        if now - self._told >= PERIOD:
            self._told = now
            why = str(error) or "it took too long"
            log.info("%d TLS handshakes failed, the last: %s", self._failed, why)
            self._failed = 0
