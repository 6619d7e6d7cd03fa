"""What a store does with tokens, in one step each.

The layout is Rspamd's, version 2: a hash ``RS`` with ``learns_spam``, ``learns_ham`` and
``version``; a hash ``RS_<token>`` with ``S`` and ``H`` for each token; a set ``BAYES_SPAM_keys`` of
the first; and a hash ``learned_ids`` of what was learnt as what (1: spam, -1: ham). Tokens travel
as one argument, and counts as one answer: two thousand of either would cost more than all else.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence

from filter_engine.scan.store import Embedded, Script, Value

#: KEYS: prefix. ARGV: tokens, the kind of each (an octet). Answer: messages learnt as spam and as
#: ham, then one text: the known ones, as ``COUNTS``, those of one kind and the same counts
#: together, in the order of the tokens. Few counts are many tokens', and the verdict adds them up.
_LOOK_UP = """
local learns = redis.call('HMGET', KEYS[1], 'learns_spam', 'learns_ham')
local function count(text)
  return math.min(tonumber(string.match(text or '', '^%d+$') or 0), 4294967295)
end
local answer = {count(learns[1]), count(learns[2]), ''}
if answer[1] == 0 or answer[2] == 0 then return answer end
local prefix, call, pack, cut = KEYS[1] .. '_', redis.call, struct.pack, string.sub
local kinds, n, at, found, times = ARGV[2], 0, 0, {}, {}
for token in string.gmatch(ARGV[1], '%d+') do
  at = at + 1
  local counts = call('HMGET', prefix .. token, 'S', 'H')
  local s, h = counts[1], counts[2]
  if s or h then
    local kind = cut(kinds, at, at)
    local known = kind .. (s or '') .. ' ' .. (h or '')
    local many = times[known]
    if many then
      times[known] = many + 1
    else
      n = n + 1
      found[n], times[known] = {kind, s, h, known}, 1
    end
  end
end
for i = 1, n do
  local kind, s, h, known = unpack(found[i])
  found[i] = pack('<I4I4I4I4', string.byte(kind), count(s), count(h), times[known])
end
answer[3] = table.concat(found)
return answer
"""

COUNTS = struct.Struct("<IIII")
"""Tokens that are known: their kind, how often each was seen in spam and in ham, how many."""
_MOST = 0xFFFFFFFF


def _tokens(packed: bytes) -> list[bytes]:
    return packed.strip(b"[]").split(b",") if len(packed) > 2 else []


def _count(value: bytes | int | None) -> int:
    """What is no number, or below 0, is 0."""
    if isinstance(value, bytes):
        value = (int(value) if len(value) < 20 else _MOST) if value.isdigit() else 0
    return min(max(value or 0, 0), _MOST)


def _look_up(base: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> Value:
    learns = [_count(learnt) for learnt in base.fields(keys[0], b"learns_spam", b"learns_ham")]
    if not all(learns):
        return [*learns, b""]
    prefix = keys[0] + b"_"
    names = [prefix + token for token in _tokens(args[0])]
    known = base.many(names)
    found: Counter[tuple[int, int, int]] = Counter()
    for name, kind in zip(names, args[1], strict=True):
        counts = known.get(name)
        if counts and not counts.keys().isdisjoint((b"S", b"H")):
            found[kind, _count(counts.get(b"S")), _count(counts.get(b"H"))] += 1
    return [*learns, b"".join(COUNTS.pack(*which, many) for which, many in found.items())]


LOOK_UP = Script("bayes look-up", _LOOK_UP, _look_up, writes=False)

#: A token's count that is no number counts as 0, and a key of another type is passed over: a
#: lesson that failed at one would be half done, and be tried again. Other refusals end the script.
_ADD = """
local call = redis.call
local function foreign(done)
  return type(done) == 'table' and string.find(done.err, 'WRONGTYPE', 1, true)
end
local function add(key, field, by)
  local done = redis.pcall('HINCRBY', key, field, by)
  if foreign(done) then return false end
  if type(done) ~= 'number' then call('HSET', key, field, math.max(by, 0)) end
  return true
end
local function whole(known)
  return tonumber(string.match(known or '', '^%-?%d+$') or 0)
end
"""


def _signed(value: bytes | None) -> int:
    """What is no number is 0."""
    try:
        return int(value or 0)
    except ValueError:
        return 0


def _add(base: Embedded, key: bytes, field: bytes, by: int) -> None:
    try:
        base.increase(key, field, by)
    except ValueError:
        base.put(key, {field: b"%d" % max(by, 0)})


#: KEYS: prefix, cache of ids, set of the class, set of the other class. ARGV: tokens, S or H, id,
#: seconds to live (0: for ever), learns_spam or learns_ham. Answer: learned, relearned or known.
#: What may refuse a lesson as a whole comes before the tokens.
_LEARN = (
    _ADD
    + """
local class, id, ttl = ARGV[2], ARGV[3], tonumber(ARGV[4])
local other = class == 'S' and 'H' or 'S'
local mine = class == 'S' and 1 or -1
local known = whole(call('HGET', KEYS[2], id))
if known == mine then return 'known' end
call('HSET', KEYS[1], 'version', '2')
call('SADD', KEYS[3], KEYS[1])
if known ~= 0 then call('SADD', KEYS[4], KEYS[1]) end
local prefix = KEYS[1] .. '_'
for token in string.gmatch(ARGV[1], '%d+') do
  local key = prefix .. token
  if add(key, class, 1) then
    if known ~= 0 and whole(call('HGET', key, other)) > 0 then add(key, other, -1) end
    if ttl > 0 then call('EXPIRE', key, ttl) end
  end
end
add(KEYS[1], class == 'S' and 'learns_spam' or 'learns_ham', 1)
if known ~= 0 then add(KEYS[1], class == 'S' and 'learns_ham' or 'learns_spam', -1) end
call('HSET', KEYS[2], id, tostring(mine))
return known ~= 0 and 'relearned' or 'learned'
"""
)


def _learn(base: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> Value:
    tokens, letter, ident, ttl, *_ = args
    spam = letter == b"S"
    mine = 1 if spam else -1
    known = _signed(base.fields(keys[1], ident)[0])
    if known == mine:
        return b"known"
    other = b"H" if spam else b"S"
    for token in _tokens(tokens):
        key = keys[0] + b"_" + token
        _add(base, key, letter, 1)
        if known and _signed(base.fields(key, other)[0]) > 0:
            _add(base, key, other, -1)
        if int(ttl) > 0:
            base.expire(key, float(ttl))
    names = (b"learns_spam", b"learns_ham") if spam else (b"learns_ham", b"learns_spam")
    base.put(keys[0], {b"version": b"2"})
    _add(base, keys[0], names[0], 1)
    if known:
        _add(base, keys[0], names[1], -1)
    base.put(keys[1], {ident: b"%d" % mine})
    return b"relearned" if known else b"learned"


LEARN = Script("bayes learn", _LEARN, _learn, writes=True)

#: KEYS and ARGV as above; what was learnt is taken back. Answer: unlearned or unknown.
_UNLEARN = (
    _ADD
    + """
local class, id = ARGV[2], ARGV[3]
local mine = class == 'S' and 1 or -1
if whole(call('HGET', KEYS[2], id)) ~= mine then return 'unknown' end
call('HSET', KEYS[1], 'version', '2')
local prefix = KEYS[1] .. '_'
for token in string.gmatch(ARGV[1], '%d+') do
  local key = prefix .. token
  if not foreign(redis.pcall('HLEN', key)) and whole(call('HGET', key, class)) > 0 then
    add(key, class, -1)
  end
end
add(KEYS[1], class == 'S' and 'learns_spam' or 'learns_ham', -1)
call('HDEL', KEYS[2], id)
return 'unlearned'
"""
)


def _unlearn(base: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> Value:
    tokens, letter, ident, *_ = args
    if _signed(base.fields(keys[1], ident)[0]) != (1 if letter == b"S" else -1):
        return b"unknown"
    base.put(keys[0], {b"version": b"2"})
    for token in _tokens(tokens):
        key = keys[0] + b"_" + token
        if _signed(base.fields(key, letter)[0]) > 0:
            _add(base, key, letter, -1)
    _add(base, keys[0], b"learns_spam" if letter == b"S" else b"learns_ham", -1)
    base.drop(keys[1], ident)
    return b"unlearned"


UNLEARN = Script("bayes unlearn", _UNLEARN, _unlearn, writes=True)
