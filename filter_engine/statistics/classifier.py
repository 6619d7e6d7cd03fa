"""One classifier as it is asked and taught: its store, keys and limits."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

from filter_engine.config.redis import RedisConfig
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import Store, StoreAnswer, StoreQuestion
from filter_engine.statistics.bayes import Counts, Judgement, Limits, judge
from filter_engine.statistics.language import ENGLISH, languages
from filter_engine.statistics.options import ClassifierOptions
from filter_engine.statistics.scripts import COUNTS, LEARN, LOOK_UP, UNLEARN
from filter_engine.statistics.tokens import Tokens

log = logging.getLogger(__name__)

_OBJECT: Final = "%s%l"
_USERS_OBJECT: Final = "%s%l%r"


class Classifier(NamedTuple):
    """Made once a configuration."""

    options: ClassifierOptions
    store: Store
    spam: str
    """Symbol of spam."""
    ham: str
    limits: Limits
    ids: bytes = b""
    """The hash of what was learnt already; empty: as the options say."""

    @classmethod
    def of(cls, options: ClassifierOptions, setup: Setup) -> Classifier | None:
        """The classifier of a section; None for one that is off or has no two classes."""
        spam, ham = options.symbols
        if not (options.enabled and spam and ham):
            return None
        embedded = None
        if options.backend:
            embedded = options.backend != "redis"
        elif options.path:
            embedded = True
        # As in Rspamd, these keys have no other prefix than the classifier's own.
        try:
            store = setup.store(
                "bayes", options, embedded=embedded, path=options.path, prefixed=False
            )
        except ValueError as error:  # backend = "redis" in a site without Redis
            log.warning("the classifier %s is off: %s", options.name, error)
            return None
        limits = Limits(
            options.min_learns,
            options.min_tokens,
            options.max_tokens,
            options.min_token_hits,
            options.min_prob_strength,
        )
        return cls(options, store, spam, ham, limits)

    def fits(self, tokens: Tokens) -> str:
        """Why a message is passed over, empty when it is not."""
        count, limits = len(tokens.values), self.limits
        if count < limits.min_tokens:
            return f"{count} tokens, at least {limits.min_tokens} are needed"
        if 0 < limits.max_tokens < count:
            return f"{count} tokens, at most {limits.max_tokens} are looked at"
        return ""

    def user(self, envelope: Envelope) -> str:
        """Whose tokens count; empty: everybody's."""
        if not self.options.has_users:
            return ""
        recipient = envelope.deliver_to or (envelope.rcpt_to[0] if envelope.rcpt_to else "")
        return recipient.strip("<>").lower()

    def prefix(self, user: str, language: str = "") -> bytes:
        """What all keys begin with.

        ``language`` counts where each has tokens of its own. Those of none, and of English, have
        the keys that all mail has elsewhere, so that what was learnt before is not lost.
        """
        pattern = self.options.prefix or (_USERS_OBJECT if self.options.has_users else _OBJECT)
        made = pattern.replace("%s", "RS").replace("%l", self.options.label).replace("%r", user)
        if language and self.options.has_languages:
            made = f"{made}_{language}"
        return made.encode("utf-8", "surrogateescape")

    def learnt(self, user: str) -> StoreQuestion:
        """How many messages were learnt as spam, and as ham?"""
        return self.store.fields(self.prefix(user), b"learns_spam", b"learns_ham")

    def learnt_by_language(self, user: str) -> tuple[StoreQuestion, ...]:
        """The same of each language; one question where they are not told apart."""
        codes = sorted(languages() - {ENGLISH}) if self.options.has_languages else ()
        return tuple(
            self.store.fields(self.prefix(user, code), b"learns_spam", b"learns_ham")
            for code in ("", *codes)
        )

    def look_up(self, tokens: Tokens, user: str) -> StoreQuestion:
        """What is known of the tokens?"""
        prefix = self.prefix(user, tokens.language)
        return self.store.run(LOOK_UP, [prefix], [tokens.packed, tokens.kinds])

    def judge(self, answer: StoreAnswer, tokens: Tokens) -> tuple[Counts | None, Judgement]:
        """The counts in the answer to ``look_up``, and what they say; raises nothing."""
        if not answer.ok:
            return None, Judgement(None, why=answer.evidence)
        try:
            counts = counts_of(answer)
            return counts, judge(counts, len(tokens.values), tokens.text, self.limits)
        except ValueError as error:
            return None, Judgement(None, why=f"{answer.server}: {error}")

    def learn(self, tokens: Tokens, user: str, *, spam: bool) -> StoreQuestion:
        """Learn them; what was learnt as the other class is moved over."""
        return self.store.run(LEARN, *self._lesson(tokens, user, spam=spam))

    def unlearn(self, tokens: Tokens, user: str, *, spam: bool) -> StoreQuestion:
        """Take back what was learnt as that class."""
        return self.store.run(UNLEARN, *self._lesson(tokens, user, spam=spam))

    def _lesson(
        self, tokens: Tokens, user: str, *, spam: bool
    ) -> tuple[Sequence[bytes], Sequence[bytes]]:
        sets = [f"{symbol}_keys".encode() for symbol in (self.spam, self.ham)]
        keys = (
            self.prefix(user, tokens.language),
            self.ids or self.options.cache.key_prefix.encode(),
            *(sets if spam else reversed(sets)),
        )
        letter, ttl = (b"S" if spam else b"H"), b"%d" % int(max(self.options.expire, 0))
        return keys, (tokens.packed, letter, tokens.digest(user), ttl)


def counts_of(answer: StoreAnswer) -> Counts:
    """The counts in the answer to ``look_up``; raises ``ValueError`` for what is none."""
    value = answer.value
    if not isinstance(value, list) or list(map(type, value)) != [int, int, bytes]:
        raise ValueError("no counts")
    spam, ham, known = value
    if min(spam, ham) < 0 or len(known) % COUNTS.size:
        raise ValueError("counts that are no numbers of messages")
    return Counts(spam, ham, list(COUNTS.iter_unpack(known)))


def numbers_of(answer: StoreAnswer) -> tuple[int, int]:
    """The numbers in the answer to ``learnt``; zeros for what is none."""
    value = answer.value
    if not isinstance(value, list) or len(value) != 2:
        return 0, 0
    spam, ham = (int(n) if isinstance(n, bytes) and n.isdigit() else 0 for n in value)
    return spam, ham


def classifiers(setup: Setup, found: Sequence[ClassifierOptions]) -> tuple[Classifier, ...]:
    """Those of a configuration that are on.

    Each knows what it has learnt: of several with tokens of their own and one name for that, the
    first keeps the name. In Rspamd they share it, and learn together or not at all.
    """
    made = (Classifier.of(options, setup) for options in found)
    known: dict[tuple[str, str, str], bytes] = {}
    every: list[Classifier] = []
    for one in made:
        if one is None:
            continue
        ids, tokens = one.options.cache.key_prefix, one.prefix("")
        database = one.store.where.db if isinstance(one.store.where, RedisConfig) else ""
        first = known.setdefault((str(one.store), database, ids), tokens)
        every.append(
            one if first == tokens else one._replace(ids=b"%b_%b" % (ids.encode(), tokens))
        )
    return tuple(every)
