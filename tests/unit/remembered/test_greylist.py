"""Greylisting with a real Redis: keys of Rspamd 3.4, waiting, passing, and a store that fails."""

from __future__ import annotations

import pytest

from filter_engine.scan.verdict import Action
from redis_server import RedisServer

from .conftest import A, Serve, options

ENVELOPE = {
    "mail_from": "Bob@Example.COM",
    "rcpt_to": ("zoe@Example.NET", "Alice@example.net"),
}
BODY, META = b"rgbwptd5ntp4ed5hfou18aw", b"rgmyg18b7qjpgcgcozek7mj"
"""As Rspamd 3.4 wrote them for this message and envelope."""
META_V6 = b"rgm5bmqemid9uhen5j3r91a"
"""The same without an envelope sender, to alice@example.net, of 2001:db8:1:2:3::4."""


def test_new_mail_waits_and_passes_later(redis: RedisServer, serve: Serve) -> None:
    engine = serve("greylist { }", redis)
    first = engine(**ENVELOPE)
    assert (first.action, first.messages) == (
        Action.SOFT_REJECT,
        {"smtp_message": "Try again later"},
    )
    assert options(first, "GREYLIST") == (
        "greylisted",
        "Sat, 21 Nov 2026 20:54:27 GMT",
        "new record",
    )
    assert b"1795294167" in redis.say("GET", BODY.decode())
    assert b"1795294167" in redis.say("GET", META.decode())
    engine.now += 299
    early = engine(**ENVELOPE)
    assert early.action is Action.SOFT_REJECT
    assert options(early, "GREYLIST") == (
        "greylisted",
        "Sat, 21 Nov 2026 20:54:27 GMT",
        "too early",
    )
    assert early.symbol("FIVE") is None  # nothing else was looked at
    engine.now += 1
    passed = engine(**ENVELOPE)
    assert (passed.action, options(passed, "GREYLIST")) == (Action.NO_ACTION, ("pass", "body"))


@pytest.mark.parametrize("odd", ["inf", "-inf", "nan", "1e20", "-1e20", "words", "9" * 40])
def test_a_time_that_makes_no_sense_is_long_ago(redis: RedisServer, serve: Serve, odd: str) -> None:
    engine = serve("greylist { report_time = true; }", redis)
    for key in (BODY, META):
        redis.say("SET", key.decode(), odd)
    verdict = engine(**ENVELOPE)
    assert (verdict.action, options(verdict, "GREYLIST")) == (Action.NO_ACTION, ("pass", "body"))


def test_the_longest_wait_is_told(redis: RedisServer, serve: Serve) -> None:
    engine = serve("greylist { timeout = 1e12; expire = 1e12; report_time = true; }", redis)
    for _ in range(2):
        verdict = engine(**ENVELOPE)
        assert verdict.action is Action.SOFT_REJECT
        assert "9999" in verdict.messages["smtp_message"]


def test_how_long_it_waited_is_told(redis: RedisServer, serve: Serve) -> None:
    """C41: the seconds that passed, the end of the wait, and for how long it is known."""
    engine = serve("greylist { pass_expire = 2d; }", redis)
    engine(**ENVELOPE)
    engine.now += 100
    early = engine(**ENVELOPE).symbol("GREYLIST")
    assert early is not None
    assert early.evidence == (f"{redis.name}: known, 200 s to wait",)
    engine.now += 250
    passed = engine(**ENVELOPE).symbol("GREYLIST")
    assert passed is not None
    assert passed.evidence == (
        f"{redis.name}: came first 350 s ago, had to wait till Sat, 21 Nov 2026 20:54:27 GMT, "
        "stays known for 172800 s",
    )


def test_a_text_that_came_after_another_of_its_sender_waits_for_itself(
    redis: RedisServer, serve: Serve
) -> None:
    engine = serve("greylist { }", redis)
    engine(**ENVELOPE)
    redis.say("SET", META.decode(), "1795294067")  # 100 s before
    early = engine(**ENVELOPE).symbol("GREYLIST")
    assert early is not None
    assert early.evidence == (f"{redis.name}: known, 300 s to wait",)
    engine.now += 299
    assert engine(**ENVELOPE).action is Action.SOFT_REJECT
    engine.now += 1
    assert engine(**ENVELOPE).action is Action.NO_ACTION


def test_another_text_of_a_known_sender_passes(redis: RedisServer, serve: Serve) -> None:
    engine = serve("greylist { }", redis)
    redis.say("SET", META_V6.decode(), "1795290000")
    said = {"mail_from": None, "rcpt_to": ("alice@example.net",), "ip": "2001:db8:1:2:9::9"}
    assert options(engine(**said), "GREYLIST") == ("pass", "meta")


def test_who_does_not_wait(redis: RedisServer, serve: Serve) -> None:
    engine = serve(
        "greylist { whitelisted_ip = [192.0.2.0/24]; whitelist_domains_url = [trusted.example]; }",
        redis,
    )
    for said in (
        {"ip": "192.0.2.9"},
        {"user": "bob"},
        {"ip": "10.0.0.1"},
        {"hostname": "mx.out.trusted.example"},
    ):
        assert engine(**{**ENVELOPE, **said}).action is Action.NO_ACTION, said
    assert engine(A.replace(b"X-Five", b"X-Four"), **ENVELOPE).action is Action.NO_ACTION


def test_symbols_let_pass(redis: RedisServer, serve: Serve) -> None:
    engine = serve("greylist { whitelist_symbols = [FIVE]; }", redis)
    assert engine(**ENVELOPE).action is Action.NO_ACTION
    assert redis.say("KEYS", "rg*").strip() == b"*0"


def test_clients_that_passed_often_wait_no_more(redis: RedisServer, serve: Serve) -> None:
    engine = serve("greylist { awl_enable = true; awl_hits = 2; awl_ttl = 1h; }", redis)
    for number in range(2):
        said = {"mail_from": f"a{number}@example.org", "rcpt_to": ("x@example.net",)}
        text = A + b"%d" % number
        assert engine(text, **said).action is Action.SOFT_REJECT
        engine.now += 300
        assert engine(text, **said).action is Action.NO_ACTION
    new = engine(A + b"new", mail_from="c@example.org", rcpt_to=("y@example.net",))
    assert options(new, "GREYLIST") == ("pass", "awl")
    other = engine(A + b"2", mail_from="c@example.org", ip="198.51.100.78")
    assert other.action is Action.SOFT_REJECT


def test_without_its_store_mail_flows_and_says_so(redis: RedisServer, serve: Serve) -> None:
    engine = serve("greylist { }", redis)
    redis.stop(hard=True)
    verdict = engine(**ENVELOPE)
    assert verdict.action is Action.GREYLIST  # 250: nobody waits
    assert options(verdict, "STORE_FAIL") == ("greylist",)


def test_without_redis_nothing_waits_but_in_sqlite_it_does(serve: Serve) -> None:
    assert serve("greylist { }")(**ENVELOPE).action is Action.GREYLIST
    engine = serve("greylist { backend = sqlite; }")
    assert engine(**ENVELOPE).action is Action.SOFT_REJECT
    engine.now += 301
    assert options(engine(**ENVELOPE), "GREYLIST") == ("pass", "body")
