"""Storages learn with the classifiers: mail that somebody calls spam is known when it comes again.

Which list takes what is said in the list itself (``learn = spam``). A lesson adds a little weight
to the hashes of a mail's texts and takes back no more than that, so that one user's move decides
nothing for the others. It never fails the classifiers' lesson: what went wrong is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from filter_engine.checks.fuzzy_check.rule import Learns, Rule
from filter_engine.fuzzy.hashes import PartHash, Texts, hashes_of
from filter_engine.fuzzy.protocol import FAILED, FORBIDDEN, SKIPPED, UNSURE, Command, ReplyTo
from filter_engine.message import Message
from filter_engine.message.part import Part
from filter_engine.scan.exchange import Exchange, Exchanges, Reply
from filter_engine.statistics.learning import LearnStatus

_GIVES: Final = frozenset({LearnStatus.LEARNED, LearnStatus.RELEARNED})


class Step(NamedTuple):
    """What a lesson changes in one list of a storage."""

    rule: Rule
    hashes: Sequence[PartHash]
    learns: Learns
    """The list, and the weight that a lesson has there."""
    gives: bool
    """The weight is added; else taken back."""


class Taught(NamedTuple):
    """What came of it."""

    problem: str = ""
    """What went wrong, for people; empty when all was done."""
    left: tuple[Step, ...] = ()
    """What a storage that was away may be asked for again: nothing of it was written."""


class _NotTaughtError(Exception):
    """A storage did not do it; the text says which and why."""

    def __init__(self, rule: Rule, said: str, left: Sequence[PartHash] = ()) -> None:
        super().__init__(f"fuzzy_check.rule {rule.name!r}: {said}")
        self.left = left
        """The hashes that may be sent again."""


class HashLessons(NamedTuple):
    """Teaches the storages of the rules that have a list for it."""

    rules: Sequence[Rule]
    exchanges: Exchanges

    @classmethod
    def of(cls, rules: Sequence[Rule], exchanges: Exchanges) -> HashLessons | None:
        """None where no rule may be taught, or has a list that learns."""
        found = [rule for rule in rules if rule.writing is not None and rule.learns]
        return cls(found, exchanges) if found else None

    async def follow(self, raw: bytes, status: LearnStatus, *, spam: bool) -> Taught:
        """Do what the classifiers did with a message: a lesson that was new to them adds weight in
        the list of its class, one that they took back takes it from there again.

        ``spam``: the class that was named, also where the lesson was taken back. A lesson that
        they knew or refused changes nothing. Raises nothing.
        """
        plan = tuple(_lists(status, spam=spam))
        if not plan:
            return Taught()
        message = Message(raw)
        texts = Texts(message)
        by_rule: list[tuple[Step, ...]] = []
        for rule in self.rules:
            found = [
                one
                for one in hashes_of(texts, rule.policy, rule.hashing)
                if _is_own_text(message.parts[one.part])
            ]
            steps = tuple(
                Step(rule, found, rule.learns[of_spam], gives)
                for of_spam, gives in plan
                if found and of_spam in rule.learns
            )
            if steps:
                by_rule.append(steps)
        return _together(await asyncio.gather(*map(self._steps, by_rule)))

    async def again(self, step: Step) -> Taught:
        """Try what was left once more."""
        return await self._steps((step,))

    async def _steps(self, steps: Sequence[Step]) -> Taught:
        """The steps of one rule, one after the other; none after one that is left."""
        for place, step in enumerate(steps):
            try:
                await self._step(step)
            except _NotTaughtError as error:
                if not error.left:
                    return Taught(str(error))
                rest = (step._replace(hashes=error.left), *steps[place + 1 :])
                return Taught(str(error), rest)
        return Taught()

    async def _step(self, step: Step) -> None:
        """A hash stands in one list of a storage. It, or its like, is looked up first: what stands
        in another list is left there, what is known in this one gets the weight."""
        rule, (flag, weight) = step.rule, step.learns
        new: dict[bytes, PartHash] = {}
        known: dict[bytes, PartHash] = {}
        gone: dict[bytes, PartHash] = {}
        for one, answer in await self._sent(rule, Command.CHECK, step.hashes):
            if not answer.found:
                if step.gives:
                    new[one.digest] = one
            elif answer.flag == flag:
                if step.gives or answer.value > weight:
                    # No shingles: those of the like would wander from one mail to the next.
                    same = answer.digest == one.digest and step.gives
                    shingles = one.shingles if same else ()
                    known[answer.digest] = one._replace(digest=answer.digest, shingles=shingles)
                elif answer.value == weight:
                    gone[answer.digest] = one._replace(digest=answer.digest)
        given = weight if step.gives else -weight
        await self._sent(rule, Command.WRITE, [*new.values(), *known.values()], flag, given)
        await self._sent(rule, Command.DELETE, list(gone.values()), flag)

    async def _sent(
        self,
        rule: Rule,
        command: Command,
        hashes: Sequence[PartHash],
        flag: int = 0,
        weight: int = 0,
    ) -> Sequence[tuple[PartHash, ReplyTo]]:
        asked = rule.teach(command, hashes, flag, weight)
        if asked is None:
            return ()
        reply = await carried(self.exchanges, asked.exchange)
        answers = rule.replies(asked, reply, taught=True)
        reads = command is Command.CHECK
        failed: list[PartHash] = []
        unsure = False
        for tag, answer in answers.items():
            if not answer.found and answer.value == FORBIDDEN:
                said = "takes no changes from this host (allow_update)"
                raise _NotTaughtError(rule, f"{reply.server} {said}")
            if not answer.found and answer.value == SKIPPED:
                continue  # it is meant to stay unknown
            if not answer.found and not reads and answer.value == UNSURE:
                unsure = True  # it is not sent again, and would count twice
            elif not answer.found and (not reads or answer.value == FAILED):
                failed.append(asked.hashes[tag])
        if failed:
            raise _NotTaughtError(
                rule, f"{reply.server}: its store failed", hashes if reads else failed
            )
        if unsure:
            said = "its store did not answer in time, a change may have been made"
            raise _NotTaughtError(rule, f"{reply.server}: {said}")
        if len(answers) < len(asked.hashes):
            # A change without a reply may have been made: it is not sent again.
            said = reply.evidence or "not every hash was answered"
            raise _NotTaughtError(rule, said, hashes if reads else ())
        return [(asked.hashes[tag], answer) for tag, answer in answers.items()]


def _lists(status: LearnStatus, *, spam: bool) -> Iterator[tuple[bool, bool]]:
    """The class whose list changes, and whether weight is added there."""
    if status is LearnStatus.UNLEARNED:
        yield spam, False
    if status is LearnStatus.RELEARNED:
        yield not spam, False
    if status in _GIVES:
        yield spam, True


def _is_own_text(part: Part) -> bool:
    """What the mail itself says: pictures and attachments (logos, terms, the mail of somebody else
    that is forwarded) are in good mail as well."""
    above = part.parent
    while above is not None:
        if above.is_message:
            return False
        above = above.parent
    return part.is_text


def _together(done: Sequence[Taught]) -> Taught:
    problem = "; ".join(one.problem for one in done if one.problem)
    return Taught(problem, tuple(step for one in done for step in one.left))


async def carried(by: Exchanges, question: Exchange) -> Reply:
    """What comes of one exchange."""
    future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def take(reply: Reply) -> None:
        if not future.done():
            future.set_result(reply)

    by.exchange(question, take)
    flush = getattr(by, "flush", None)  # a scanner's transport gathers what is asked
    if flush is not None:
        flush()
    return await future
