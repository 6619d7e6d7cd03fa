"""The classifiers of a configuration and their stores, for those that teach outside a worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from filter_engine.checks.fuzzy_check.lessons import HashLessons, Step
from filter_engine.checks.fuzzy_check.module import rules_of
from filter_engine.checks.fuzzy_check.options import FuzzyCheckOptions
from filter_engine.config.model import Config
from filter_engine.message import Message
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.setup import Setup
from filter_engine.statistics.classifier import Classifier, classifiers
from filter_engine.statistics.learning import LearnStatus, Lesson, learn, learnt_in_all
from filter_engine.statistics.options import ClassifiersOptions
from filter_engine.statistics.tokens import tokens_of
from filter_engine.store.client import StoreClient
from filter_engine.store.session import open_stores
from filter_engine.streams.client import StreamClient
from filter_engine.streams.session import open_streams

_LEFT: Final = 1000
"""Changes that wait for a storage of hashes; the oldest are given up."""
_TIMES: Final = 120
"""How often one is tried again."""


class NothingToTeachError(Exception):
    """The configuration has no classifier that could learn; the text says why."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """Teaches every classifier of a configuration, or the one of a name."""

    classifiers: Sequence[Classifier]
    stores: StoreClient | None = None
    """None: nothing is asked and nothing learnt."""
    hashes: HashLessons | None = None
    """The storages of fuzzy hashes that learn with them; None for none."""
    left: deque[tuple[Step, int]] = field(default_factory=lambda: deque(maxlen=_LEFT))
    """What such a storage did not take while it was away, and how often it was tried."""

    @property
    def needs_user(self) -> bool:
        """Users have classifiers of their own."""
        return any(one.options.has_users for one in self.classifiers)

    async def learn(
        self, raw: bytes, *, spam: bool, rcpt: str = "", unlearn: bool = False, bulk: bool = False
    ) -> Lesson:
        """Learn or take back one message; ``rcpt`` is whose classifier that is where users have
        their own. As ``statistics.learning.learn`` else; raises nothing.

        A storage of hashes that cannot be taught fails no lesson: ``untaught`` says why, and
        ``again`` tries it once more where it was away.
        """
        if not rcpt and self.needs_user:
            return Lesson(LearnStatus.REFUSED, "users have classifiers of their own: whose is it?")
        if self.stores is None:
            return self._would(raw)
        envelope = Envelope(deliver_to=rcpt or None)
        lesson = await learn(
            self.stores,
            self.classifiers,
            raw,
            spam=spam,
            envelope=envelope,
            unlearn=unlearn,
            bulk=bulk,
        )
        if self.hashes is None:
            return lesson
        taught = await self.hashes.follow(raw, lesson.status, spam=spam)
        self.left.extend((step, 0) for step in taught.left)
        return lesson._replace(untaught=taught.problem)

    async def again(self) -> None:
        """Ask the storages of hashes for what they did not take, until one is still away."""
        while self.hashes is not None and self.left:
            step, times = self.left.popleft()
            taught = await self.hashes.again(step)
            if taught.left:
                if times + 1 < _TIMES:
                    self.left.extendleft((one, times + 1) for one in taught.left)
                return

    def _would(self, raw: bytes) -> Lesson:
        tokens = tokens_of(Message(raw))
        for one in self.classifiers:
            if why := one.fits(tokens):
                return Lesson(LearnStatus.REFUSED, why)
        return Lesson(LearnStatus.LEARNED, f"{len(tokens.values)} tokens")

    async def learnt(self) -> dict[str, tuple[int, int]]:
        """Classifier -> messages learnt as spam and as ham, of those that do not go by user."""
        found: dict[str, tuple[int, int]] = {}
        if self.stores is not None:
            for one in self.classifiers:
                if not one.options.has_users:
                    numbers = await learnt_in_all(self.stores, one)
                    if numbers is not None:
                        found[one.options.name] = numbers
        return found


def chosen(config: Config, name: str = "") -> tuple[Classifier, ...]:
    """The classifiers that may learn, or the one of that ``name``.

    Raises ``NothingToTeachError``.
    """
    options = config.modules.get("classifier")
    if not isinstance(options, ClassifiersOptions) or not config.is_enabled("classifier"):
        raise NothingToTeachError("the module classifier is off")
    found = classifiers(Setup(config), options.every)
    if name:
        known = ", ".join(sorted(one.options.name for one in found)) or "none"
        found = tuple(one for one in found if one.options.name.lower() == name.lower())
        if not found:
            raise NothingToTeachError(f"no classifier has the name {name!r}; known: {known}")
    if not found:
        raise NothingToTeachError("no classifier is on")
    if not any(one.options.allow_learn for one in found):
        raise NothingToTeachError("allow_learn is false: this site's classifiers only read")
    return found


@contextmanager
def teacher(
    config: Config, found: Sequence[Classifier], *, dry: bool = False, hashes: bool = False
) -> Iterator[Teacher]:
    """A teacher of these classifiers with its stores open, within a running event loop.

    ``hashes``: the site's storages of fuzzy hashes learn what their lists say (``learn``).
    """
    if dry:
        yield Teacher(found)
        return
    with open_stores(config) as (resolver, stores), open_streams(config, resolver) as streams:
        yield Teacher(found, stores, _hashes(config, streams) if hashes else None)


def _hashes(config: Config, streams: StreamClient) -> HashLessons | None:
    options = config.modules.get("fuzzy_check")
    if not isinstance(options, FuzzyCheckOptions) or not config.is_enabled("fuzzy_check"):
        return None
    return HashLessons.of(rules_of(options, Setup(config)), streams)
