"""``scan``, ``explain`` and ``diff`` ask what the site remembers and change nothing of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from filter_engine.cli.diff import diff
from filter_engine.cli.explain import explain
from filter_engine.cli.learn import learn
from filter_engine.cli.scan import scan
from lessons import HAM, SPAM, lesson
from redis_server import PROGRAM, RedisServer

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no redis-server")

#: Everything is remembered: learnt, greylisted, counted and shown.
CONFIG = {
    "options.inc": 'dns { nameserver = "127.0.0.1:9"; timeout = 200ms; retransmits = 1; }',
    "redis.conf": 'servers = "%s"; timeout = 20s;',
    "classifier-bayes.conf": "min_learns = 1; autolearn { spam_threshold = 0.1; }",
    "ratelimit.conf": 'rates { ip { bucket { burst = 20; rate = "1 / 1m"; } } }',
    "actions.conf": "greylist = 0.1;",
}


class Site:
    """A configuration and its Redis."""

    def __init__(self, folder: Path, redis: RedisServer) -> None:
        self.folder, self.redis = folder / "site", redis
        (self.folder / "local.d").mkdir(parents=True)
        for name, text in CONFIG.items():
            (self.folder / "local.d" / name).write_text(text.replace("%s", redis.name))

    def mail(self, name: str, raw: bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(raw)
        return str(path)

    def run(self, command: object, *words: str) -> Result:
        done = CliRunner().invoke(command, words)  # type: ignore[arg-type]
        assert done.exit_code == 0, done.output
        return done

    @property
    def options(self) -> list[str]:
        return ["--var", f"LOCAL_CONFDIR={self.folder}", "--var", f"DBDIR={self.folder}"]

    def remembers(self) -> tuple[object, object]:
        return self.redis.say("DBSIZE"), self.redis.say("HGET", "RS", "learns_spam")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with RedisServer(tmp_path / "redis") as redis:
        yield Site(tmp_path, redis)


@pytest.mark.parametrize("command", [scan, explain, diff], ids=["scan", "explain", "diff"])
def test_what_a_command_scans_is_not_remembered(site: Site, command: object) -> None:
    for number in range(4):
        site.mail(f"spam/{number}", lesson(SPAM, number))
        site.mail(f"ham/{number}", lesson(HAM, number))
    site.run(learn, "corpus", str(site.folder), *site.options)
    before = site.remembers()
    mails = [site.mail(f"{number}.eml", lesson(SPAM, number)) for number in range(5, 8)]
    places = [str(site.folder)] * 2 if command is diff else []
    options = [] if command is diff else site.options
    done = site.run(command, *places, *mails, "-i", "198.51.100.7", "--json", *options)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 3
    if command is not diff:
        assert all("BAYES_SPAM" in json.dumps(row["symbols"]) for row in rows), done.stdout
    assert done.stderr == ""
    assert site.remembers() == before
