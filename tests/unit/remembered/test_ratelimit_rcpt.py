"""Recipients that are refused before their message comes, as the check would refuse it."""

from __future__ import annotations

from typing import Any

import pytest

from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action
from redis_server import RedisServer

from .conftest import A, Engine, Serve

STILL = "max_rate_mult = 1; max_bucket_mult = 1;"
TO = f'ratelimit {{ {STILL} rates {{ to {{ bucket {{ burst = 20; rate = "1 / 1m"; }} }} }} }}'
QUIET = A.replace(b"X-Five", b"X-Four")
SAID = {"mail_from": "a@example.org", "rcpt_to": ("x@example.net",)}


def refused(engine: Engine, **said: Any) -> str | None:
    engine.scanner.stores = engine.stores
    said = {"ip": "198.51.100.77", **SAID, **said}
    return engine._runner.run(engine.scanner.refused_recipient(Envelope(**said)))


def test_the_21st_mail_of_a_burst_is_refused_before_it_comes(
    redis: RedisServer, serve: Serve
) -> None:
    engine = serve(TO, redis)
    for _ in range(20):
        assert refused(engine) is None
        assert engine(QUIET, **SAID).action is Action.NO_ACTION
    keys = redis.say("KEYS", "*")
    before = redis.say("HGETALL", keys.split(b"\r\n")[2].decode())
    assert refused(engine) == 'Ratelimit "to" exceeded'
    assert refused(engine, rcpt_to=("y@example.net",)) is None
    # Looking changes nothing: no key for y, the bucket of x as it was.
    assert redis.say("KEYS", "*") == keys
    assert redis.say("HGETALL", keys.split(b"\r\n")[2].decode()) == before
    engine.now += 60
    assert refused(engine) is None


def test_it_says_the_same_as_the_check_whatever_came_when(redis: RedisServer, serve: Serve) -> None:
    engine = serve(
        'ratelimit { rates { to_ip { bucket = [ { burst = 4; rate = "1 / 10s"; },'
        ' { burst = 7; rate = "1 / 1m"; } ]; } } }',
        redis,
    )
    seen = set()
    for step in range(60):
        engine.now += (step * 7) % 13
        early = refused(engine)
        late = engine(QUIET, **SAID)
        assert (early is not None) == (late.action is Action.SOFT_REJECT), step
        seen.add(early)
    assert len(seen) == 2


def test_who_is_not_limited_is_not_refused(redis: RedisServer, serve: Serve) -> None:
    engine = serve(
        'ratelimit { whitelisted_ip = [192.0.2.0/24]; whitelisted_user = ["me"];'
        'rates { to { bucket { burst = 1; rate = "1 / 1d"; } } } }\n'
        'settings { calm { rcpt = "calm@example.net"; apply { symbols_disabled = '
        '["RATELIMIT_CHECK", "RATELIMIT_UPDATE"]; } } }',
        redis,
    )
    for rcpt in ("x@example.net", "postmaster@example.net", "calm@example.net"):
        engine(QUIET, **{**SAID, "rcpt_to": (rcpt,)})
    engine(QUIET, **SAID)
    assert refused(engine) is not None
    for said in (
        {"ip": "192.0.2.1"},
        {"user": "me"},
        {"rcpt_to": ("postmaster@example.net",)},
        {"rcpt_to": ("calm@example.net",)},
    ):
        assert refused(engine, **said) is None, said


@pytest.mark.parametrize(
    ("rates", "asked"),
    [
        ('to { bucket { burst = 1; rate = "1 / 1d"; } }', True),
        ('bounce_to_ip { bucket { burst = 1; rate = "1 / 1d"; } }', True),
        ('ip { bucket { burst = 1; rate = "1 / 1d"; } }', False),
        ('to_files { bucket { burst = 1; rate = "1 / 1d"; } }', False),
        ('to { selector = "rcpts:addr"; bucket { burst = 1; rate = "1 / 1d"; } }', False),
        ('to { enabled = false; bucket { burst = 1; rate = "1 / 1d"; } }', False),
        ('to { bucket { burst = 0; rate = "1 / 1d"; } }', False),
        ("", False),
    ],
)
def test_recipients_are_asked_about_only_where_a_limit_goes_by_them(
    redis: RedisServer, serve: Serve, rates: str, asked: bool
) -> None:
    engine = serve(f"ratelimit {{ rates {{ {rates} }} }}", redis)
    assert engine.scanner.limits_recipients is asked


def test_a_symbol_in_place_of_an_action_refuses_nobody(redis: RedisServer, serve: Serve) -> None:
    engine = serve(TO.replace("rates", "symbol = R; rates"), redis)
    assert not engine.scanner.limits_recipients


def test_without_its_store_nobody_is_refused(redis: RedisServer, serve: Serve) -> None:
    engine = serve('ratelimit { rates { to { bucket { burst = 1; rate = "1 / 1d"; } } } }', redis)
    engine(QUIET, **SAID)
    assert refused(engine) is not None
    redis.stop(hard=True)
    assert refused(engine) is None
