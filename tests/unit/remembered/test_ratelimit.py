"""Rate limits with a real Redis: keys of Rspamd 3.4, buckets that leak, grow and shrink."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filter_engine.checks.remembered.buckets import CHECK, COUNT, is_full
from filter_engine.config.loader import inspect
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.store import Place, Script, Store
from filter_engine.scan.verdict import Action
from filter_engine.scanner import sections
from redis_server import RedisServer
from table_stores import TableStores

from .conftest import A, Serve, options

RATES = """
ratelimit {
  rates {
    to { bucket { burst = 3; rate = "1 / 10s"; } }
    bounce_to { bucket { burst = 7; rate = 0.01; } }
    to_ip_from = "20 / 1h";
    user { bucket { burst = 100; rate = "1 / 1m"; } }
    sel { selector = "rcpts:addr.lower;ip"; bucket {
      burst = 50; rate = "10 / 1m"; skip_recipients = true; } }
  }
}
"""
QUIET = A.replace(b"X-Five", b"X-Four")


def keys(redis: RedisServer) -> set[str]:
    return {line for line in redis.say("KEYS", "RL*").decode().split() if line.startswith("RL")}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            {"mail_from": "Bob@Example.COM", "rcpt_to": ("zoe@Example.NET", "Alice@example.net")},
            {
                "RLrri5a3nsu44qkbwaqs6y7",
                "RL9xzxcdosk664et15en4ondtf",
                "RL1bg5fief4p6s9ayspq91zpmf",
                "RLzxwtmxcqjbum5kwoy7nwpnkg",
            },
        ),
        (
            {"mail_from": "me@Home.Example", "rcpt_to": ("bob@example.com",),
             "ip": "203.0.113.5", "user": "me"},
            {
                "RLucb3dohezenhtj7xcf74wwkd",
                "RLwu858jz",
                "RLjxrs8auhjdujb3b9t1zct",
                "RLm7be4jwtehmah6dooddoismy",
            },
        ),
    ],
)  # fmt: skip
def test_keys_are_those_rspamd_wrote(
    redis: RedisServer, serve: Serve, said: dict[str, object], expected: set[str]
) -> None:
    serve(RATES, redis)(QUIET, **said)
    assert keys(redis) == expected


def test_a_burst_is_refused_until_it_has_leaked(redis: RedisServer, serve: Serve) -> None:
    engine = serve(
        "ratelimit { max_rate_mult = 1; max_bucket_mult = 1;"
        'rates { to { bucket { burst = 20; rate = "1 / 1m"; } } } }',
        redis,
    )
    said = {"mail_from": "a@example.org", "rcpt_to": ("x@example.net",)}
    for _ in range(20):
        assert engine(QUIET, **said).action is Action.NO_ACTION
    refused = engine(QUIET, **said)
    assert (refused.action, refused.messages["smtp_message"]) == (
        Action.SOFT_REJECT,
        'Ratelimit "to" exceeded',
    )
    assert engine(QUIET, **{**said, "rcpt_to": ("y@example.net",)}).action is Action.NO_ACTION
    engine.now += 60
    assert engine(QUIET, **said).action is Action.NO_ACTION
    assert engine(QUIET, **said).action is Action.SOFT_REJECT


def test_a_bucket_lives_on_while_it_is_filled(redis: RedisServer, serve: Serve) -> None:
    engine = serve('ratelimit { rates { to { bucket { burst = 3; rate = "1 / 10s"; } } } }', redis)
    said = {"mail_from": "a@example.org", "rcpt_to": ("x@example.net",)}
    engine(QUIET, **said)
    (key,) = keys(redis)
    redis.say("EXPIRE", key, "100")
    engine(QUIET, **said)
    assert int(redis.say("TTL", key).strip(b":\r\n")) > 100


def test_who_is_not_limited(redis: RedisServer, serve: Serve) -> None:
    engine = serve(
        'ratelimit { whitelisted_ip = [192.0.2.0/24]; whitelisted_user = ["me"];'
        'whitelisted_rcpts = "postmaster,free@example.net";'
        'rates { from { bucket { burst = 1; rate = "1 / 1d"; } } } }',
        redis,
    )
    base = {"mail_from": "a@example.org", "rcpt_to": ("x@example.net",)}
    for _ in range(3):
        for said in (
            {"ip": "192.0.2.1"},
            {"user": "me"},
            {"rcpt_to": ("Postmaster@example.net",)},
            {"rcpt_to": ("free@example.net",)},
            {"user_agent": "rspamc"},
        ):
            assert engine(QUIET, **{**base, **said}).action is Action.NO_ACTION, said
    assert not keys(redis)


def test_a_symbol_in_place_of_an_action(redis: RedisServer, serve: Serve) -> None:
    engine = serve(
        "ratelimit { symbol = R_RATELIMIT; rates { ip {"
        ' bucket { burst = 1; rate = "1 / 1d"; } } } }',
        redis,
    )
    engine(QUIET)
    full = engine(QUIET)
    assert full.action is Action.NO_ACTION
    (said,) = options(full, "R_RATELIMIT") or ()
    assert said.startswith("ip(RL")


def test_mail_that_was_refused_is_not_counted(redis: RedisServer, serve: Serve) -> None:
    engine = serve(
        'greylist { }\nratelimit { rates { ip { bucket { burst = 1; rate = "1 / 1d"; } } } }', redis
    )
    for _ in range(4):
        assert engine(mail_from="a@example.org").messages["smtp_message"] == "Try again later"


def test_without_its_store_nothing_is_limited(redis: RedisServer, serve: Serve) -> None:
    engine = serve(RATES, redis)
    redis.stop(hard=True)
    verdict = engine(QUIET)
    assert verdict.action is Action.NO_ACTION
    assert options(verdict, "STORE_FAIL") == ("greylist", "ratelimit")


def test_a_replica_is_not_written(redis: RedisServer, serve: Serve, tmp_path: Path) -> None:
    """The guard at run time; lint has replica-written."""
    with RedisServer(tmp_path / "replica", [f"replicaof 127.0.0.1 {redis.port}"]) as replica:
        replica.until(b"up", "INFO", "replication")
        verdict = serve(RATES, replica)(QUIET)
        assert verdict.action is Action.NO_ACTION
        assert options(verdict, "STORE_FAIL") == ("ratelimit",)
        assert redis.say("DBSIZE").strip() == b":0"


def test_sqlite_counts_as_redis_does(redis: RedisServer, serve: Serve) -> None:
    """The two forms of a script give the same answers and leave the same behind."""
    engine = serve(RATES, redis)
    table, stores = Store("test", Place(":memory:")), TableStores()
    state = engine.scanner.states["ratelimit"]
    real: Store = state.store  # type: ignore[attr-defined]
    chance, now = random.Random(7), 1_795_294_167_000
    for _ in range(300):
        now += chance.choice((0, 1, 700, 60_000))
        names = chance.sample([b"a", b"b", b"c"], chance.randint(1, 3))
        args = [b"%d" % now, b"1000"]
        script = chance.choice((CHECK, COUNT))
        if script is COUNT:
            args += [b"5", b"10"]
        for _name in names:
            if script is COUNT:
                factor = chance.choice((b"1", b"1.01", b"0.99", b"1.5", b"0.5"))
                args += [factor, factor, b"%d" % chance.randint(1, 3)]
            else:
                args += [b"0.001", b"4", b"1"]
        theirs = engine._runner.run(engine.stores.answer(real.run(script, names, args)))
        assert theirs.ok, theirs
        assert stores.answer(table.run(script, names, args)).value == theirs.value
    for name in (b"a", b"b", b"c"):
        theirs = engine._runner.run(engine.stores.answer(real.fields(name, b"l", b"dr", b"db")))
        ours = stores.answer(table.fields(name, b"l", b"dr", b"db"))
        assert ours.value == theirs.value


ODD = (b"", b"abc", b"inf", b"-inf", b"nan", b"1e400", b"9" * 30, b"-5", b"1.5")


@pytest.mark.parametrize("script", [CHECK, COUNT])
@pytest.mark.parametrize("field", [b"l", b"b", b"dr", b"db"])
def test_what_is_no_number_in_a_bucket_is_as_if_it_were_not_there(
    redis: RedisServer, serve: Serve, script: Script, field: bytes
) -> None:
    """In Redis as in SQLite; what was ``inf`` once would refuse, or fail, for ever."""
    engine = serve(RATES, redis)
    table, stores = Store("test", Place(":memory:")), TableStores()
    state = engine.scanner.states["ratelimit"]
    real: Store = state.store  # type: ignore[attr-defined]
    args = [b"2000", b"1000", *((b"5", b"10") if script is COUNT else ())]
    args += (b"0.99", b"1.02", b"1") if script is COUNT else (b"0.001", b"4", b"1")
    for place, odd in enumerate(ODD):
        key = b"k%d" % place
        before = {b"l": b"1000", b"b": b"3", b"dr": b"10000", b"db": b"10000"} | {field: odd}
        left: list[list[bytes]] = []
        for store, ask in ((real, engine.stores.answer), (table, None)):
            for question in (
                store.put(key, before),
                store.run(script, [key], args),
                store.fields(key, b"l", b"b", b"dr", b"db"),
            ):
                done = engine._runner.run(ask(question)) if ask else stores.answer(question)
                assert done.ok, (odd, done)
            left.append(done.value)
            assert is_full(done.value, 2000.0, 0.001, 4.0, 1) in (True, False)
        assert left[0] == left[1], odd
        numbers = [float(value) for value in left[0] if value not in ODD]
        assert all(0 <= number < 1e6 for number in numbers), odd


@given(
    st.lists(st.tuples(st.integers(0, 600_000), st.integers(1, 5)), max_size=60),
    st.integers(1, 30),
)
@settings(max_examples=50, deadline=None)
def test_no_more_passes_than_burst_and_rate_allow(
    arrivals: list[tuple[int, int]], burst: int
) -> None:
    """An empty bucket takes any one mail, and a new one counts one however many it brings."""
    rate, store, stores = 1.0 / 60_000.0, Store("test", Place(":memory:")), TableStores()
    now, passed, most = 1_000_000, 0, 0
    start = now
    for pause, count in arrivals:
        now += pause
        said = [b"%d" % now, b"100000", b"%.17g" % rate, b"%d" % burst, b"%d" % count]
        (full,) = stores.answer(store.run(CHECK, [b"k"], said)).value
        if not full:
            counted = [b"%d" % now, b"100000", b"1", b"1", b"1", b"1", b"%d" % count]
            stores.answer(store.run(COUNT, [b"k"], counted))
            passed, most = passed + count, max(most, count)
    assert passed <= max(burst, most) + rate * (now - start) + 4 + 1e-6


@pytest.mark.parametrize("rate", ["many", "1 / 0s", "1 / 1y", "/ 1h"])
def test_a_rate_that_is_none_is_an_error(tmp_path: Path, rate: str) -> None:
    main = tmp_path / "site.conf"
    main.write_text(
        f'ratelimit {{ rates {{ to {{ bucket {{ burst = 2; rate = "{rate}"; }} }} }} }}'
    )
    found = inspect(main, {}, {}, modules=sections(REGISTRY))
    assert [finding.code for finding in found.findings] == ["wrong-type"]


@pytest.mark.parametrize("said", ["to_moon {", 'to { selector = "moon";'])
def test_a_limit_that_counts_nothing_is_told(tmp_path: Path, said: str) -> None:
    main = tmp_path / "site.conf"
    main.write_text(
        f'ratelimit {{ rates {{ {said} bucket {{ burst = 2; rate = "1 / 1h"; }} }} }} }}'
    )
    found = inspect(main, {}, {}, modules=sections(REGISTRY))
    assert [finding.code for finding in found.findings] == ["rule-not-served"]
