"""What a running service logs: one tag a message on its whole way, rotation, Rspamd's tools."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .engine import MESSAGE, SPAM, Engine, Mta, until

MakeEngine = Callable[..., Engine]
TAG = re.compile(r"<([0-9a-zA-Z._:-]+)>; (\w+); ")


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def logging_engine(make_engine: MakeEngine, tmp_path: Path) -> Callable[..., tuple[Engine, Path]]:
    def make(more: str = "") -> tuple[Engine, Path]:
        path = tmp_path / "mail.log"
        engine = make_engine(
            {"logging.inc": f'type = "file"; filename = "{path}"; {more}',
             "greylist.conf": "enabled = false;"}
        )  # fmt: skip
        return engine.start(), path

    return make


def test_a_message_has_one_tag_on_proxy_and_scanner(
    logging_engine: Callable[..., tuple[Engine, Path]],
) -> None:
    engine, path = logging_engine('debug_modules = ["questions"];')
    with Mta(engine.proxy) as mta:
        mta.begin(queue_id=b"4First")
        mta.content(MESSAGE)
        mta.finish()
        mta.begin(queue_id=b"4Second")
        mta.content(MESSAGE)
        mta.finish()
    until(lambda: sum("rspamd_task_write_log" in line for line in lines(path)) == 4, "four lines")
    by_queue: dict[str, set[str]] = {}
    for line in lines(path):
        if (found := re.search(r"qid: <(\w+)>", line)) is not None:
            tagged = TAG.search(line)
            assert tagged, line
            by_queue.setdefault(found[1], set()).add(tagged[1])
    assert {queue: len(tags) for queue, tags in by_queue.items()} == {"4First": 1, "4Second": 1}
    assert by_queue["4First"] != by_queue["4Second"]
    # What the resolver did not answer is told of each message, with its tag.
    told = {TAG.search(line)[1] for line in lines(path) if "; questions; " in line}  # type: ignore[index]
    assert told <= set.union(*by_queue.values())
    assert told
    kinds = {line.partition("(")[2].partition(")")[0] for line in lines(path) if "qid" in line}
    assert kinds == {"proxy", "normal"}


def test_the_askers_tag_is_kept_and_shown_with_errors(
    logging_engine: Callable[..., tuple[Engine, Path]],
) -> None:
    engine, path = logging_engine("log_json = true;")
    engine.scan(MESSAGE, **{"Log-Tag": "mx1.4f2a"})
    said = [json.loads(line) for line in lines(path)]
    (scan,) = [one for one in said if one["module"] == "task"]
    assert (scan["id"], scan["worker_type"]) == ("mx1.4f2a", "normal")
    assert scan["task"]["mail_id"] == "1@client.example"
    assert all(one["id"] == "" for one in said if one["worker_type"] == "main")


def test_rotation_by_the_signal_loses_no_line(
    logging_engine: Callable[..., tuple[Engine, Path]],
) -> None:
    engine, path = logging_engine()
    engine.scan(MESSAGE)
    old = path.rename(path.with_suffix(".1"))
    os.kill(engine.pid, signal.SIGUSR1)
    until(path.exists, "the new file")
    engine.scan(MESSAGE)

    def written(file: Path) -> int:
        return sum("write_log" in line for line in lines(file))

    until(lambda: written(old) + written(path) == 2, "a line each, in either file")
    after = written(path)
    assert engine.http(engine.controller, "/ping")[0] == 200
    engine.hup()
    assert "loading the configuration anew" in path.read_text()
    engine.scan(MESSAGE)
    until(lambda: written(path) == after + 1, "a third line")


@pytest.mark.skipif(shutil.which("rspamd_stats") is None, reason="no rspamd_stats here")
def test_rspamds_own_tool_reads_the_log(
    logging_engine: Callable[..., tuple[Engine, Path]],
) -> None:
    engine, path = logging_engine()
    for mail in (MESSAGE, SPAM, b"From: a@b.example\r\n\r\nno date\r\n"):
        engine.scan(mail)
    command = ["rspamd_stats", "--json", "--log", str(path), "--symbol", "MISSING_DATE"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 0, found.stderr
    said = json.loads(found.stdout)
    assert said["total"] == 3
    assert said["actions"]["reject"] == 1
    assert said["symbols"]["MISSING_DATE"]["hits"] == 1
