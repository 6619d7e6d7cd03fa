"""Endpoints that take a message: ``checkv2``, ``learnspam``, ``learnham``, ``learnclass``."""

from __future__ import annotations

import logging

from aiohttp import web

from filter_engine.checks.fuzzy_check.lessons import HashLessons
from filter_engine.checks.fuzzy_check.module import rules_of
from filter_engine.checks.fuzzy_check.options import FuzzyCheckOptions
from filter_engine.checks.fuzzy_check.rule import Rule
from filter_engine.config.log_levels import NOTICE
from filter_engine.message import Message
from filter_engine.scan.exchange import Exchanges
from filter_engine.scan.setup import Setup
from filter_engine.statistics.learning import LearnStatus, Lesson, learn
from filter_engine.wire.request import parse_envelope
from filter_engine.workers.access import Right
from filter_engine.workers.controller.body import (
    Gate,
    body_of,
    headers_of,
    message_of,
    refuse_files,
    scan_request,
)
from filter_engine.workers.controller.desk import WHO, Desk, Route
from filter_engine.workers.controller.replies import error, json_reply, one_line, plain
from filter_engine.workers.logs import begin_message
from filter_engine.workers.scan_request import PATHS
from filter_engine.workers.scan_service import ScanService
from filter_engine.workers.self_scan import SelfScan
from filter_engine.workers.statistics import Counter

log = logging.getLogger(__name__)

_CLASSES = {"spam": True, "ham": False}


class Mail:
    """Scans and learns in this process."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._to_scan, self._to_learn = Gate(), Gate()  # who may only read stops no lesson
        self._max_message = desk.context.config.options.max_message
        self._scans = ScanService(desk.context, SelfScan(desk.context).scan)
        self._rules: tuple[Rule, ...] = ()
        scanner, config = desk.context.scanner, desk.context.config
        section = scanner.plan.sections.get(FuzzyCheckOptions)
        if isinstance(section, FuzzyCheckOptions) and config.is_enabled("fuzzy_check"):
            self._rules = rules_of(section, Setup(config, scanner.maps))

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        return (
            # ``symbols`` is a page of the WebUI here, not the old scan of that name.
            *(Route(path, self._scan, Right.READ) for path in PATHS if path != "/symbols"),
            Route("/learnspam", self._learnspam, Right.CHANGE, alters=True),
            Route("/learnham", self._learnham, Right.CHANGE, alters=True),
            Route("/learnclass", self._learnclass, Right.CHANGE, alters=True),
        )

    async def _scan(self, request: web.Request) -> web.StreamResponse:
        refuse_files(request)
        async with self._to_scan.enter(body_of(request)) as body:
            peer = request.remote if request.remote else None
            done = await self._scans.handle(scan_request(request, body, peer))
        response = plain(done.body, done.content_type, done.status)
        if done.reason:
            response.set_status(done.status, one_line(done.reason))
        response.headers.update(done.headers)
        return response

    async def _learnspam(self, request: web.Request) -> web.StreamResponse:
        return await self._learn(request, "spam")

    async def _learnham(self, request: web.Request) -> web.StreamResponse:
        return await self._learn(request, "ham")

    async def _learnclass(self, request: web.Request) -> web.StreamResponse:
        """The class in a header: ``Class: spam``, as newer clients write it."""
        name = request.headers.get("Class", "").strip().lower().removeprefix("class:").strip()
        if name not in _CLASSES:
            return error(400, "Class header missing: spam or ham")
        return await self._learn(request, name)

    async def _learn(self, request: web.Request, name: str) -> web.StreamResponse:
        stores = self._desk.stores
        wanted = request.headers.get("Classifier", "").strip()
        known = self._desk.classifiers
        if stores is None or not known:
            return error(404, "no classifiers defined")
        if wanted and all(one.options.name.lower() != wanted.lower() for one in known):
            return error(404, f"cannot find classifier {wanted}")
        unlearn = request.headers.get("Unlearn", "").strip().lower() in ("yes", "true", "1")
        async with self._to_learn.enter(message_of(request, self._max_message)) as raw:
            envelope = parse_envelope(headers_of(request), None)
            begin_message(envelope)
            lesson = await learn(
                stores,
                known,
                raw,
                spam=_CLASSES[name],
                envelope=envelope,
                name=wanted,
                unlearn=unlearn,
            )
            if not wanted:
                lesson = await self._with_hashes(lesson, raw, spam=_CLASSES[name])
        mid = Message(raw).message_id or "undef"
        log.log(
            NOTICE,
            "learn %s: <%s>: %s %s (%s)",
            name,
            one_line(mid),
            lesson.status.value,
            lesson.detail,
            request[WHO],
        )
        return self._reply(lesson, mid, name)

    async def _with_hashes(self, lesson: Lesson, raw: bytes, *, spam: bool) -> Lesson:
        """The lesson, and what storages of fuzzy hashes that learn too said: it stands anyway."""
        transport: object = self._desk.context.scanner.transport
        if not isinstance(transport, Exchanges):
            return lesson
        lessons = HashLessons.of(self._rules, transport)
        if lessons is None:
            return lesson
        problem = (await lessons.follow(raw, lesson.status, spam=spam)).problem
        if problem:
            self._desk.context.row.add(Counter.HASHES_UNTAUGHT)
            log.error("hashes were not learnt: %s", one_line(problem))
        return lesson._replace(untaught=problem)

    def _reply(self, lesson: Lesson, mid: str, name: str) -> web.StreamResponse:
        if lesson.status in (LearnStatus.LEARNED, LearnStatus.RELEARNED, LearnStatus.UNLEARNED):
            self._desk.context.row.add(Counter.LEARNED)
            said = {"hashes_not_learnt": lesson.untaught} if lesson.untaught else {}
            return json_reply({"success": True} | said)
        if lesson.status is LearnStatus.KNOWN:
            return error(208, f"<{mid}> has been already learned as {name}, ignore it")
        if lesson.status is LearnStatus.NOT_LEARNT:
            return error(208, f"<{mid}> has not been learned as {name}, ignore it")
        if lesson.status is LearnStatus.REFUSED:
            # The reason stands in the status line alone (RFC 9110, section 15.3.5: no content).
            response = web.Response(status=204, reason=one_line(f"<{mid}> {lesson.detail}"))
            response.headers["Cache-Control"] = "no-store"
            return response
        return error(500, f"cannot learn: {lesson.detail}")
