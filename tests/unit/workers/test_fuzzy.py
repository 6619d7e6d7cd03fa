"""The fuzzy storage as a service: over UDP, on a real Redis and on SQLite, asked by a real scan."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from support.ports import free_port

from filter_engine.fuzzy.box import SharedKey, keypair, new_keypair, write_key
from filter_engine.fuzzy.hashes import Policy, Texts, hashes_of
from filter_engine.fuzzy.protocol import (
    SKIPPED,
    UNSURE,
    Command,
    Request,
    decode_reply,
    open_reply,
    seal_request,
)
from filter_engine.fuzzy.shingles import Hashing
from filter_engine.message import Message
from fuzzy_storage import Storage, ask
from redis_server import PROGRAM, RedisServer

from .engine import Engine

_NEEDS_REDIS = pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
_TEXT = (
    "Dear customer, our company is selling splendid watches at very low prices and we would like "
    "to invite you to visit our shop before the end of the month. Every purchase comes with a "
    "guarantee, free shipping and a present that will surprise your whole family. Write to us or "
    "call us now, because the number of pieces is limited and the competition never sleeps. We "
    "accept cards and cash; a hundred euros buy all that you can carry away from the warehouse."
)
_STORAGE = keypair(bytes(range(32)))
_KEYPAIR = f' keypair {{ privkey = "{write_key(_STORAGE.private)}"; }}'


def _mail(text: str) -> bytes:
    head = "From: a@client.example\r\nTo: b@home.example\r\nSubject: watches\r\n"
    return f"{head}Message-ID: <1@client.example>\r\n\r\n{text}\r\n".encode()


Start = Callable[[str], Storage]


@pytest.fixture
def storage() -> Iterator[Start]:
    """Starts a storage with these options."""
    made: list[Storage] = []

    def make(text: str) -> Storage:
        made.append(Storage(text))
        return made[-1]

    yield make
    for one in made:
        one.close()


def _request(command: Command, text: str = _TEXT, flag: int = 1, value: int = 10) -> Request:
    (found,) = hashes_of(Texts(Message(_mail(text))), Policy(), Hashing())
    return Request(command, found.digest, 7, found.shingles, flag, value)


def _in_sqlite(directory: Path) -> str:
    return f'backend = sqlite; hash_file = "{directory}/fuzzy.db"; allow_update = "127.0.0.1";'


def _in_redis(redis: RedisServer, timeout: str = "20s") -> str:
    return f'servers = "{redis.name}"; timeout = {timeout}; allow_update = "127.0.0.1";'


def test_what_is_in_skip_hashes_is_never_taught(storage: Start, tmp_path: Path) -> None:
    """As with Rspamd 3.4: no change, error 401; questions and deletions are answered as ever."""
    write = _request(Command.WRITE)
    skipped = tmp_path / "skip.map"
    skipped.write_text(f"{write.digest.hex()}  # the bank's footer\n")
    one = storage(f'{_in_sqlite(tmp_path)} skip_hashes = "{skipped}";')
    said = one.say(write)
    assert said is not None
    assert (said.found, said.value) == (False, SKIPPED)
    check = one.say(_request(Command.CHECK))
    assert check is not None
    assert (check.found, check.value) == (False, 0)
    other = one.say(_request(Command.WRITE, _TEXT.replace("watches", "clocks")))
    assert other is not None
    assert other.found
    deleted = one.say(_request(Command.DELETE))
    assert deleted is not None
    assert deleted.found


def _cycle(storage: Storage) -> None:
    check, write = _request(Command.CHECK), _request(Command.WRITE)
    assert not storage.say(check).found  # type: ignore[union-attr]  # None fails as well
    for _ in range(2):
        said = storage.say(write)
        assert said is not None
        assert (said.probability, said.value) == (1.0, 0)
    found = storage.say(check)
    assert found is not None
    assert (found.value, found.flag, found.tag, found.probability) == (20, 1, 7, 1.0)
    assert found.digest == check.digest
    assert found.time > 1_700_000_000
    near = storage.say(_request(Command.CHECK, _TEXT.replace("splendid watches", "fine clocks")))
    assert near is not None
    assert 0.5 < near.probability < 1.0
    assert near.digest == check.digest
    other = storage.say(_request(Command.CHECK, " ".join(f"word{n}" for n in range(100))))
    assert other is not None
    assert (other.probability, other.value) == (0.0, 0)
    count = storage.say(Request(Command.STAT, bytes(64), 9))
    assert count is not None
    assert (count.probability, count.flag) == (1.0, 1)
    assert storage.say(_request(Command.DELETE)) is not None
    gone = storage.say(check)
    assert gone is not None
    assert not gone.found
    empty = storage.say(Request(Command.STAT, bytes(64), 9))
    assert empty is not None
    assert empty.flag == 0


def test_hashes_in_sqlite(storage: Start, tmp_path: Path) -> None:
    _cycle(storage(_in_sqlite(tmp_path)))


@_NEEDS_REDIS
def test_hashes_in_redis_have_rspamds_keys(storage: Start, tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as redis:
        running = storage(
            f'servers = "{redis.name}"; timeout = 20s; allow_update = "127.0.0.1"; expire = 90d;'
        )
        _cycle(running)
        assert running.say(_request(Command.WRITE)) is not None
        shingles = _request(Command.WRITE).shingles
        assert int(redis.say("TTL", f"fuzzy_3_{shingles[3]}")[1:]) in range(7_775_000, 7_776_001)
        assert redis.say("GET", "fuzzy_count") == b"$1\r\n1\r\n"
        redis.stop()
        lost = running.say(_request(Command.CHECK))
        assert lost is not None
        assert (lost.value, lost.found) == (500, False)


_LARGEST = (1 << 31) - 1
_OVERWRITE = """
local done = 0
for _, key in ipairs(redis.call('KEYS', 'fuzzy*')) do
  if redis.call('TYPE', key).ok == 'hash' then
    redis.call('HSET', key, 'V', ARGV[1], 'C', ARGV[2])
    done = done + 1
  end
end
return done
"""


def _weight(storage: Storage) -> int:
    said = storage.say(_request(Command.CHECK))
    assert said is not None
    assert said.found
    return said.value


def _sums(storage: Storage) -> None:
    """Weights stay within 32 bits, whatever is added to them."""
    for value, total in ((_LARGEST, _LARGEST), (_LARGEST, _LARGEST), (-10, _LARGEST - 10)):
        assert storage.say(_request(Command.WRITE, value=value)) is not None
        assert _weight(storage) == total
    for _ in range(3):
        assert storage.say(_request(Command.WRITE, value=-_LARGEST - 1)) is not None
    assert _weight(storage) == -_LARGEST - 1


def test_weights_are_bounded_in_sqlite(storage: Start, tmp_path: Path) -> None:
    _sums(storage(_in_sqlite(tmp_path)))


@_NEEDS_REDIS
def test_weights_are_bounded_in_redis(storage: Start, tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as redis:
        running = storage(_in_redis(redis))
        _sums(running)
        for weight, time, told in (
            ("-99999999999", "-5", (-_LARGEST - 1, 0)),
            ("99999999999", "99999999999", (_LARGEST, (1 << 32) - 1)),
            ("ten", "now", (0, 0)),
        ):  # as nobody should have written them
            assert redis.say("EVAL", _OVERWRITE, "0", weight, time) == b":1\r\n"
            said = running.say(_request(Command.CHECK))
            assert said is not None
            assert (said.value, said.time) == told
        redis.say("SET", "fuzzy_count", "-3")
        count = running.say(Request(Command.STAT, bytes(64), 9))
        assert count is not None
        assert count.flag == 0
        assert running.say(_request(Command.WRITE, value=7)) is not None
        assert _weight(running) == 7


def test_sealed_requests(storage: Start, tmp_path: Path) -> None:
    key = (
        f'keypair {{ privkey = "{write_key(_STORAGE.private)}"; '
        f'pubkey = "{write_key(_STORAGE.public)}"; }} encrypted_only = true;'
    )
    running = storage(_in_sqlite(tmp_path) + key)
    plain = running.say(_request(Command.CHECK))
    assert plain is not None
    assert plain.value == 403
    own = new_keypair()
    shared = SharedKey.of(own.private, _STORAGE.public)
    sealed = seal_request(_request(Command.WRITE).encode(), shared, _STORAGE.id[:8], own.public)
    data = running.raw(sealed)
    assert data is not None
    assert decode_reply(open_reply(data, shared)).found
    changed = sealed[:-1] + bytes((sealed[-1] ^ 1,))
    assert running.raw(changed, 0.3) is None


def test_a_recorded_change_is_made_once(storage: Start, tmp_path: Path) -> None:
    own = new_keypair()
    running = storage(
        _in_sqlite(tmp_path).replace('"127.0.0.1"', '"127.0.0.2"') + f"{_KEYPAIR} "
        f'allow_update_keys = ["{write_key(own.public)}"];'
    )
    shared = SharedKey.of(own.private, _STORAGE.public)

    def sealed(command: Command) -> bytes:
        return seal_request(_request(command).encode(), shared, _STORAGE.id[:8], own.public)

    first = sealed(Command.WRITE)
    answers = [running.raw(first) for _ in range(3)]  # its client's retransmissions
    replies = {decode_reply(open_reply(data, shared)) for data in answers if data is not None}
    assert [reply.found for reply in replies] == [True]
    assert None not in answers
    assert _weight(running) == 10
    assert running.raw(first, 0.2, source="127.0.0.3") is None
    assert running.raw(sealed(Command.WRITE)) is not None
    assert _weight(running) == 20
    gone = sealed(Command.DELETE)
    assert running.raw(gone) is not None
    assert running.raw(sealed(Command.WRITE)) is not None
    assert running.raw(gone) is not None
    assert _weight(running) == 10


@_NEEDS_REDIS
def test_a_change_that_failed_may_be_sent_again(storage: Start, tmp_path: Path) -> None:
    own = new_keypair()
    shared = SharedKey.of(own.private, _STORAGE.public)
    with RedisServer(tmp_path / "redis") as redis:
        running = storage(_in_redis(redis) + _KEYPAIR)
        assert redis.say("CONFIG", "SET", "maxmemory", "1") == b"+OK\r\n"
        data = _request(Command.WRITE).encode()
        sealed = seal_request(data, shared, _STORAGE.id[:8], own.public)
        said = running.raw(sealed)
        assert said is not None
        assert decode_reply(open_reply(said, shared)).value == 500
        redis.say("CONFIG", "SET", "maxmemory", "0")
        said = running.raw(sealed)
        assert said is not None
        assert decode_reply(open_reply(said, shared)).found


@_NEEDS_REDIS
def test_a_change_that_may_have_been_made_is_not_made_again(storage: Start, tmp_path: Path) -> None:
    own = new_keypair()
    shared = SharedKey.of(own.private, _STORAGE.public)
    with RedisServer(tmp_path / "redis") as redis:
        running = storage(_in_redis(redis, "2s") + _KEYPAIR)
        running.say(_request(Command.WRITE))  # Redis has the script
        sealed = seal_request(_request(Command.WRITE).encode(), shared, _STORAGE.id[:8], own.public)
        redis.say("CLIENT", "PAUSE", "3000", "WRITE")
        for _ in range(2):
            said = running.raw(sealed)
            assert said is not None
            reply = decode_reply(open_reply(said, shared))
            assert (reply.found, reply.value) == (False, UNSURE)
        redis.say("CLIENT", "UNPAUSE")
        deadline = time.monotonic() + 20.0
        while _weight(running) != 20:
            assert time.monotonic() < deadline
        assert running.raw(sealed) is not None
        assert _weight(running) == 20


@_NEEDS_REDIS
@pytest.mark.parametrize("odd", ["SET fuzzy_count words", "LPUSH fuzzy_count 1"])
def test_a_count_that_is_no_number_fails_no_change(
    storage: Start, tmp_path: Path, odd: str
) -> None:
    """Its weight would be added, and added again when the change is sent again."""
    with RedisServer(tmp_path / "redis") as redis:
        running = storage(_in_redis(redis))
        for command, count in ((Command.WRITE, b"1"), (Command.DELETE, b"0")):
            redis.say("DEL", "fuzzy_count")
            redis.say(*odd.split())
            said = running.say(_request(command))
            assert said is not None
            assert said.found
            assert redis.say("GET", "fuzzy_count") == b"$1\r\n%b\r\n" % count


def test_who_may_not_change_hashes(storage: Start, tmp_path: Path) -> None:
    text = _in_sqlite(tmp_path).replace("127.0.0.1", "192.0.2.1")
    running = storage(text)
    for command in (Command.WRITE, Command.DELETE):
        said = running.say(_request(command))
        assert said is not None
        assert (said.value, said.found) == (403, False)


def test_the_holder_of_a_key_may(storage: Start, tmp_path: Path) -> None:
    own = new_keypair()
    text = _in_sqlite(tmp_path).replace("127.0.0.1", "192.0.2.1")
    running = storage(f'{text}{_KEYPAIR} allow_update_keys = ["{write_key(own.public)}"];')
    shared = SharedKey.of(own.private, _STORAGE.public)
    data = running.raw(
        seal_request(_request(Command.WRITE).encode(), shared, _STORAGE.id[:8], own.public)
    )
    assert data is not None
    assert decode_reply(open_reply(data, shared)).found


def test_a_flood_is_told_once_and_garbage_never(
    storage: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    running = storage(_in_sqlite(tmp_path) + " ratelimit_rate = 0.001; ratelimit_burst = 20;")
    for size in (0, 1, 75, 76, 500, 1024, 1025, 9000):
        assert running.raw(Random(size).randbytes(size), 0.1) is None
    told: list[int] = []
    while 403 not in told and len(told) < 25:
        said = running.say(_request(Command.CHECK))
        assert said is not None
        told.append(said.value)
    assert told == [0] * (len(told) - 1) + [403]
    assert 10 < len(told) - 1 < 20  # some were garbage
    assert [running.say(_request(Command.CHECK), wait=0.3) for _ in range(5)] == [None] * 5
    assert "over the limit" in caplog.text


def test_sealed_garbage_is_opened_a_bounded_number_of_times(tmp_path: Path) -> None:
    now = [0.0]
    storage = Storage(_in_sqlite(tmp_path) + _KEYPAIR, clock=lambda: now[0])
    pairs = new_keypair(), new_keypair()
    known, new = (SharedKey.of(pair.private, _STORAGE.public) for pair in pairs)

    def asked(shared: SharedKey, public: bytes, wait: float = 60.0) -> bytes | None:
        request = _request(Command.CHECK).encode()
        return storage.raw(seal_request(request, shared, _STORAGE.id[:8], public), wait)

    try:
        assert asked(known, pairs[0].public) is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _ in range(120):
                sock.sendto(b"rsfe" + os.urandom(160), ("127.0.0.1", storage.port))
        assert asked(new, pairs[1].public, 0.3) is None
        assert asked(known, pairs[0].public) is not None
        now[0] = 1.0
        assert asked(new, pairs[1].public) is not None
    finally:
        storage.close()


def test_a_hash_too_young_is_not_told(storage: Start, tmp_path: Path) -> None:
    running = storage(_in_sqlite(tmp_path) + " delay = 1h;")
    assert running.say(_request(Command.WRITE)) is not None
    said = running.say(_request(Command.CHECK))
    assert said is not None
    assert (said.found, said.value) == (False, 0)


def test_a_service_keeps_hashes_and_its_scans_ask_for_them(tmp_path: Path) -> None:
    """Sealed, over a reload, beside a proxy and a scanner."""
    port, public = free_port(), write_key(_STORAGE.public)
    engine = Engine(
        tmp_path / "e",
        {
            "greylist.conf": "enabled = false;",
            "worker-fuzzy.inc": (
                f'count = 1; bind_socket = "127.0.0.1:{port}"; {_in_sqlite(tmp_path)} '
                f'keypair {{ privkey = "{write_key(_STORAGE.private)}"; pubkey = "{public}"; }}'
            ),
            "fuzzy_check.conf": (
                f'timeout = 2s; rule "local" {{ servers = "127.0.0.1:{port}"; max_score = 10; '
                f'encryption_key = "{public}"; fuzzy_map {{ FUZZY_DENIED {{ flag = 1; }} }} }}'
            ),
        },
    )

    def symbols(text: str) -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = engine.scan(_mail(text))["symbols"]  # type: ignore[assignment]
        return {name: said for name, said in found.items() if name.startswith("FUZZY")}

    try:
        engine.start()
        assert symbols(_TEXT) == {}
        assert ask(port, _request(Command.WRITE, value=20).encode()) is not None
        digest = _request(Command.CHECK).digest.hex()[:10]
        found = symbols(_TEXT)["FUZZY_DENIED"]
        assert found["options"] == [f"1:{digest}:1.00:txt"]
        assert found["score"] == pytest.approx(12.0, abs=0.1)
        engine.hup()
        near = symbols(_TEXT.replace("splendid watches", "fine clocks"))["FUZZY_DENIED"]
        assert str(near["options"]).startswith(f"['1:{digest}:0.")
        assert ask(port, _request(Command.WRITE, "x " * 100, flag=9).encode()) is not None
        assert list(symbols("x " * 100)) == ["FUZZY_UNKNOWN"]
        assert engine.stop() == 0
    finally:
        engine.close()
