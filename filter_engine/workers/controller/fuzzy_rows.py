"""Storages of fuzzy hashes: ``fuzzycheck``, ``fuzzyadd``, ``fuzzydel``, ``fuzzydelhash``."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from filter_engine.checks.fuzzy_check.answers import NOTHING, answer_row
from filter_engine.checks.fuzzy_check.module import rules_of
from filter_engine.checks.fuzzy_check.options import FuzzyCheckOptions
from filter_engine.checks.fuzzy_check.rule import Asked, Rule
from filter_engine.config.log_levels import NOTICE
from filter_engine.fuzzy.hashes import Kind, PartHash, Texts, hashes_of
from filter_engine.fuzzy.protocol import FORBIDDEN, SKIPPED, Command
from filter_engine.message import Message
from filter_engine.scan.exchange import Exchange, Exchanges, Reply
from filter_engine.scan.setup import Setup
from filter_engine.workers.access import Right
from filter_engine.workers.controller.body import BodyError, Gate, message_of
from filter_engine.workers.controller.desk import WHO, Desk, Route
from filter_engine.workers.controller.replies import error, json_reply

log = logging.getLogger(__name__)

_DIGEST: Final = re.compile(r"[0-9a-fA-F]{128}")
_MOST: Final = 100
"""Digests of one request."""
_WEIGHT: Final = 0x7FFFFFFF
"""The largest weight that a request holds."""
_FRESH: Final = 10.0
"""Seconds that the numbers of hashes are kept."""
_PATIENCE: Final = 1.0
"""Seconds for asking for them."""


class FuzzyRows:
    """Sends to the storages of the rules that may be written to."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._gate = Gate()
        self._max_message = desk.context.config.options.max_message
        self._options = FuzzyCheckOptions()
        self._rules: tuple[Rule, ...] = ()
        self._counted: tuple[float, dict[str, int]] = (-_FRESH, {})
        scanner, config = desk.context.scanner, desk.context.config
        section = scanner.plan.sections.get(FuzzyCheckOptions)
        if isinstance(section, FuzzyCheckOptions) and config.is_enabled("fuzzy_check"):
            self._options = section
            self._rules = rules_of(section, Setup(config, scanner.maps))

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        return (
            Route("/fuzzycheck", self._check, Right.READ),
            Route("/fuzzyadd", self._add, Right.CHANGE, alters=True),
            Route("/fuzzydel", self._delete, Right.CHANGE, alters=True),
            Route("/fuzzydelhash", self._delete_hash, Right.CHANGE, alters=True),
        )

    async def _check(self, request: web.Request) -> web.StreamResponse:
        """What every storage that is read knows of the message in the body: a row for each hash."""
        rules = [rule for rule in self._rules if rule.reading is not None]
        if not rules:
            return error(404, "no rule of fuzzy_check has a storage that may be asked")
        rows: list[dict[str, object]] = []
        async with self._gate.enter(message_of(request, self._max_message)) as raw:
            texts = Texts(Message(raw))
            asked = [
                (rule, rule.ask(hashes_of(texts, rule.policy, rule.hashing), b"")) for rule in rules
            ]
            sent = [(rule, one) for rule, one in asked if one is not None]
            replies = await asyncio.gather(*(self._exchange(one.exchange) for _, one in sent))
        rows += [
            {"rule": rule.name, "found": False, "error": NOTHING}
            for rule, one in asked
            if one is None
        ]
        for (rule, one), reply in zip(sent, replies, strict=True):
            answers = rule.replies(one, reply)
            rows += [
                {"rule": rule.name, **answer_row(made, answers.get(tag), reply)}
                for tag, made in one.hashes.items()
            ]
        return json_reply(rows)

    async def _add(self, request: web.Request) -> web.StreamResponse:
        return await self._of_message(request, Command.WRITE)

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        return await self._of_message(request, Command.DELETE)

    async def _of_message(self, request: web.Request, command: Command) -> web.StreamResponse:
        flag, weight = _flag(request), _weight(request)
        rules = self._of_flag(flag)
        async with self._gate.enter(message_of(request, self._max_message)) as raw:
            texts = Texts(Message(raw))
            wanted = [(rule, hashes_of(texts, rule.policy, rule.hashing)) for rule in rules]
            return await self._send(request, command, wanted, flag, weight)

    async def _delete_hash(self, request: web.Request) -> web.StreamResponse:
        """Digests in the header ``Hash``, hexadecimal, separated by commas."""
        flag = _flag(request)
        words = [word.strip() for word in request.headers.get("Hash", "").split(",")]
        if not 1 <= len(words) <= _MOST or not all(map(_DIGEST.fullmatch, words)):
            return error(400, "Hash header missing: up to 100 digests of 128 hexadecimal digits")
        hashes = [PartHash(Kind.TEXT, bytes.fromhex(word), (), 0, 0) for word in words]
        wanted = [(rule, hashes) for rule in self._of_flag(flag)]
        return await self._send(request, Command.DELETE, wanted, flag, 0)

    def _of_flag(self, flag: int) -> list[Rule]:
        """The rules that know this list and may be taught; raises ``BodyError``."""
        found = [
            rule
            for rule in self._rules
            if rule.writing is not None
            and not self._options.rule[rule.name].read_only
            and any(one.flag == flag for one in self._options.rule[rule.name].fuzzy_map.values())
        ]
        if not found:
            raise BodyError(404, f"no rule of fuzzy_check may be taught flag {flag}")
        return found

    async def _send(
        self,
        request: web.Request,
        command: Command,
        wanted: Sequence[tuple[Rule, Sequence[PartHash]]],
        flag: int,
        weight: int,
    ) -> web.StreamResponse:
        asked: list[tuple[Rule, Asked]] = []
        for rule, hashes in wanted:
            requests = rule.teach(command, hashes, flag, weight)
            if requests is not None:
                asked.append((rule, requests))
        if not asked:
            return error(400, "the message has nothing that is hashed")
        replies = await asyncio.gather(*(self._exchange(one.exchange) for _, one in asked))
        digests: dict[str, None] = {}
        for (rule, one), reply in zip(asked, replies, strict=True):
            answers = rule.replies(one, reply, taught=True)
            if any(answer.value == FORBIDDEN for answer in answers.values()):
                return error(403, f"{rule.name}: {reply.server} takes no changes from this host")
            if any(answer.value == SKIPPED for answer in answers.values()):
                return error(401, "fuzzy hash is skipped")  # Rspamd's words, which clients know
            if len(answers) < len(one.hashes) or not all(a.found for a in answers.values()):
                return error(503, f"{rule.name}: {reply.evidence or 'not every hash was taken'}")
            digests.update((made.digest.hex(), None) for made in one.hashes.values())
        log.log(
            NOTICE,
            "fuzzy %s: flag %d, weight %d, %d hashes (%s)",
            command.name.lower(),
            flag,
            weight,
            len(digests),
            request[WHO],
        )
        return json_reply({"success": True, "hashes": list(digests)})

    async def _exchange(self, question: Exchange) -> Reply:
        transport: object = self._desk.context.scanner.transport
        if not isinstance(transport, Exchanges):
            raise BodyError(503, "this controller reaches no storage")
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def take(reply: Reply) -> None:
            if not future.done():
                future.set_result(reply)

        transport.exchange(question, take)
        flush = getattr(transport, "flush", None)
        if flush is not None:
            flush()
        return await future

    async def counts(self) -> dict[str, int]:
        """Rule -> hashes in its storage, of those that answer; up to ``_FRESH`` seconds old."""
        at, known = self._counted
        if not self._rules or time.monotonic() - at < _FRESH:
            return known
        made = PartHash(Kind.TEXT, bytes(64), (), 0, 0)
        asked = [(rule, rule.teach(Command.STAT, [made], 0, 0)) for rule in self._rules]
        sent = [(rule, one) for rule, one in asked if one is not None]
        found: dict[str, int] = {}
        try:
            async with asyncio.timeout(_PATIENCE):
                replies = await asyncio.gather(*(self._exchange(o.exchange) for _, o in sent))
            for (rule, one), reply in zip(sent, replies, strict=True):
                for answer in rule.replies(one, reply, taught=True).values():
                    found[rule.name] = answer.flag
        except (TimeoutError, BodyError):
            log.debug("no storage told its number of hashes in time")
        self._counted = time.monotonic(), found
        return found


def _flag(request: web.Request) -> int:
    flag = _number(request, "Flag", -1)
    if not 0 <= flag <= 255:
        raise BodyError(400, "Flag header missing: the number of a list, 0 to 255")
    return flag


def _weight(request: web.Request) -> int:
    weight = _number(request, "Weight", 1)
    if not 0 <= weight <= _WEIGHT:
        raise BodyError(400, f"Weight: expected 0 to {_WEIGHT}")
    return weight


def _number(request: web.Request, name: str, otherwise: int) -> int:
    text = request.headers.get(name, "").strip()
    if not text:
        return otherwise
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise BodyError(400, f"{name}: not a number")
    return int(text)
