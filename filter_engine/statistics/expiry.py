"""Which tokens end, and when: a walk through a classifier's tokens in Redis, step by step.

Learning gives a token ``expire`` seconds. The walk looks at how it was used since, by the classes
of Rspamd's module ``bayes_expiry``: significant tokens, seen often and nearly always in one class,
stay for ever; common ones, as often in spam as in ham, end after ``common_ttl``; all others after
``expire``. A step looks at ``count`` keys, so that nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, NamedTuple, Self

from filter_engine.config.kinds import INTEGER, NUMBER, TIME, at_least
from filter_engine.config.options_class import options_class
from filter_engine.config.redis import RedisConfig
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section, option
from filter_engine.scan.store import Embedded, Script, StoreAnswer, StoreQuestion, Value
from filter_engine.statistics.classifier import Classifier

MODULE: Final = "bayes_expiry"
_MAX_COUNT: Final = 10_000
"""Keys of one step at most: Redis does nothing else meanwhile."""
_MIN_INTERVAL: Final = 1.0

#: KEYS: the classifier's prefix. ARGV: cursor, pattern of tokens, keys to look at, expire, seconds
#: of common tokens, distance from even of these, share of significant ones. Answer: the next
#: cursor, then the numbers of ``Walked``. Hashes without ``S`` and ``H`` are no tokens.
_WALK = """
local expire, common_ttl = tonumber(ARGV[4]), tonumber(ARGV[5])
local epsilon, factor = tonumber(ARGV[6]), tonumber(ARGV[7])
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
local tokens, seen, sum = {}, 0, 0
for _, key in ipairs(page[2]) do
  if redis.call('TYPE', key)['ok'] == 'hash' then
    local counts = redis.call('HMGET', key, 'S', 'H')
    if counts[1] or counts[2] then
      local spam, ham = tonumber(counts[1]) or 0, tonumber(counts[2]) or 0
      seen = seen + 1
      sum = sum + spam + ham
      tokens[seen] = {key, spam, ham}
    end
  end
end
local significant, kept, common, shortened, others, limited = 0, 0, 0, 0, 0, 0
local function limit(key, left, seconds)
  if left >= 0 and left <= seconds then return 0 end
  return redis.call('EXPIRE', key, seconds)
end
for _, token in ipairs(tokens) do
  local key, spam, ham = token[1], token[2], token[3]
  local total, left = spam + ham, redis.call('TTL', key)
  if total <= 0 or math.abs(spam - ham) <= total * epsilon then
    common = common + 1
    shortened = shortened + limit(key, left, common_ttl)
  elseif total * seen >= sum and math.max(spam, ham) > total * factor then
    significant = significant + 1
    if left >= 0 then kept = kept + redis.call('PERSIST', key) end
  else
    others = others + 1
    limited = limited + limit(key, left, expire)
  end
end
return {page[1], seen, significant, kept, common, shortened, others, limited}
"""


def _no_walk(_base: Embedded, _keys: Sequence[bytes], _args: Sequence[bytes]) -> Value:
    return [b"0"]  # the embedded store removes what ended by itself


WALK: Final = Script("bayes expiry", _WALK, _no_walk, writes=True)


@options_class
class ExpiryOptions(Section):
    """Which tokens of statistics end: those of classifiers with ``expire``, in Redis."""

    anchor: ClassVar[str] = "modules/bayes_expiry"
    known: ClassVar[Mapping[str, Option]] = unserved(MODULE)

    interval: float = option(TIME, 60.0, unit="seconds", doc="time between two steps")
    count: int = option(
        at_least(INTEGER, 1), 1000, unit="keys", doc="looked at in one step, at most 10000"
    )
    epsilon_common: float = option(
        NUMBER, 0.01, doc="share by which spam and ham may differ in a common token"
    )
    common_ttl: float = option(TIME, 864_000.0, unit="seconds", doc="how long common tokens stay")
    significant_factor: float = option(
        NUMBER, 0.75, doc="share of one class from which a token stays for ever"
    )


class Walked(NamedTuple):
    """What steps did, in tokens."""

    seen: int = 0
    significant: int = 0
    kept: int = 0
    """Significant ones that would have ended."""
    common: int = 0
    shortened: int = 0
    """Common ones that would have lasted longer."""
    others: int = 0
    limited: int = 0
    """Others that would have lasted longer."""

    def plus(self, other: Walked) -> Walked:
        """Both."""
        return Walked(*(one + two for one, two in zip(self, other, strict=True)))

    def __str__(self) -> str:
        return (
            f"{self.seen} tokens: {self.significant} significant ({self.kept} made to stay), "
            f"{self.common} common ({self.shortened} shortened), "
            f"{self.others} others ({self.limited} limited)"
        )


class Expiry:
    """The walk through the tokens of one classifier; a new one begins at the first key."""

    def __init__(self, classifier: Classifier, options: ExpiryOptions) -> None:
        self.name = classifier.options.name
        self.interval = max(options.interval, _MIN_INTERVAL)
        self.cycle = Walked()
        """What was done since the last round began."""
        self._classifier = classifier
        self._cursor = b"0"
        # a user's name stands for itself, whatever is in it
        nobody, *_ = self._parts = classifier.prefix("\0").split(b"\0")
        self._keys = [nobody]
        pattern = b"*".join(map(_escaped, self._parts)) + b"_*"
        self._args = [
            pattern,
            b"%d" % min(options.count, _MAX_COUNT),
            b"%d" % max(int(classifier.options.expire), 1),
            b"%d" % max(int(options.common_ttl), 1),
            repr(options.epsilon_common).encode(),
            repr(options.significant_factor).encode(),
        ]

    @classmethod
    def of(cls, classifier: Classifier, options: ExpiryOptions) -> Self | None:
        """The walk; None where tokens stay, are not in Redis, or are not to be written."""
        said = classifier.options
        if said.expire < 1 or not said.allow_learn:
            return None
        where = classifier.store.where
        return cls(classifier, options) if isinstance(where, RedisConfig) else None

    def step(self) -> StoreQuestion:
        """Look at the next keys. It writes, so a replica is never asked."""
        return self._classifier.store.run(WALK, self._keys, [self._cursor, *self._args])

    def take(self, answer: StoreAnswer) -> Walked | None:
        """Read the answer to ``step``; what a whole round did when it ended one.

        Raises ``ValueError`` for a store that did not do it: the same keys come again.
        """
        if not answer.ok:
            raise ValueError(answer.evidence)
        value = answer.value
        if not isinstance(value, list) or not value or not isinstance(value[0], bytes):
            raise ValueError(f"{answer.server}: no answer of the script")
        numbers = [n for n in value[1:] if isinstance(n, int)]
        if len(numbers) != len(Walked._fields):
            raise ValueError(f"{answer.server}: no answer of the script")
        self._cursor = value[0]
        done = self.cycle.plus(Walked(*numbers))
        ended = self._cursor == b"0"
        self.cycle = Walked() if ended else done
        return done if ended else None


def _escaped(text: bytes) -> bytes:
    """A text in a pattern of Redis, which stands for itself."""
    return b"".join(b"\\" + bytes([c]) if c in b"*?[]\\^-" else bytes([c]) for c in text)
