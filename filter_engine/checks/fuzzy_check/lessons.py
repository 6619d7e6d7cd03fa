"""Storages learn with the classifiers: mail that somebody calls spam is known when it comes again.

Which list takes what is said in the list itself (``learn = spam``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from filter_engine.checks.fuzzy_check.rule import Rule
from filter_engine.fuzzy.hashes import PartHash, Texts, hashes_of
from filter_engine.fuzzy.protocol import FORBIDDEN, Command, ReplyTo
from filter_engine.message import Message
from filter_engine.scan.exchange import Exchange, Exchanges, Reply

_FAILED: Final = 500
"""What a storage says whose own store did not answer."""


class _NotTaughtError(Exception):
    """A storage did not do it; the text says which and why."""


class HashLessons(NamedTuple):
    """Teaches the storages of the rules that have a list for it."""

    rules: Sequence[Rule]
    exchanges: Exchanges

    @classmethod
    def of(cls, rules: Sequence[Rule], exchanges: Exchanges) -> HashLessons | None:
        """None where no rule may be taught, or has a list that learns."""
        found = [rule for rule in rules if rule.writing is not None and rule.learns]
        return cls(found, exchanges) if found else None

    async def learn(
        self, message: Message, *, spam: bool, unlearn: bool = False, again: bool = False
    ) -> str:
        """Write the hashes of a message into the lists of its class, and take them out of the
        other's; with ``unlearn`` out of its own.

        ``again``: the lesson is not new, so a hash that is in its list is not counted once more.
        Returns what went wrong, for people; empty when all was done. Raises nothing.
        """
        texts = Texts(message)
        done = await asyncio.gather(
            *(
                self._rule(rule, hashes, spam=spam, unlearn=unlearn, again=again)
                for rule in self.rules
                if (hashes := hashes_of(texts, rule.policy, rule.hashing))
            ),
            return_exceptions=True,
        )
        for problem in done:
            if isinstance(problem, BaseException) and not isinstance(problem, _NotTaughtError):
                raise problem
        return "; ".join(str(problem) for problem in done if problem is not None)

    async def _rule(
        self, rule: Rule, hashes: Sequence[PartHash], *, spam: bool, unlearn: bool, again: bool
    ) -> None:
        """A hash stands in one list of a storage: it is looked up first, so that a deletion
        touches no list but those that learn."""
        own, other = rule.learns.get(spam), rule.learns.get(not spam)
        leaves = own if unlearn else other
        known = await self._sent(rule, Command.CHECK, hashes)
        lists = {
            answer.digest: answer.flag
            for answer in known
            if answer.found  # a near-duplicate's digest is another one
        }
        if leaves is not None:
            gone = [one for one in hashes if lists.get(one.digest) == leaves.flag]
            await self._sent(rule, Command.DELETE, gone, leaves.flag)
        if own is not None and not unlearn:
            new = [one for one in hashes if not (again and lists.get(one.digest) == own.flag)]
            await self._sent(rule, Command.WRITE, new, own.flag, own.weight)

    async def _sent(
        self,
        rule: Rule,
        command: Command,
        hashes: Sequence[PartHash],
        flag: int = 0,
        weight: int = 0,
    ) -> Sequence[ReplyTo]:
        asked = rule.teach(command, hashes, flag, weight)
        if asked is None:
            return ()
        reply = await carried(self.exchanges, asked.exchange)
        answers = rule.replies(asked, reply, taught=True)
        for answer in answers.values():
            if not answer.found and answer.value == FORBIDDEN:
                said = "takes no changes from this host (allow_update)"
                raise _NotTaughtError(f"fuzzy_check.rule {rule.name!r}: {reply.server} {said}")
            if not answer.found and (command is not Command.CHECK or answer.value == _FAILED):
                said = f"its store failed ({answer.value})"
                raise _NotTaughtError(f"fuzzy_check.rule {rule.name!r}: {reply.server}: {said}")
        if len(answers) < len(asked.hashes):
            said = reply.evidence or "not every hash was answered"
            raise _NotTaughtError(f"fuzzy_check.rule {rule.name!r}: {said}")
        return tuple(answers.values())


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
