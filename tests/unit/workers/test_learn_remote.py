"""``filter-engine learn --host``: a controller teaches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.ports import free_port

from filter_engine.cli.learn import learn, unlearn
from lessons import HAM, SPAM, lesson
from redis_server import PROGRAM, RedisServer

from .engine import Engine

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no redis-server")


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, RedisServer]]:
    directory = tmp_path_factory.mktemp("taught")
    with RedisServer(directory / "redis") as redis:
        store = f'servers = "{redis.name}"; timeout = 20s;'
        engine = Engine(directory / "e", {"redis.conf": store})
        yield engine.start(), redis
        engine.close()


def run(command: Any, *words: str) -> Result:
    return CliRunner().invoke(command, list(words))


def test_a_controller_learns_and_takes_back(
    taught: tuple[Engine, RedisServer], tmp_path: Path
) -> None:
    engine, redis = taught
    host = f"127.0.0.1:{engine.controller}"
    path = tmp_path / "1.eml"
    path.write_bytes(lesson(SPAM))
    for command, words, said in (
        (learn, ("spam",), "learned"),
        (learn, ("spam",), "known"),
        (unlearn, ("spam",), "unlearned"),
        (unlearn, ("spam",), "not learnt"),
    ):
        done = run(command, *words, str(path), "--host", host)
        assert (done.exit_code, done.stdout) == (0, f"{path}: {said}\n")
    assert b"0" in redis.say("HGET", "RS", "learns_spam")
    again = json.loads(run(unlearn, "spam", str(path), "--host", host, "--json").stdout)
    assert again["spam"] == {"not learnt": 1}
    status, _, said = engine.http(
        engine.controller, "/learnspam", path.read_bytes(), {"Unlearn": "yes"}
    )
    assert (status, b"has not been learned as spam" in said) == (208, True)
    short = tmp_path / "short.eml"
    short.write_bytes(b"Subject: x\n\nx\n")
    assert "refused: too short" in run(learn, "ham", str(short), "--host", host).stderr


def test_a_corpus_through_a_controller(taught: tuple[Engine, RedisServer], tmp_path: Path) -> None:
    engine, redis = taught
    for number in range(20):
        for words, folder in ((SPAM, "spam"), (HAM, "ham")):
            path = tmp_path / folder / str(number)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(lesson(words, number))
    done = run(learn, "corpus", str(tmp_path), "--host", f"127.0.0.1:{engine.controller}", "--json")
    assert json.loads(done.stdout)["spam"] == {"learned": 20}
    assert b"20" in redis.say("HGET", "RS", "learns_ham")


def test_a_controller_that_is_not_there_or_has_no_classifier(tmp_path: Path) -> None:
    path = tmp_path / "1.eml"
    path.write_bytes(lesson(SPAM))
    done = run(learn, "spam", str(path), "--host", f"127.0.0.1:{free_port()}")
    assert done.exit_code == 1
    assert "nothing was learnt: 127.0.0.1" in done.stderr
    assert "Connection refused" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("spam", "x.eml", "--force", "--host", "h"),
        ("corpus", ".", "--dry-run", "--host", "h"),
        ("spam", "x.eml", "--password-file", "x"),
        ("spam", "x.eml", "--host", "ftp://h"),
    ],
)
def test_options_that_do_not_go_together(words: tuple[str, ...]) -> None:
    assert run(learn, *words).exit_code == 2
