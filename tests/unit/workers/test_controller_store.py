"""The controller beside Redis: learning, history, statistics, as clients of Rspamd see them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from redis_server import PROGRAM, RedisServer

from .engine import GTUBE, MESSAGE, Engine, until

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
RSPAMC = shutil.which("rspamc")
WORDS = (
    b"Our warehouse offers cheap replica watches for every gentleman who desires to impress his "
    b"colleagues without spending a fortune; order before midnight and receive a second one free "
    b"of charge together with a handsome leather strap, shipped discreetly to any country.\r\n"
)
HAM_WORDS = (
    b"The committee meets on Thursday in the small library to discuss the budget of the summer "
    b"school; please bring the figures of last year and tell me whether the projector works, as "
    b"the one in the large hall has been broken since the storm in April.\r\n"
)


def mail(number: int, words: bytes) -> bytes:
    text = MESSAGE.replace(b"<1@", b"<%d@" % number)
    return text.replace(b"hello", b"number %d" % number) + words


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with Redis, Bayes and history."""
    directory = tmp_path_factory.mktemp("taught")
    with RedisServer(directory / "redis") as redis:
        engine = Engine(directory / "e")
        engine.write("redis.conf", f'servers = "{redis.name}"; timeout = 20s;')
        try:
            yield engine.start()
        finally:
            engine.close()


def post(
    engine: Engine, path: str, body: bytes = b"", **headers: str
) -> tuple[int, dict[str, object]]:
    status, _, content = engine.http(engine.controller, path, body, headers)
    return status, json.loads(content) if content else {}


def test_learning_and_its_statuses(taught: Engine) -> None:
    spam, ham = mail(100, WORDS), mail(101, HAM_WORDS)
    assert post(taught, "/learnspam", spam) == (200, {"success": True})
    status, again = post(taught, "/learnspam", spam)
    assert status == 208
    assert again["error"] == "<100@client.example> has been already learned as spam, ignore it"
    assert post(taught, "/learnham", ham) == (200, {"success": True})
    assert post(taught, "/learnham", spam) == (200, {"success": True}), "moved to the other class"
    assert post(taught, "/learnspam", spam)[0] == 200
    assert post(taught, "/learnclass", mail(102, WORDS[::-1]), Class="class:spam")[0] == 200
    assert post(taught, "/learnclass", ham, Class="newsletter")[0] == 400
    statfiles = post(taught, "/stat")[1]["statfiles"]
    assert isinstance(statfiles, list)
    assert [(f["symbol"], f["revision"], f["type"]) for f in statfiles] == [
        ("BAYES_SPAM", 2, "redis"),
        ("BAYES_HAM", 1, "redis"),
    ]
    assert taught.stat()["total_learns"] == 3


def test_a_short_message_has_its_reason_in_the_status_line(taught: Engine) -> None:
    status, body = post(taught, "/learnham", b"Subject: a\r\n\r\nb\r\n")
    assert (status, body) == (204, {})


def test_learning_takes_zstd_and_refuses_what_is_none(taught: Engine) -> None:
    packed = zstandard.compress(mail(103, WORDS + HAM_WORDS))
    assert post(taught, "/learnspam", packed, Compression="zstd")[0] == 200
    assert post(taught, "/learnspam", b"no zstd", Compression="zstd")[0] == 400
    assert post(taught, "/learnspam", b"")[0] == 400
    assert post(taught, "/learnspam", mail(104, WORDS), File="/etc/passwd")[0] == 400
    assert post(taught, "/learnspam", mail(104, WORDS), Classifier="other")[0] == 404


def test_history_and_its_reset(taught: Engine) -> None:
    def rows() -> list[dict[str, object]]:
        _, said = post(taught, "/history?from=0&to=1")
        assert said["version"] == 2
        found = said["rows"]
        assert isinstance(found, list)
        return found

    # Two processes scan, and each writes its row once it has replied.
    taught.scan(mail(200, WORDS))
    until(lambda: len(rows()) == 1, "a row of history")
    taught.scan(mail(201, HAM_WORDS + GTUBE))
    until(lambda: len(rows()) == 2, "another")
    newest = rows()[0]
    assert newest["message-id"] == "201@client.example"
    assert newest["action"] == "reject"
    assert post(taught, "/history?from=x")[0] == 400
    assert post(taught, "/historyreset") == (200, {"success": True})
    assert rows() == []


def test_an_explanation_changes_no_store(tmp_path: Path) -> None:
    """The same mail scanned in earnest leaves traces of ratelimit, greylist and senders."""
    with RedisServer(tmp_path / "redis") as redis:
        engine = Engine(tmp_path / "e")
        engine.write("redis.conf", f'servers = "{redis.name}"; timeout = 20s;')
        engine.write(
            "ratelimit.conf", 'rates { from = { bucket { rate = "1 / 1h"; burst = 9; } } }'
        )
        engine.write("known_senders.conf", "enabled = true; domains = [client.example];")
        engine.write("replies.conf", "enabled = true;")
        try:
            engine.start()
            envelope = {"IP": "198.51.100.7", "From": "alice@client.example", "User": "alice"}
            post(engine, "/explain", MESSAGE, Rcpt="bob@home.example", **envelope)
            status, said = post(engine, "/explain", MESSAGE, Rcpt="bob@home.example", **envelope)
            assert status == 200
            assert "STORE_FAIL" not in json.dumps(said)
            assert redis.say("DBSIZE") == b":0\r\n"
            post(engine, "/checkv2", MESSAGE, Rcpt="bob@home.example", **envelope)
            until(
                lambda: redis.say("DBSIZE") not in (b":0\r\n", b":1\r\n"),
                "keys of a scan in earnest",
            )
        finally:
            engine.close()


@pytest.mark.skipif(RSPAMC is None, reason="no rspamc (Debian's package rspamd)")
def test_rspamc(taught: Engine, tmp_path: Path) -> None:
    """Debian's own client: the commands of the issue but those of fuzzy hashes."""

    def rspamc(*words: str) -> str:
        done = subprocess.run(
            [str(RSPAMC), "-h", f"127.0.0.1:{taught.controller}", *words],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout + done.stderr

    spam, ham = tmp_path / "spam.eml", tmp_path / "ham.eml"
    spam.write_bytes(mail(300, WORDS + b"And a third one for the gardener of the castle.\r\n"))
    ham.write_bytes(mail(301, HAM_WORDS + b"The keys are with the porter at the gate.\r\n"))
    assert "success = true" in rspamc("learn_spam", str(spam))
    assert "already learned as spam" in rspamc("learn_spam", str(spam))
    assert "success = true" in rspamc("learn_ham", str(ham))
    scanned = rspamc("symbols", str(ham))
    assert "[Metric: default]" in scanned
    assert "Symbol: FROM_HAS_DN" in scanned
    stat = rspamc("stat")
    assert "Statfile: BAYES_SPAM type: redis" in stat
    assert "Messages scanned: " in stat
    counters = rspamc("counters")
    assert "FROM_HAS_DN" in counters
    assert "Uptime: " in rspamc("uptime")
    assert "Messages scanned: " in rspamc("stat_reset")
