"""Scan requests over HTTP, as scan workers answer them: paths, envelopes, replies, errors."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import orjson

from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Verdict
from filter_engine.wire.budget import Budget, Hold
from filter_engine.wire.compression import CompressionError, NoRoomError, TooLargeError
from filter_engine.wire.http.message import Request, Response
from filter_engine.wire.request_faults import RequestFaults
from filter_engine.workers import unscanned
from filter_engine.workers.logs import begin_message, log_message
from filter_engine.workers.scan_request import PATHS, RefusedError, understand
from filter_engine.workers.scan_upstream import NoScannerError, OversizeError
from filter_engine.workers.self_scan import Judged
from filter_engine.workers.service import Context
from filter_engine.workers.statistics import Counter

log = logging.getLogger(__name__)


def error(status: int, reason: str, domain: str = "protocol-error") -> Response:
    """An error as Rspamd words it."""
    body = orjson.dumps({"error": reason, "error_domain": domain})
    return Response(body, status, reason)


Judge = Callable[[bytes, Envelope], Awaitable[Judged]]
"""Whoever gives the verdict: the process itself or a scanner it asks."""


class ScanService:
    """Answers scan requests with the verdicts of a judge."""

    def __init__(
        self,
        context: Context,
        judge: Judge,
        *,
        max_tasks: int = 0,
        budget: Budget | None = None,
        drops_shm: bool = False,
    ) -> None:
        """``max_tasks``: messages at once, 0 for no limit; ``budget``: for what is unpacked.

        ``drops_shm``: see ``understand``.
        """
        self._context = context
        self._judge = judge
        self._max_tasks = max_tasks
        self._budget = budget
        self._drops_shm = drops_shm
        self._running = 0
        self._faults = RequestFaults()
        self._max_message = context.config.options.max_message

    async def handle(self, request: Request) -> Response:
        """The response to one request."""
        path = request.path.rstrip("/")
        if path == "/ping":
            return Response(b"pong\r\n", content_type="text/plain")
        if path not in PATHS:
            return error(500, "invalid command")
        if self._max_tasks and self._running >= self._max_tasks:
            return error(503, "Too many messages at once")
        self._running += 1
        try:
            with Hold(self._budget) as hold:
                asked = understand(
                    request, path, self._max_message, hold.take, drops_shm=self._drops_shm
                )
                begin_message(asked.envelope)
                self._faults.tell(asked.envelope)
                verdict = await self._scan(asked.envelope, asked.message)
        except RefusedError as refusal:
            return error(refusal.status, refusal.reason)
        except TooLargeError:
            return error(413, f"Message larger than {self._max_message} bytes")
        except CompressionError as problem:
            return error(400, str(problem))
        except NoRoomError:
            return error(503, "Too many messages at once")
        except OversizeError as problem:
            return error(413, str(problem))
        except NoScannerError as problem:
            self._context.row.add(Counter.TEMPFAILED)
            log.error("no verdict: %s", problem)
            return error(503, "no scanner answers", "scan-error")
        except Exception:
            log.exception("scan failed")
            return error(500, "scan failed", "scan-error")
        finally:
            self._running -= 1
        return asked.answer(verdict)

    async def _scan(self, envelope: Envelope, body: bytes) -> Verdict:
        scanner = self._context.scanner
        if "skip" in envelope.flags:
            return unscanned.skipped(scanner, envelope)
        judged = await self._judge(body, envelope)
        log_message(judged.verdict, envelope, len(body), judged.scanner)
        return judged.verdict
