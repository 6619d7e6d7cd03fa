"""Maps of ``multimap`` that are hashes in Redis, which are asked about each mail."""

from __future__ import annotations

import logging

import pytest

from filter_engine.scan.verdict import Action
from redis_server import RedisServer

from .conftest import A, Engine, Serve, options


@pytest.fixture(name="serve")
def without_greylisting(serve: Serve) -> Serve:
    def make(text: str, redis: RedisServer | None = None) -> Engine:
        return serve(f"greylist {{ enabled = false; }}\n{text}", redis)

    return make


URLS = A.replace(b"Body text", b"See http://www.shop.example.com/a and http://b.example.net/")


@pytest.mark.parametrize(
    ("rule", "field", "found"),
    [
        ("type = ip", "198.51.100.77", ("198.51.100.77",)),
        ("type = ip", "198.51.100.0/24", ("198.51.100.77",)),
        ("type = ip", "198.0.0.0/8", ("198.51.100.77",)),
        ("type = ip", "198.51.101.0/24", None),
        ("type = hostname", "host.example.org", ("host.example.org",)),
        ("type = from", "example.org", ("example.org",)),
        ('type = from; filter = "email:addr"', "ann@example.org", ("ann@example.org",)),
        ("type = from; extract_from = mime", "bob@example.com", ("Bob@example.com",)),
        ("type = rcpt", "alice@example.net", ("alice@example.net",)),
        ('type = header; header = "Subject"', "hi", ("Hi",)),
        ('type = url; filter = "tld"', "example.net", ("example.net",)),
        ('type = url; filter = "regexp:/^(www)/"', "www", ("www",)),
        ('type = selector; selector = "user"', "nobody", None),
    ],
)
def test_what_a_hash_has_is_found(
    redis: RedisServer, serve: Serve, rule: str, field: str, found: tuple[str, ...] | None
) -> None:
    redis.say("HSET", "known", field, "")
    engine = serve(f'multimap {{ R {{ {rule}; map = "redis://known"; score = 2; }} }}', redis)
    verdict = engine(
        URLS,
        mail_from="ann@example.org",
        rcpt_to=("alice@example.net",),
        hostname="host.example.org",
    )
    assert options(verdict, "R") == found
    hit = verdict.symbol("R")
    assert hit is None or any(f"{redis.name} known" in text for text in hit.evidence)


def test_networks_of_ipv6_and_the_longest_counts(redis: RedisServer, serve: Serve) -> None:
    redis.say("HSET", "nets", "2001:db8::/64", "3", "2001:db8::/127", "5")
    engine = serve('multimap { R { type = ip; map = "redis://nets"; score = 1; } }', redis)
    assert engine(ip="2001:db8::1").symbol("R").score == 5.0  # type: ignore[union-attr]
    assert engine(ip="2001:db8::2").symbol("R").score == 3.0  # type: ignore[union-attr]
    assert engine(ip="2001:db9::2").symbol("R") is None


def test_values_say_symbol_and_score(redis: RedisServer, serve: Serve) -> None:
    redis.say("HSET", "senders", "example.org", "OTHER:4.5")
    engine = serve(
        'multimap { R { type = from; map = "redis://senders"; symbols = [OTHER]; score = 1;'
        " action = reject; } }",
        redis,
    )
    verdict = engine(mail_from="ann@example.org")
    found = verdict.symbol("OTHER")
    assert found is not None
    assert found.score == 4.5
    assert verdict.action is Action.REJECT
    assert engine(mail_from="ann@example.com").action is not Action.REJECT


def test_a_selector_names_the_hashes(redis: RedisServer, serve: Serve) -> None:
    redis.say("HSET", "block:dan@example.net", "example.org", "")
    engine = serve(
        "multimap { R { type = from; score = 1;"
        " map = \"redis+selector://id('block');rcpts('smtp'):addr.lower\"; delimiter = ':'; } }",
        redis,
    )
    both = ("alice@example.net", "Dan@example.net")
    assert engine(mail_from="ann@example.org", rcpt_to=both).symbol("R") is not None
    assert engine(mail_from="ann@example.org", rcpt_to=both[:1]).symbol("R") is None


@pytest.mark.parametrize(
    ("expand", "key", "found"),
    [
        ("true", "198.51.100.77.example.net", True),
        ("false", "${ip}.${principal_recipient_domain}", True),
        ("true", "${ip}.${principal_recipient_domain}", False),
    ],
)
def test_keys_of_words(
    redis: RedisServer, serve: Serve, expand: str, key: str, *, found: bool
) -> None:
    redis.say("HSET", key, "mx.example.org", "")
    engine = serve(
        f'redis {{ servers = "{redis.name}"; timeout = 20s; expand_keys = {expand}; }}\n'
        "multimap { R { type = helo; score = 1;"
        ' map = "redis://${ip}.${principal_recipient_domain}"; } }'
    )
    verdict = engine(helo="mx.example.org", rcpt_to=("bob@example.net",))
    assert (verdict.symbol("R") is not None) is found


def test_a_word_without_value_asks_nothing(redis: RedisServer, serve: Serve) -> None:
    redis.say("HSET", "x.", "mx.example.org", "")
    engine = serve(
        f'redis {{ servers = "{redis.name}"; timeout = 20s; expand_keys = true; }}\n'
        'multimap { R { type = helo; score = 1; map = "redis://x.${from_domain}"; } }'
    )
    assert engine(helo="mx.example.org", mail_from="").symbol("R") is None
    assert b"hmget" not in redis.say("INFO", "commandstats")


def test_one_command_for_all_values_of_a_rule(redis: RedisServer, serve: Serve) -> None:
    redis.say("HSET", "urls", "b.example.net", "")
    text = b"\r\n".join(b"http://h%d.example.com/" % number for number in range(3000))
    engine = serve('multimap { R { type = url; map = "redis://urls"; score = 1; } }', redis)
    assert engine(A + text).symbol("R") is None
    assert options(engine(URLS), "R") == ("b.example.net",)
    assert b"cmdstat_hmget:calls=2," in redis.say("INFO", "commandstats")


def test_servers_of_its_own_and_no_prefix(redis: RedisServer, serve: Serve) -> None:
    redis.say("HSET", "known", "198.51.100.77", "")
    own = serve(
        'redis { servers = "127.0.0.1:9"; prefix = "p"; }\n'
        f'multimap {{ servers = "{redis.name}"; timeout = 20s;'
        ' R { type = ip; map = "redis://known"; score = 1; } }'
    )
    assert own().symbol("R") is not None
    shared = serve(
        f'redis {{ servers = "{redis.name}"; timeout = 20s; prefix = "p"; }}\n'
        'multimap { R { type = ip; map = "redis://known"; score = 1; } }'
    )
    assert shared().symbol("R") is not None


def test_redis_away_or_another_kind_of_key(redis: RedisServer, serve: Serve) -> None:
    redis.say("SET", "known", "no hash")
    text = 'multimap { R { type = ip; map = "redis://known"; score = 1; prefilter = true; } }'
    engine = serve(text, redis)
    verdict = engine()
    assert verdict.symbol("R") is None
    assert options(verdict, "STORE_FAIL") == ("multimap",)
    redis.stop(hard=True)
    assert options(engine(), "STORE_FAIL") == ("multimap",)


def test_without_redis_the_rule_is_left_out(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        engine = serve('multimap { R { type = ip; map = "redis://known"; score = 1; } }')
    assert engine().symbol("R") is None
    assert "multimap 'R': no Redis: write redis { servers = ... }" in caplog.text
