"""Addresses nobody uses, in a map and in Redis."""

from __future__ import annotations

import pytest

from filter_engine.scan.verdict import Action
from redis_server import RedisServer

from .conftest import Serve, options

QUIET = b"Subject: Hi\r\n\r\nText\r\n"


@pytest.mark.parametrize(
    ("rcpts", "hit"),
    [
        (("Trap@example.net",), "trap@example.net"),
        (("anybody@old.example",), "old.example"),
        (("alice@example.net",), None),
        (("trap@example.net", "alice@example.net"), None),
    ],
)
def test_addresses_and_domains_in_redis(
    redis: RedisServer, serve: Serve, rcpts: tuple[str, ...], hit: str | None
) -> None:
    redis.say("SET", "sptr_trap@example.net", "1")
    redis.say("SET", "sptr_@old.example", "1")
    verdict = serve("spamtrap { enabled = true; }", redis)(QUIET, rcpt_to=rcpts)
    assert options(verdict, "SPAMTRAP") == (None if hit is None else (hit,))


def test_a_map_and_an_action(serve: Serve) -> None:
    engine = serve(
        "spamtrap { enabled = true; map = ['/^trap@/']; action = reject;"
        'smtp_message = "nobody reads $rcpt"; }'
    )
    verdict = engine(QUIET, rcpt_to=("trap@example.net",))
    assert (verdict.action, verdict.messages["smtp_message"]) == (
        Action.REJECT,
        "nobody reads trap@example.net",
    )
    assert engine(QUIET, rcpt_to=("trap@example.net",), user="me").action is Action.NO_ACTION
