"""How hashes are kept: Rspamd's keys, in questions to a store. No I/O.

``PREFIX`` and the digest name a hash with F (flag), V (weight), C (time of the first writing);
``PREFIX_n_SHINGLE`` holds the digest; ``PREFIX_count`` how many there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from filter_engine.fuzzy.protocol import DIGEST, SHINGLES, Request
from filter_engine.scan.store import Embedded, Script, Store, StoreQuestion, Value

_LARGEST: Final = (1 << 31) - 1
"""Of a weight, which a reply holds in 32 bits with a sign."""
_UNSIGNED: Final = (1 << 32) - 1
"""Of what a reply holds in 32 bits without one."""
_FIELDS: Final = (b"V", b"F", b"C")


class Hit(NamedTuple):
    """A hash that is kept."""

    digest: bytes
    weight: int
    flag: int
    time: int


class Near(NamedTuple):
    """The hash that most shingles belong to."""

    digest: bytes
    share: float
    """Of the 32 shingles."""


def _write(store: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> Value:
    flag, weight, time, life, digest = args
    ttl = float(life)
    known = store.fields(keys[0], b"F")[0] is not None
    store.put(keys[0], {b"F": flag})
    if store.fields(keys[0], b"C")[0] is None:
        store.put(keys[0], {b"C": time})
    sum_ = _weight(_number(store.fields(keys[0], b"V")[0]) + int(weight))
    store.put(keys[0], {b"V": b"%d" % sum_})
    store.expire(keys[0], ttl)
    for key in keys[2:]:
        store.set(key, digest, ttl)
    if not known:
        store.set(keys[1], b"%d" % (_number(store.get(keys[1])) + 1))
    return sum_


def _delete(store: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> Value:
    gone = store.delete(keys[0])
    for key in keys[2:]:
        if store.get(key) == args[0]:
            store.delete(key)
    if gone:
        store.set(keys[1], b"%d" % max(_number(store.get(keys[1])) - 1, 0))
    return gone


def _refresh(store: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> Value:
    return sum(store.expire(key, float(args[0])) for key in keys)


WRITE: Final = Script(
    "fuzzy write",
    """
    local known = redis.call('HEXISTS', KEYS[1], 'F')
    redis.call('HSET', KEYS[1], 'F', ARGV[1])
    redis.call('HSETNX', KEYS[1], 'C', ARGV[3])
    local sum = (tonumber(redis.call('HGET', KEYS[1], 'V') or 0) or 0) + tonumber(ARGV[2])
    sum = math.max(-2147483648, math.min(2147483647, sum))
    redis.call('HSET', KEYS[1], 'V', string.format('%.0f', sum))
    redis.call('EXPIRE', KEYS[1], ARGV[4])
    for place = 3, #KEYS do redis.call('SETEX', KEYS[place], ARGV[4], ARGV[5]) end
    if known == 0 and type(redis.pcall('INCR', KEYS[2])) ~= 'number' then
      redis.call('SET', KEYS[2], 1)
    end
    return sum
    """,
    _write,
    writes=True,
)
DELETE: Final = Script(
    "fuzzy delete",
    """
    local gone = redis.call('DEL', KEYS[1])
    for place = 3, #KEYS do
      if redis.pcall('GET', KEYS[place]) == ARGV[1] then redis.call('DEL', KEYS[place]) end
    end
    if gone == 1 then
      local left = redis.pcall('DECR', KEYS[2])
      if type(left) ~= 'number' or left < 0 then redis.call('SET', KEYS[2], 0) end
    end
    return gone
    """,
    _delete,
    writes=True,
)
REFRESH: Final = Script(
    "fuzzy refresh",
    """
    local sum = 0
    for place = 1, #KEYS do sum = sum + redis.call('EXPIRE', KEYS[place], ARGV[1]) end
    return sum
    """,
    _refresh,
    writes=True,
)


class Shelf:
    """The hashes in one store; ``expire`` is how long one lives, in seconds."""

    def __init__(self, store: Store, prefix: str = "fuzzy", expire: float = 172_800.0) -> None:
        self.store = store
        self._prefix = prefix.encode()
        self._life = b"%d" % max(int(expire), 1)

    def _keys(self, shingles: Sequence[int]) -> tuple[bytes, ...]:
        prefix = self._prefix
        return tuple([b"%b_%d_%d" % (prefix, n, value) for n, value in enumerate(shingles)])

    def exact(self, digest: bytes) -> StoreQuestion:
        """Ask for a digest; ``hit`` reads the answer."""
        return self.store.fields(self._prefix + digest, *_FIELDS)

    def near(self, shingles: Sequence[int]) -> StoreQuestion:
        """Ask whose the shingles are; ``nearest`` reads the answer."""
        return self.store.get_all(*self._keys(shingles))

    def count(self) -> StoreQuestion:
        """Ask how many hashes there are; ``unsigned`` reads the answer."""
        return self.store.get(self._prefix + b"_count")

    def change(self, request: Request, now: float) -> StoreQuestion:
        """Write or delete what a request says."""
        keys = (
            self._prefix + request.digest,
            self._prefix + b"_count",
            *self._keys(request.shingles),
        )
        if request.command.name == "DELETE":
            return self.store.run(DELETE, keys, (request.digest,))
        flag, weight = b"%d" % request.flag, b"%d" % request.value
        return self.store.run(WRITE, keys, (flag, weight, b"%d" % now, self._life, request.digest))

    def refresh(self, digest: bytes, shingles: Sequence[int]) -> StoreQuestion:
        """Let a hash that was found live as long as a new one."""
        keys = (self._prefix + digest, *self._keys(shingles))
        return self.store.run(REFRESH, keys, (self._life,))


def hit(digest: bytes, answer: Any) -> Hit | None:
    """What was answered to ``exact``; None for a hash that is not kept.

    Numbers are what a reply can hold: the store may have been written by others.
    """
    if not isinstance(answer, list) or len(answer) != len(_FIELDS):
        return None
    weight, flag, time = answer
    if weight is None or flag is None:
        return None
    return Hit(digest, _weight(number(weight)), number(flag) & _UNSIGNED, unsigned(time))


def nearest(answer: Any) -> Near | None:
    """What was answered to ``near``; None unless more than half of the shingles are of one hash."""
    if not isinstance(answer, list):
        return None
    found = Counter(d for d in answer if isinstance(d, bytes) and len(d) == DIGEST)
    if not found:
        return None
    digest, count = found.most_common(1)[0]
    return Near(digest, count / SHINGLES) if 2 * count > SHINGLES else None


def _weight(value: int) -> int:
    return max(-_LARGEST - 1, min(value, _LARGEST))


def unsigned(value: Any) -> int:
    """A number of a store as a reply can hold it, in 32 bits."""
    return max(0, min(number(value), _UNSIGNED))


def number(value: Any) -> int:
    """A number that a store holds as text; what makes no sense is 0."""
    return _number(value) if isinstance(value, bytes) else 0


def _number(value: bytes | None) -> int:
    try:
        return int(value or 0)
    except ValueError:
        return 0
