"""Rows of the last scans, with a real Redis."""

from __future__ import annotations

import orjson
import pytest

from filter_engine.checks.remembered.history import History, row_json
from redis_server import RedisServer

from .conftest import NOW, A, Engine, Serve

LIST = "rs_historyvm_zst"


def history(engine: Engine) -> History:
    kept = engine.scanner.states["history_redis"]
    found = kept.of("vm")  # type: ignore[attr-defined]
    assert isinstance(found, History)
    return found


def rows(engine: Engine) -> list[dict[str, object]]:
    one = history(engine)
    return one.rows(engine._runner.run(engine.stores.answer(one.newest())).value)


def test_a_row_is_rspamds(redis: RedisServer, serve: Serve) -> None:
    engine = serve("greylist { enabled = false; }\nhistory_redis { }", redis)
    engine(mail_from="bob@example.com", rcpt_to=("alice@example.net",), user="me")
    (row,) = rows(engine)
    assert 0.0 <= float(str(row.pop("time_real"))) < 3600
    assert row == {
        "is_skipped": False,
        "score": 5.0,
        "required_score": 15.0,
        "action": "greylist",
        "symbols": {"FIVE": row["symbols"]["FIVE"]},  # type: ignore[index]
        "message-id": "one@example.com",
        "unix_time": int(NOW),
        "size": len(A),
        "ip": "198.51.100.77",
        "user": "me",
        "subject": "Hi",
        "sender_smtp": "bob@example.com",
        "sender_mime": "Bob@example.com",
        "rcpt_smtp": ["alice@example.net"],
        "rcpt_mime": ["alice@example.net"],
    }
    five = row["symbols"]["FIVE"]  # type: ignore[index]
    assert (five["name"], five["score"], five["options"]) == ("FIVE", 5.0, ["yes"])


def test_the_newest_rows_stay_and_a_reset_removes_them(redis: RedisServer, serve: Serve) -> None:
    engine = serve("history_redis { nrows = 3; expire = 1h; }", redis)
    for number in range(5):
        engine(A.replace(b"one@", b"%d@" % number))
    engine(A, flags=frozenset(("no_log",)))
    assert [row["message-id"] for row in rows(engine)] == [f"{n}@example.com" for n in (4, 3, 2)]
    assert 0 < int(redis.say("TTL", LIST).strip().removeprefix(b":")) <= 3600
    assert engine._runner.run(engine.stores.answer(history(engine).reset())).value == 1
    assert rows(engine) == []


def test_uncompressed_with_the_subject_hidden(redis: RedisServer, serve: Serve) -> None:
    engine = serve(
        "history_redis { compress = false; subject_privacy = true; subject_privacy_alg = sha256;"
        'key_prefix = "h:{{HOSTNAME}}{{COMPRESS}}:x"; }',
        redis,
    )
    engine()
    assert b'"subject":"obf:3639efcd08abb273"' in redis.say("LRANGE", "h:vm:x", "0", "-1")
    redis.say("LPUSH", "h:vm:x", "{broken")
    assert len(rows(engine)) == 1


def test_hostile_texts_make_a_bounded_row(redis: RedisServer, serve: Serve) -> None:
    engine = serve("history_redis { }", redis)
    raw = b"Subject: \xff\xfe" + b"x" * 100_000 + b"\r\nMessage-ID: \xff\r\n\r\n"
    engine(raw, rcpt_to=tuple(f"a{n}@example.net" for n in range(500)), mail_from="\udcff@x")
    (row,) = rows(engine)
    assert len(str(row["subject"])) <= 1024
    assert len(row["rcpt_smtp"]) == 100  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("option", "kept"),
    [
        ("short", "short"),
        ("half \ud800", "half ?"),
        ("octet \udcff", "octet \ufffd"),
        ("x" * 20_000, "x" * 1024),
    ],
)
def test_options_of_symbols_are_utf8_and_bounded(option: str, kept: str) -> None:
    row = {"symbols": {"A": {"name": "A", "score": 1.0, "options": (option, "other")}}}
    assert orjson.loads(row_json(row)) == {
        "symbols": {"A": {"name": "A", "score": 1.0, "options": [kept, "other"]}}
    }
