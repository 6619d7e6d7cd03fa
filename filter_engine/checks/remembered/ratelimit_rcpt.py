"""Rate limits by recipient, asked before a message comes (RCPT of SMTP).

Only looked at here: what came is counted at the end of the message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from filter_engine.checks.remembered.buckets import FIELDS, is_full
from filter_engine.checks.remembered.ratelimit import Limits, counted, is_exempt, refusal
from filter_engine.checks.remembered.ratelimit_options import RatelimitOptions
from filter_engine.config.schema import Section
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.store import StoreAnswer, StoreQuestion
from filter_engine.scan.task import Task

_KNOWN: Final = frozenset({"to", "ip", "rip", "from", "bounce", "user"})
"""What can be counted before the message is there."""


class Asked(Protocol):
    """A client of stores (``store.client.StoreClient``)."""

    async def answer(self, question: StoreQuestion) -> StoreAnswer: ...


@frozen
class RecipientLimits:
    """The limits of a configuration that go by recipient."""

    limits: Limits
    options: RatelimitOptions

    async def refused(self, task: Task, stores: Asked) -> str | None:
        """Why the one recipient of ``task`` is refused for now; None when it is not.

        A store that does not answer refuses nobody. Raises nothing but cancellation.
        """
        if is_exempt(task, self.limits, self.options):
            return None
        named = counted(task, self.limits, self.options)
        buckets = [one for one in named if not one.bucket.skip_soft_reject]
        questions = (self.limits.store.fields(one.key, *FIELDS) for one in buckets)
        answers: Sequence[StoreAnswer] = await asyncio.gather(*map(stores.answer, questions))
        for one, answer in zip(buckets, answers, strict=True):
            if answer.ok and is_full(
                answer.value, task.now * 1000, one.bucket.rate / 1000.0, one.bucket.burst, one.more
            ):
                return refusal(one)
        return None


def recipient_limits(
    state: object, sections: Mapping[type[Section], Section]
) -> RecipientLimits | None:
    """Of what the check ``ratelimit`` prepared, the limits by recipient; None without any."""
    options = sections.get(RatelimitOptions)
    if not isinstance(state, Limits) or not isinstance(options, RatelimitOptions):
        return None
    found = []
    for limit in state.limits:
        words = set(limit.name.split("_"))
        if limit.selector is None and "to" in words and words <= _KNOWN:
            found.append(limit)
    if not found or options.symbol:
        return None
    return RecipientLimits(replace(state, limits=tuple(found)), options)
