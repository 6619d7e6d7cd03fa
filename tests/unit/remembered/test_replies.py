"""Answers, and who wrote before, with a real Redis."""

from __future__ import annotations

from typing import Any

import pytest

from filter_engine.scan.verdict import Action
from redis_server import RedisServer

from .conftest import Engine, Serve, options

OUT = (
    b'From: Me <me@Home.Example>\r\nReply-To: "R" <Reply.Me@Home.Example>\r\n'
    b"To: Bob <bob@example.com>\r\nMessage-ID: <out1@home.example>\r\nSubject: Out\r\n\r\nText\r\n"
)
ANSWER = (
    b"From: Bob <bob@example.com>\r\nTo: <reply.me@home.example>\r\n"
    b"In-Reply-To: <out1@home.example>\r\nSubject: Re: Out\r\n\r\nText\r\n"
)
KEY, WHO = "rrpha7htf8a5fiiq1a7uzm", b"cw4xp1dd"
"""As Rspamd 3.4 wrote them for this message."""
TO_ME = {"mail_from": "bob@example.com", "rcpt_to": ("reply.me@home.example",)}


def sent(engine: Engine, **said: Any) -> None:
    engine(OUT, mail_from="me@home.example", rcpt_to=("bob@example.com",), **said)


@pytest.mark.parametrize("said", [{"user": "me"}, {"ip": "10.0.0.5"}])
def test_an_answer_is_known(redis: RedisServer, serve: Serve, said: dict[str, str]) -> None:
    engine = serve("replies { }", redis)
    sent(engine, **said)
    assert WHO in redis.say("GET", KEY)
    verdict = engine(ANSWER, **TO_ME)
    reply = verdict.symbol("REPLY")
    assert reply is not None
    assert (reply.score, reply.group) == (-4.0, "replies")


def test_folded_message_ids_are_those_rspamd_wrote(redis: RedisServer, serve: Serve) -> None:
    engine = serve("replies { }", redis)
    raw = (
        b"From: Me <me@Home.Example>\r\nTo: Bob <bob@example.com>\r\n"
        b"Message-ID:\r\n <out2@home.example>\r\nSubject: Out\r\n\r\nText\r\n"
    )
    engine(raw, ip="10.0.0.5")
    assert b"raey59f8" in redis.say("GET", "rreh1eq6baraxc5e9oxdj3")


def test_what_is_no_answer(redis: RedisServer, serve: Serve) -> None:
    engine = serve("replies { }", redis)
    sent(engine)  # nobody of this site
    assert engine(ANSWER, **TO_ME).symbol("REPLY") is None
    sent(engine, user="me")
    other = {**TO_ME, "rcpt_to": ("somebody@home.example",)}
    assert engine(ANSWER, **other).symbol("REPLY") is None
    assert engine(ANSWER.replace(b"out1", b"out9"), **TO_ME).symbol("REPLY") is None


def test_an_answer_may_be_accepted_at_once_and_does_not_wait(
    redis: RedisServer, serve: Serve
) -> None:
    engine = serve('greylist { }\nreplies { action = "no action"; }', redis)
    sent(engine, user="me")
    verdict = engine(ANSWER.replace(b"Subject", b"X-Five: yes\r\nSubject"), **TO_ME)
    assert (verdict.action, verdict.symbol("GREYLIST")) == (Action.NO_ACTION, None)
    assert verdict.messages == {"smtp_message": "Message is reply to one we originated"}


def test_senders_become_known(redis: RedisServer, serve: Serve) -> None:
    engine = serve("known_senders { domains = [example.com]; max_ttl = 1h; }", redis)
    first, second = engine(ANSWER, **TO_ME), engine(ANSWER, **TO_ME)
    assert first.symbol("UNKNOWN_SENDER") is not None
    assert first.symbol("KNOWN_SENDER") is None
    assert second.symbol("KNOWN_SENDER") is not None
    engine.now += 3599
    assert engine(ANSWER, **TO_ME).symbol("KNOWN_SENDER") is not None
    engine.now += 3601
    assert engine(ANSWER, **TO_ME).symbol("UNKNOWN_SENDER") is not None


def test_senders_that_were_not_seen_for_long_are_forgotten(
    redis: RedisServer, serve: Serve
) -> None:
    engine = serve("known_senders { domains = [example.com]; max_ttl = 1h; }", redis)
    engine(ANSWER, **TO_ME)
    engine.now += 3601
    eve = ANSWER.replace(b"bob@example.com", b"eve@example.com")
    engine(eve, **{**TO_ME, "mail_from": "eve@example.com"})
    assert redis.say("ZCARD", "rs_known_senders") == b":1\r\n"


@pytest.mark.parametrize("backend", ["redis", "sqlite"])
def test_of_too_many_senders_the_oldest_are_forgotten(
    redis: RedisServer, serve: Serve, backend: str
) -> None:
    domains = f"domains = [example.com]; max_senders = 2; backend = {backend};"
    engine = serve(f"known_senders {{ {domains} }}", redis)

    def symbol(name: str) -> str:
        engine.now += 1
        raw = ANSWER.replace(b"bob@", name.encode() + b"@")
        verdict = engine(raw, **{**TO_ME, "mail_from": f"{name}@example.com"})
        return "known" if verdict.symbol("KNOWN_SENDER") is not None else "new"

    assert [symbol(name) for name in ("a", "b", "c", "b", "a")] == [*["new"] * 3, "known", "new"]


@pytest.mark.parametrize("backend", ["redis", "sqlite"])
def test_who_answered_is_known(redis: RedisServer, serve: Serve, backend: str) -> None:
    more = f"backend = {backend};"
    engine = serve(
        f"replies {{ {more} }}\nknown_senders {{ domains = [x.example]; {more} }}", redis
    )
    sent(engine, user="me")
    assert engine(ANSWER, **TO_ME).symbol("REPLY") is not None
    mine = ANSWER.replace(b"bob@example.com", b"reply.me@home.example")
    verdict = engine(mine, **TO_ME)
    assert options(verdict, "INC_MAIL_KNOWN_GLOBALLY") == ("reply.me@home.example",)
    assert verdict.symbol("INC_MAIL_KNOWN_LOCALLY") is None
    theirs = engine(ANSWER.replace(b"In-Reply-To", b"X-Other"), **TO_ME)
    assert theirs.symbol("INC_MAIL_KNOWN_LOCALLY") is not None


def test_without_its_store_mail_flows(redis: RedisServer, serve: Serve) -> None:
    engine = serve("known_senders { domains = [example.com]; }", redis)
    redis.stop(hard=True)
    verdict = engine(ANSWER, **TO_ME)
    assert verdict.action is Action.NO_ACTION
    assert {"greylist", "known_senders", "replies"} <= set(options(verdict, "STORE_FAIL") or ())
