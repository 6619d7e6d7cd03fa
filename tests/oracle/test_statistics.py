"""Either filter judges by what the other has learnt, and comes to the same.

The real Rspamd and a Redis of its own run on loopback. Both learn the same mail, one after the
other; then both judge other mail by each training. They may differ where their tokens do: which
language a text is in, the order of several links (docs/statistics.md).
Rspamd guesses a language from words it draws by chance, so no two runs are alike: in twenty runs 41
to 48 of the 50 mails were the same and 46 to 50 alike. The bounds stand well below that.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from filter_engine.statistics.learning import LearnStatus
from redis_server import PROGRAM

from .both import Both, Said
from .recording import missing, samples

if missing():
    pytest.skip(f"no {missing()}; set ORACLE_DIR", allow_module_level=True)
if shutil.which("rspamd") is None or PROGRAM is None:
    pytest.skip("no rspamd or no redis-server", allow_module_level=True)

LEARNT = 25
"""Mails of each class that are learnt."""
JUDGED = 25
"""Of each class."""
SAME = 0.66
"""Share of the mails judged that have the same symbol and the same percentage, to a hundredth."""
ALIKE = 0.84
"""Share in which the score differs by less than half a point."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    found = Both(tmp_path_factory.mktemp("both"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def mails() -> tuple[list[tuple[bytes, bool]], list[bytes]]:
    """What is learnt, and what is judged."""
    spam = [s.raw for s in samples() if "/spam" in f"/{s.path}"][: LEARNT + JUDGED]
    ham = [s.raw for s in samples() if "ham" in s.path.partition(".")[0]][: LEARNT + JUDGED]
    assert len(spam) == len(ham) == LEARNT + JUDGED
    lessons = [(raw, True) for raw in spam[:LEARNT]] + [(raw, False) for raw in ham[:LEARNT]]
    return lessons, spam[LEARNT:] + ham[LEARNT:]


@pytest.mark.parametrize("teacher", ["rspamd", "this engine"])
def test_what_one_has_learnt_the_other_judges_by(
    both: Both, mails: tuple[list[tuple[bytes, bool]], list[bytes]], teacher: str
) -> None:
    lessons, judged = mails
    both.forget()
    if teacher == "rspamd":
        for raw, spam in lessons:
            both.rspamd_learns(raw, spam)
    else:
        both.learn(lessons)
    ours = both.say(judged)
    theirs = [both.rspamd_says(raw) for raw in judged]
    known = [said for said in theirs if said is not None]
    assert len(known) > len(judged) / 2, "the training is of use"
    pairs = list(zip(ours, theirs, strict=True))
    same = sum(1 for one, other in pairs if _shown(one) == _shown(other))
    alike = sum(1 for one, other in pairs if abs(_score(one) - _score(other)) < 0.5)
    print(f"taught by {teacher}: {same} same, {alike} alike of {len(pairs)}")
    assert same >= SAME * len(pairs), [pair for pair in pairs if _shown(pair[0]) != _shown(pair[1])]
    assert alike >= ALIKE * len(pairs)


def _shown(said: Said | None) -> tuple[str, ...] | None:
    return None if said is None else said[:2]


def _score(said: Said | None) -> float:
    return 0.0 if said is None else said.score


def test_each_knows_what_the_other_has_learnt(
    both: Both, mails: tuple[list[tuple[bytes, bool]], list[bytes]]
) -> None:
    """``learned_ids``: of mail whose tokens are the same."""
    raw = PLAIN
    both.forget()
    assert b'"success":true' in both.rspamd_learns(raw, True)
    (again,) = both.learn([(raw, True)])
    assert again.status is LearnStatus.KNOWN
    (moved,) = both.learn([(raw, False)])
    assert moved.status is LearnStatus.RELEARNED
    assert b"already learned" in both.rspamd_learns(raw, False)
    said = both.redis.say("HMGET", "RS", "learns_spam", "learns_ham")
    assert said == b"*2\r\n$1\r\n0\r\n$1\r\n1\r\n"


PLAIN = b"""From: Ann <ann@example.org>
Subject: minutes of the meeting in the garden
Date: Sat, 21 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

The gardeners of our village came together yesterday evening and talked about the apple
trees, which carried many apples this year, about the fence near the river and about money
that we need for new tools. Everybody agreed that the fence should be painted in spring.
The next meeting takes place at the house of the treasurer, who promised to bring coffee.
"""
