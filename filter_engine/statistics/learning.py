"""Teaching the classifiers: what a person says a message is, or no longer is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from filter_engine.message import Message
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.store import StoreAnswer, StoreQuestion
from filter_engine.statistics.classifier import Classifier, numbers_of
from filter_engine.statistics.tokens import tokens_of

_SURE = 0.95
"""Probability from which a message is of its class anyway."""


class LearnStatus(Enum):
    """How a lesson ended."""

    LEARNED = "learned"
    RELEARNED = "relearned"
    """It had been learnt as the other class, which was taken back."""
    UNLEARNED = "unlearned"
    KNOWN = "known"
    """It was learnt as this class before (HTTP 208 at the controller)."""
    NOT_LEARNT = "not learnt"
    """To be taken back, it was not learnt as this class (208 too)."""
    REFUSED = "refused"
    """Too few or too many tokens, no classifier, sure of it anyway (HTTP 204)."""
    FAILED = "failed"
    """The store did not take it."""


class Lesson(NamedTuple):
    """What came of one message and one classifier."""

    status: LearnStatus
    detail: str = ""
    """For people."""
    untaught: str = ""
    """Why a storage of fuzzy hashes did not learn it too; empty where all did, or need not."""

    @property
    def ok(self) -> bool:
        """The store knows of it now."""
        return self.status not in (LearnStatus.FAILED, LearnStatus.REFUSED)


class Asked(Protocol):
    """A client of stores (``store.client.StoreClient``)."""

    async def answer(self, question: StoreQuestion) -> StoreAnswer: ...


async def learnt_in_all(stores: Asked, classifier: Classifier) -> tuple[int, int] | None:
    """How many messages were learnt as spam and ham, whatever language; None: no answer.

    Of those that do not go by user.
    """
    questions = classifier.learnt_by_language("")
    answers = await asyncio.gather(*(stores.answer(question) for question in questions))
    if not all(answer.ok for answer in answers):
        return None
    spam, ham = zip(*map(numbers_of, answers), strict=True)
    return sum(spam), sum(ham)


async def learn(
    stores: Asked,
    classifiers: Sequence[Classifier],
    raw: bytes,
    *,
    spam: bool,
    envelope: Envelope | None = None,
    unlearn: bool = False,
    bulk: bool = False,
    name: str = "",
) -> Lesson:
    """Learn a message as spam or ham in every classifier, or in the one of that ``name``.

    ``unlearn`` takes back what was learnt as that class. Unless ``bulk``, a message whose class is
    certain anyway is refused (as by Rspamd's stock ``learn_condition``). Of several classifiers the
    worst lesson is returned. Raises nothing for any message.
    """
    envelope = envelope or Envelope()
    tokens = tokens_of(Message(raw))
    worst: Lesson | None = None
    for one in classifiers:
        if name and one.options.name.lower() != name.lower():
            continue
        if not one.options.allow_learn:
            lesson = Lesson(LearnStatus.REFUSED, f"{one.options.name}: allow_learn is false")
        elif why := one.fits(tokens):
            lesson = Lesson(LearnStatus.REFUSED, why)
        else:
            user = one.user(envelope)
            lesson = Lesson(LearnStatus.LEARNED)
            if not (bulk or unlearn):
                answer = await stores.answer(one.look_up(tokens, user))
                _, said = one.judge(answer, tokens)
                p = said.probability
                if p is not None and (p >= _SURE if spam else p <= 1.0 - _SURE):
                    word = "spam" if spam else "ham"
                    detail = f"already in class {word}; certainty {said.certainty * 100:.2f}%"
                    lesson = Lesson(LearnStatus.REFUSED, detail)
            if lesson.ok:
                ask = one.unlearn if unlearn else one.learn
                lesson = _lesson(await stores.answer(ask(tokens, user, spam=spam)))
        if worst is None or (worst.ok and not lesson.ok):
            worst = lesson
    return worst or Lesson(LearnStatus.REFUSED, "no classifier")


_STATUS = {
    b"learned": LearnStatus.LEARNED,
    b"relearned": LearnStatus.RELEARNED,
    b"unlearned": LearnStatus.UNLEARNED,
    b"known": LearnStatus.KNOWN,
    b"unknown": LearnStatus.NOT_LEARNT,
}


def _lesson(answer: StoreAnswer) -> Lesson:
    if not answer.ok:
        return Lesson(LearnStatus.FAILED, answer.evidence)
    status = _STATUS.get(answer.value) if isinstance(answer.value, bytes) else None
    if status is None:
        return Lesson(LearnStatus.FAILED, f"{answer.server}: no answer of the script")
    return Lesson(status)
