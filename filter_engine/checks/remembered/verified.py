"""Who has answered mail of this site: two sorted sets, of a sender's own correspondents and of all.

Kept by replies, read by known_senders. Keys and members as in Rspamd 3.9; the newest stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from filter_engine.checks.remembered.keys import digest, octets
from filter_engine.config.kinds import INTEGER, STRING, at_least
from filter_engine.config.options_class import options_class
from filter_engine.config.redis import ModuleRedis
from filter_engine.config.schema import option
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.store import Embedded, Script, Store, StoreQuestion, Value

_WHO: Final = 8
MAX_RECIPIENTS: Final = 100
"""Of one mail that are kept."""


@options_class
class VerifiedOptions(ModuleRedis):
    """Names of the sets; the same in both modules."""

    anchor: ClassVar[str] = "modules/known_senders"

    sender_prefix: str = option(STRING, "rsrk", doc="put before the key of senders for all")
    sender_key_global: str = option(STRING, "verified_senders", doc="key of senders for all")
    sender_key_size: int = option(
        at_least(INTEGER, 1), 20, unit="characters", doc="of that key's digest"
    )


#: KEYS: the sender's set, that of all. ARGV: now, seconds the first is kept, sizes of both,
#: members.
_KEEP: Final = """
for i = 5, #ARGV do
  redis.call('ZADD', KEYS[1], ARGV[1], ARGV[i])
  redis.call('ZADD', KEYS[2], ARGV[1], ARGV[i])
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -tonumber(ARGV[3]) - 1)
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -tonumber(ARGV[4]) - 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return #ARGV - 4
"""


def keep_newest(
    base: Embedded, key: bytes, now: bytes, members: Sequence[bytes], size: int
) -> None:
    """Put members into a set of the embedded store, where it is a hash of scores; ``size`` stay."""
    if base.put(key, dict.fromkeys(members, now)):
        base.leave_highest(key, size)


def _keep(base: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> Value:
    now, life, *sizes = args[:4]
    for key, size in zip(keys, sizes, strict=True):
        keep_newest(base, key, now, args[4:], int(size))
    base.expire(keys[0], float(life))
    return len(args) - 4


_KEEP_SCRIPT: Final = Script("verified senders keep", _KEEP, _keep, writes=True)

#: KEYS: the sender's set, that of all. ARGV: the sender, recipients. Answer: whether all know the
#: sender, and how many of the recipients are in its set.
_KNOWN: Final = """
local known = redis.call('ZSCORE', KEYS[2], ARGV[1]) and 1 or 0
local count = 0
for i = 2, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) then count = count + 1 end
end
return {known, count}
"""


def _known(base: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> Value:
    known = base.fields(keys[1], args[0])[0] is not None
    members = base.fields(keys[0], *args[1:]) if len(args) > 1 else []
    return [int(known), sum(1 for score in members if score is not None)]


_KNOWN_SCRIPT: Final = Script("verified senders known", _KNOWN, _known, writes=False)


@frozen
class Verified:
    """The sets of a site."""

    everybody: bytes
    """Key of the set of all."""

    @classmethod
    def of(cls, options: VerifiedOptions) -> Verified:
        """The sets that these options name."""
        name = digest(octets(options.sender_key_global), options.sender_key_size)
        return cls(octets(options.sender_prefix) + name)

    def _keys(self, sender: str) -> tuple[bytes, bytes]:
        return self.key_of(sender), self.everybody

    def key_of(self, sender: str) -> bytes:
        """The key of a sender's own set."""
        return digest(octets(sender.lower()), _WHO)

    def keep(
        self,
        store: Store,
        sender: str,
        recipients: Sequence[str],
        now: float,
        seconds: float,
        sizes: tuple[int, int],
    ) -> tuple[StoreQuestion, ...]:
        """Remember the recipients of an answer, for ``seconds`` in the sender's set; ``sizes`` are
        the most that the two sets hold."""
        args = [b"%.6f" % now, b"%d" % max(int(seconds), 1), b"%d" % sizes[0], b"%d" % sizes[1]]
        args += map(octets, recipients[:MAX_RECIPIENTS])
        return (store.run(_KEEP_SCRIPT, self._keys(sender), args),)

    def known(self, store: Store, sender: str, recipients: Sequence[str]) -> StoreQuestion:
        """Whether everybody knows the sender (1 or 0), and how many of the recipients it knows."""
        args = [octets(sender), *map(octets, recipients)]
        return store.run(_KNOWN_SCRIPT, self._keys(sender), args)
