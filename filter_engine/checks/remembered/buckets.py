"""Leaky buckets: how full one is, whether more fits, and what a store does with it in one step.

The layout is Rspamd's: a hash with ``l`` (when it was last looked at, milliseconds), ``b`` (how
full it is), ``dr`` and ``db`` (factors of rate and size, times 10,000, which follow the mail's
verdicts). All buckets of a message travel in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from filter_engine.scan.store import Embedded, Script, Value

FIELDS: Final = (b"l", b"b", b"dr", b"db")
"""Of a bucket: last look, level, factors of rate and size."""
_SCALE: Final = 10_000.0
_LEAST: Final = 0.0001

_HIGHEST: Final = 1e15
"""Of times in milliseconds, levels and factors: what is beyond, or no number, nobody wrote here."""

_NUMBER: Final = """
local function number(text, other)
  local n = tonumber(text)
  return n and n >= -1e15 and n <= 1e15 and n or other
end
"""


def _number(text: bytes | None, other: float) -> float:
    try:
        found = float(other if text is None else text)
    except ValueError:
        return other
    return found if -_HIGHEST <= found <= _HIGHEST else other


#: KEYS: buckets. ARGV: now, seconds a bucket is kept; for each its rate (messages a millisecond),
#: its size, and how many come. Answer: 1 or 0 for each, whether that is too many.
_CHECK: Final = (
    _NUMBER
    + """
local answer, now = {}, tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
  local at = 3 * i
  local rate, size, more = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local known = redis.call('HMGET', key, 'l', 'b', 'dr', 'db')
  answer[i] = 0
  if not known[1] then
    redis.call('HSET', key, 'l', ARGV[1], 'b', '0', 'dr', '10000', 'db', '10000')
    redis.call('EXPIRE', key, ARGV[2])
  else
    local last, full = number(known[1], 0), number(known[2], 0)
    local dr = math.max(number(known[3], 10000) / 10000, 0.0001)
    local db = math.max(number(known[4], 10000) / 10000, 0.0001)
    if full > 0 then
      if last < now then
        full = math.max(full - (now - last) * rate * dr, 0)
        redis.call('HSET', key, 'b', string.format('%.17g', full), 'l', ARGV[1])
      end
      if full > 0 and full + more > size * db then answer[i] = 1 end
    else
      redis.call('HSET', key, 'b', '0')
    end
  end
end
return answer
"""
)


def _factor(value: bytes | None) -> float:
    return max(_number(value, _SCALE) / _SCALE, _LEAST)


def _check(base: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> Value:
    answer: list[int] = []
    now = float(args[0])
    for place, key in enumerate(keys):
        rate, size, more = (float(arg) for arg in args[3 * place + 2 : 3 * place + 5])
        last, level, dr, db = base.fields(key, *FIELDS)
        too_many = 0
        if last is None:
            base.put(key, {b"l": args[0], b"b": b"0", b"dr": b"10000", b"db": b"10000"})
            base.expire(key, float(args[1]))
        elif (full := _number(level, 0.0)) > 0:
            then = _number(last, 0.0)
            if then < now:
                full = max(full - (now - then) * rate * _factor(dr), 0.0)
                base.put(key, {b"b": b"%.17g" % full, b"l": args[0]})
            too_many = int(full > 0 and full + more > size * _factor(db))
        else:
            base.put(key, {b"b": b"0"})
        answer.append(too_many)
    return list(answer)


def is_full(known: Sequence[bytes | None], now: float, rate: float, size: float, more: int) -> bool:
    """Whether ``more`` messages are too many, by a bucket's ``FIELDS``.

    As ``CHECK`` has it, and nothing is written. ``now`` in milliseconds, ``rate`` in messages a
    millisecond.
    """
    last, level, dr, db = known
    full = _number(level, 0.0)
    if last is None or full <= 0:
        return False
    then = _number(last, 0.0)
    if then < now:
        full -= (now - then) * rate * _factor(dr)
    return full > 0 and full + more > size * _factor(db)


CHECK: Final = Script("ratelimit check", _CHECK, _check, writes=True)

#: KEYS: buckets. ARGV: now, seconds a bucket is kept, the most that rate and size may grow; for
#: each the factors of rate and size by the verdict, and how many came. Answer: how many buckets.
_COUNT: Final = (
    _NUMBER
    + """
local function grown(value, factor, most)
  local now = number(value, 10000) / 10000
  if most <= 1 then return nil end
  if (factor > 1 and now < most) or (factor < 1 and now > 1 / most) then
    return math.max(math.min(math.floor(now * factor * 10000), 1e15), 1)
  end
  return nil
end
for i, key in ipairs(KEYS) do
  local at = 3 * i + 2
  local rate, size, more = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local known = redis.call('HMGET', key, 'l', 'b', 'dr', 'db')
  if not known[1] then
    redis.call('HSET', key, 'l', ARGV[1], 'b', '1', 'dr', '10000', 'db', '10000')
  else
    local dr = grown(known[3], rate, tonumber(ARGV[3]))
    local db = grown(known[4], size, tonumber(ARGV[4]))
    if dr then redis.call('HSET', key, 'dr', string.format('%d', dr)) end
    if db then redis.call('HSET', key, 'db', string.format('%d', db)) end
    local full = math.max(number(known[2], 0), 0) + more
    redis.call('HSET', key, 'b', string.format('%.17g', full), 'l', ARGV[1])
  end
  redis.call('EXPIRE', key, ARGV[2])
end
return #KEYS
"""
)


def _grown(value: bytes | None, factor: float, most: float) -> bytes | None:
    now = _number(value, _SCALE) / _SCALE
    if most > 1 and ((factor > 1 and now < most) or (factor < 1 and now > 1 / most)):
        return b"%d" % max(int(min(now * factor * _SCALE, _HIGHEST)), 1)
    return None


def _count(base: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> Value:
    for place, key in enumerate(keys):
        rate, size, more = (float(arg) for arg in args[3 * place + 4 : 3 * place + 7])
        last, level, dr, db = base.fields(key, *FIELDS)
        if last is None:
            base.put(key, {b"l": args[0], b"b": b"1", b"dr": b"10000", b"db": b"10000"})
        else:
            fields = {b"l": args[0], b"b": b"%.17g" % (max(_number(level, 0.0), 0.0) + more)}
            for name, value, factor, most in (
                (b"dr", dr, rate, args[2]),
                (b"db", db, size, args[3]),
            ):
                grown = _grown(value, factor, float(most))
                if grown is not None:
                    fields[name] = grown
            base.put(key, fields)
        base.expire(key, float(args[1]))
    return len(keys)


COUNT: Final = Script("ratelimit count", _COUNT, _count, writes=True)
