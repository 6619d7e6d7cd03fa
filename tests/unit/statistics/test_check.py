"""The classifier in a scan: judging, learning by the own verdict, failing, recording."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from filter_engine import checks
from filter_engine.config.loader import load
from filter_engine.dns.table import TableResolver
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.recording import Recorder
from filter_engine.scan.recording_file import read_recording
from filter_engine.scan.replay import Replay, ReplayLoop
from filter_engine.scan.store import StoreAnswer, StoreQuestion
from filter_engine.scan.verdict import Verdict
from filter_engine.scanner import Scanner, sections
from filter_engine.statistics.classifier import Classifier
from filter_engine.statistics.learning import LearnStatus, Lesson, learn, learnt_in_all
from filter_engine.streams.client import StreamClient
from filter_engine.streams.outbox import Outbox
from filter_engine.streams.world import World
from redis_server import PROGRAM, RedisServer
from table_stores import TableStores

HAM_WORDS = (
    "meeting garden treasurer coffee minutes village fence river autumn invitation neighbour"
)
SPAM_WORDS = (
    "viagra casino winner million transfer urgent bonus jackpot discount prescription luxury"
)
CHARSET = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
IP = Envelope(ip="192.0.2.1", rcpt_to=("ann@example.net",))


def mail(words: str, number: int = 0, head: str = "") -> bytes:
    said = words.split()
    turned = said[number % 7 :] + said[: number % 7]
    return (
        f"From: a{number}@example.org\r\nSubject: {said[number % 5]}\r\n{head}"
        f"Message-ID: <{number}@example.org>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
        f"\r\n{' '.join(turned)} and {' '.join(reversed(turned))}\r\n"
    ).encode()


class Asked:
    def __init__(self, stores: TableStores) -> None:
        self._stores = stores

    async def answer(self, question: StoreQuestion) -> StoreAnswer:
        return self._stores.answer(question)


class Engine:
    """A scanner with stores in memory."""

    def __init__(self, scanner: Scanner, stores: TableStores) -> None:
        self.scanner = scanner
        self.stores = stores

    @property
    def classifiers(self) -> tuple[Classifier, ...]:
        found: tuple[Classifier, ...] = self.scanner.states["bayes_learns"]  # type: ignore[assignment]
        return found

    def scan(self, raw: bytes, envelope: Envelope = IP) -> Verdict:
        return asyncio.run(self.scanner.scan(raw, envelope))

    def learn(self, raw: bytes, *, spam: bool, **more: Any) -> Lesson:
        more.setdefault("bulk", True)
        return asyncio.run(learn(Asked(self.stores), self.classifiers, raw, spam=spam, **more))

    def train(self, count: int = 3, **more: Any) -> None:
        for number in range(count):
            assert self.learn(mail(SPAM_WORDS, number), spam=True, **more).ok
            assert self.learn(mail(HAM_WORDS, number), spam=False, **more).ok


def bayes_of(verdict: Verdict) -> dict[str, tuple[str, ...]]:
    return {s.name: s.options for s in verdict.symbols if s.group == "statistics"}


@pytest.fixture
def engine(tmp_path: Path) -> Callable[..., Engine]:
    def build(text: str = "min_learns = 3;", **more: str) -> Engine:
        checks.load()
        folder = tmp_path / "local.d"
        folder.mkdir(exist_ok=True)
        (folder / "classifier-bayes.conf").write_text(text)
        for name, content in more.items():
            (folder / name.replace("__", ".")).write_text(content)
        variables = {"LOCAL_CONFDIR": str(tmp_path), "DBDIR": str(tmp_path)}
        config = load(None, variables, {}, modules=sections(REGISTRY))
        table, stores = TableResolver({}), TableStores()
        streams = StreamClient(table)  # closed: nobody is asked
        scanner = Scanner(config, REGISTRY, server="mx1")
        scanner.transport = World(table, streams, stores)
        scanner._outbox = Outbox(streams, stores)
        return Engine(scanner, stores)

    return build


def test_what_was_learnt_is_known_again(engine: Callable[..., Engine]) -> None:
    one = engine()
    assert bayes_of(one.scan(mail(SPAM_WORDS, 9))) == {}
    one.train()
    spam, ham = one.scan(mail(SPAM_WORDS, 9)), one.scan(mail(HAM_WORDS, 9))
    assert "BAYES_SPAM" in bayes_of(spam)
    assert "BAYES_HAM" in bayes_of(ham)
    (symbol,) = (s for s in spam.symbols if s.name == "BAYES_SPAM")
    assert symbol.score == pytest.approx(5.1, abs=1e-3)
    assert "tokens known" in symbol.evidence[0]


def test_without_enough_training_no_words_are_looked_at(engine: Callable[..., Engine]) -> None:
    one = engine("min_learns = 4;")
    one.train()
    one.stores.asked.clear()
    assert bayes_of(one.scan(mail(SPAM_WORDS, 9))) == {}
    assert [str(question) for question in one.stores.asked] == ["bayes HMGET"]


def test_the_layout_is_rspamds(engine: Callable[..., Engine]) -> None:
    one = engine()
    one.learn(mail(SPAM_WORDS), spam=True)
    base = one.stores.base(one.classifiers[0].store)
    assert base.everything(b"RS") == {b"version": b"2", b"learns_spam": b"1"}
    (known,) = base.everything(b"learned_ids").items()
    assert len(known[0]) == 103
    assert known[1] == b"1"


def test_lessons(engine: Callable[..., Engine]) -> None:
    one, raw = engine(), mail(SPAM_WORDS)
    assert one.learn(raw, spam=True).status is LearnStatus.LEARNED
    assert one.learn(raw, spam=True).status is LearnStatus.KNOWN
    assert one.learn(raw, spam=False).status is LearnStatus.RELEARNED
    base = one.stores.base(one.classifiers[0].store)
    assert base.fields(b"RS", b"learns_spam", b"learns_ham") == [b"0", b"1"]
    assert one.learn(raw, spam=True, unlearn=True).status is LearnStatus.NOT_LEARNT
    assert one.learn(raw, spam=False, unlearn=True).status is LearnStatus.UNLEARNED
    assert base.fields(b"RS", b"learns_spam", b"learns_ham") == [b"0", b"0"]
    assert base.everything(b"learned_ids") == {}


def test_lessons_that_are_refused(engine: Callable[..., Engine]) -> None:
    one = engine()
    short = one.learn(b"Subject: x\r\n\r\nhello\r\n", spam=True)
    assert short.status is LearnStatus.REFUSED
    assert "11 are needed" in short.detail
    one.train()
    sure = one.learn(mail(SPAM_WORDS, 9), spam=True, bulk=False)
    assert sure.status is LearnStatus.REFUSED
    assert sure.detail == "already in class spam; certainty 100.00%"
    assert one.learn(mail(SPAM_WORDS, 9), spam=False, bulk=False).ok, "against it, it may be learnt"
    assert one.learn(mail(SPAM_WORDS), spam=True, name="other").status is LearnStatus.REFUSED
    read_only = engine("allow_learn = false;")
    assert read_only.learn(mail(SPAM_WORDS), spam=True).status is LearnStatus.REFUSED


def test_users_have_tokens_of_their_own(engine: Callable[..., Engine]) -> None:
    """A10."""
    one = engine("min_learns = 3; per_user = true; autolearn = [0, 6]; allow_learn = true;")
    one.train(envelope=Envelope(rcpt_to=("Ann@example.net",)))
    base = one.stores.base(one.classifiers[0].store)
    assert base.fields(b"RSann@example.net", b"learns_spam") == [b"3"]
    assert "BAYES_SPAM" in bayes_of(one.scan(mail(SPAM_WORDS, 9)))
    other = Envelope(ip="192.0.2.1", rcpt_to=("bob@example.net",))
    assert "BAYES_SPAM" not in bayes_of(one.scan(mail(SPAM_WORDS, 9), other))


GERMAN = "und auch nicht oder aber wenn dann noch nur sehr für über bei nach wir ihr"


@pytest.mark.parametrize("option", ["per_language", "languages_enabled"])
def test_languages_have_tokens_of_their_own(
    engine: Callable[..., Engine], backend: str, option: str
) -> None:
    """Those of English mail have the keys that all mail has without the option."""
    one = engine(f"min_learns = 3; {option} = true; {backend}")
    one.scanner.transport = None

    def german(words: str, number: int) -> bytes:
        return mail(words, number, CHARSET).replace(b" and ", f" {GERMAN} ".encode())

    async def run() -> tuple[list[Verdict], list[list[bytes]], object]:
        one.scanner.open(asyncio.get_running_loop())
        stores = one.scanner.stores
        assert stores is not None
        (classifier,) = one.classifiers
        try:
            for number in range(3):
                for words, spam in ((SPAM_WORDS, True), (HAM_WORDS, False)):
                    lesson = await learn(
                        stores, one.classifiers, german(words, number), spam=spam, bulk=True
                    )
                    assert lesson.status is LearnStatus.LEARNED
            await learn(stores, one.classifiers, mail(HAM_WORDS), spam=False, bulk=True)
            scans = [
                await one.scanner.scan(raw, IP)
                for raw in (german(SPAM_WORDS, 9), german(HAM_WORDS, 9), mail(SPAM_WORDS, 9))
            ]
            keys = [
                (await stores.answer(classifier.store.everything(key))).value
                for key in (b"RS_de", b"RS")
            ]
            return scans, keys, await learnt_in_all(stores, classifier)
        finally:
            one.scanner.close()

    (spam, ham, english), keys, learnt = asyncio.run(run())
    assert "BAYES_SPAM" in bayes_of(spam)
    assert "BAYES_HAM" in bayes_of(ham)
    assert bayes_of(english) == {}, "one English mail was learnt"
    own, shared = (dict(zip(said[::2], said[1::2], strict=True)) for said in keys)
    assert own == {b"version": b"2", b"learns_spam": b"3", b"learns_ham": b"3"}
    assert shared == {b"version": b"2", b"learns_ham": b"1"}
    assert learnt == (3, 4)


@pytest.mark.parametrize(
    ("autolearn", "score", "learnt"),
    [
        ("[-50, 50]", 100.0, b"learns_spam"),
        ("[-50, 50]", 10.0, None),
        ("[-50, 50]", -100.0, b"learns_ham"),
        ("[50, -50]", 100.0, b"learns_spam"),
        ("true", 100.0, b"learns_spam"),
        ("true", 1.0, None),
        ("true", -100.0, b"learns_ham"),
        ("false", 100.0, None),
        ("{ spam_threshold = 50.0; ham_threshold = -50.0; }", -100.0, b"learns_ham"),
        ("{ spam_threshold = 50.0; ham_threshold = -50.0; }", -10.0, None),
        ("{ spam_threshold = 50.0; ham_threshold = -50.0; }", 20.0, None),
        ("{ learn_verdict = true; }", -100.0, b"learns_ham"),
    ],
)
def test_learning_by_the_own_verdict(
    engine: Callable[..., Engine], autolearn: str, score: float, learnt: bytes | None
) -> None:
    rule = 'SITE { type = "header"; header = "X-Site"; regexp = true; map = ["/./"]; score = %s; }'
    one = engine(
        f"autolearn = {autolearn};" if autolearn[0] != "{" else f"autolearn {autolearn}",
        multimap__conf=rule % score,
    )
    one.scan(mail(HAM_WORDS, 1, head="X-Site: yes\r\n"))
    base = one.stores.base(one.classifiers[0].store)
    found = base.everything(b"RS")
    assert found == ({} if learnt is None else {b"version": b"2", learnt: b"1"})


def test_a_store_that_is_away_costs_its_symbols_only(engine: Callable[..., Engine]) -> None:
    one = engine()
    one.train()
    one.stores.failing = ("bayes",)
    verdict = one.scan(mail(SPAM_WORDS, 9))
    assert bayes_of(verdict) == {"STORE_FAIL": ("bayes",)}
    assert verdict.lost_stores == ("bayes",)
    (symbol,) = (s for s in verdict.symbols if s.name == "STORE_FAIL")
    assert "bayes: away" in symbol.evidence[0]
    assert symbol.score == 0.0
    assert one.learn(mail(SPAM_WORDS, 8), spam=True).status is LearnStatus.FAILED


def test_several_classifiers(engine: Callable[..., Engine]) -> None:
    both = """
    classifier "bayes" { min_learns = 3; }
    classifier "other" {
        label = "O"; name = "other"; min_learns = 1;
        statfile { symbol = "OTHER_SPAM"; spam = true; }
        statfile { symbol = "OTHER_HAM"; spam = false; }
    }
    """
    one = engine("", statistic__conf=both)
    assert [c.options.name for c in one.classifiers] == ["bayes", "other"]
    one.train(name="other")
    found = bayes_of(one.scan(mail(SPAM_WORDS, 9)))
    assert set(found) == {"OTHER_SPAM"}
    base = one.stores.base(one.classifiers[1].store)
    assert base.fields(b"RSO", b"learns_spam") == [b"3"]


def test_a_lesson_is_every_classifiers(engine: Callable[..., Engine]) -> None:
    """One that was told that the one before has learnt it already would never learn anything."""
    made = """
    classifier "%s" {
        label = "%s"; min_learns = 1; %s
        statfile { symbol = "%s_SPAM"; spam = true; }
        statfile { symbol = "%s_HAM"; spam = false; }
    }
    """
    sections = (
        ("bayes", "", "", "BAYES", "BAYES"),
        ("other", "O", "", "OTHER", "OTHER"),
        ("third", "T", 'cache { key_prefix = "thirds_ids"; }', "THIRD", "THIRD"),
        ("strict", "O", "min_token_hits = 5;", "STRICT", "STRICT"),
    )
    one = engine("", statistic__conf="".join(made % section for section in sections))
    base = one.stores.base(one.classifiers[0].store)
    raw = mail(SPAM_WORDS, 1)
    assert one.learn(raw, spam=True).status is LearnStatus.LEARNED
    for prefix in (b"RS", b"RSO", b"RST"):  # the last one has the tokens of the second
        assert base.fields(prefix, b"learns_spam") == [b"1"], prefix
    for ids in (b"learned_ids", b"learned_ids_RSO", b"thirds_ids"):
        assert list(base.everything(ids).values()) == [b"1"], ids
    assert one.learn(raw, spam=True).status is LearnStatus.KNOWN
    assert one.learn(raw, spam=False).status is LearnStatus.RELEARNED
    for prefix in (b"RS", b"RSO", b"RST"):
        assert base.fields(prefix, b"learns_spam", b"learns_ham") == [b"0", b"1"], prefix
    one.scan(mail(SPAM_WORDS, 9))


def test_redis_that_nobody_configured_switches_it_off(
    engine: Callable[..., Engine], caplog: pytest.LogCaptureFixture
) -> None:
    one = engine('backend = "redis";')
    assert one.classifiers == ()
    assert "the classifier bayes is off: bayes: no Redis" in caplog.text
    assert bayes_of(one.scan(mail(SPAM_WORDS))) == {}
    (other,) = engine('backend = "sqlite";').classifiers
    assert str(other.store).endswith("store.sqlite")


def test_settings_and_flags_switch_it_off(engine: Callable[..., Engine]) -> None:
    one = engine(
        settings__conf='s { ip = "192.0.2.0/24"; apply { symbols_disabled = ["BAYES_SPAM"]; } }'
    )
    one.train()
    assert bayes_of(one.scan(mail(SPAM_WORDS, 9))) == {}
    two = engine(settings__conf="# none")
    two.train()
    flagged = Envelope(ip="192.0.2.1", flags=frozenset({"no_stat"}))
    assert bayes_of(two.scan(mail(SPAM_WORDS, 9), flagged)) == {}


def test_a_recording_gives_the_same_verdict_without_the_store(
    engine: Callable[..., Engine], tmp_path: Path
) -> None:
    one, raw = engine(), mail(SPAM_WORDS, 9)
    one.train()
    file = io.BytesIO()
    recorder = Recorder(file, lambda: 1_800_000_000.0)
    recorder.head(engine="1", server="mx1", config="c", maps={})
    assert one.scanner.transport is not None
    one.scanner.transport = recorder.around(one.scanner.transport)
    one.scanner._clock = recorder.clock

    async def record() -> Verdict:
        recorder.begin(raw, IP)
        verdict = await one.scanner.scan(raw, IP)
        recorder.end({})
        return verdict

    first = asyncio.run(record())
    path = tmp_path / "r.jsonl"
    path.write_bytes(file.getvalue())
    recording = read_recording(path)
    replay = Replay(recording)
    two = engine()
    two.scanner.transport, two.scanner._clock = replay, replay.clock

    async def again() -> Verdict:
        replay.begin(recording.scans[0])
        return await two.scanner.scan(raw, IP)

    with asyncio.Runner(loop_factory=ReplayLoop) as runner:
        second = runner.run(again())
    assert "BAYES_SPAM" in bayes_of(first)
    assert second.symbols == first.symbols
    assert replay.missing == []
    assert two.stores.asked == []


@pytest.fixture(params=["redis", "sqlite"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
        return
    if PROGRAM is None:
        pytest.skip("no redis-server")
    with RedisServer(tmp_path / "redis") as server:
        yield f'servers = "{server.name}"; timeout = 20s;'


def test_the_whole_way_with_a_real_store(engine: Callable[..., Engine], backend: str) -> None:
    one = engine(f"min_learns = 3; expire = 90d; {backend}")
    one.scanner.transport = None

    async def run() -> list[Verdict]:
        one.scanner.open(asyncio.get_running_loop())
        stores = one.scanner.stores
        assert stores is not None
        try:
            for number in range(3):
                for words, spam in ((SPAM_WORDS, True), (HAM_WORDS, False)):
                    lesson = await learn(
                        stores, one.classifiers, mail(words, number), spam=spam, bulk=True
                    )
                    assert lesson.status is LearnStatus.LEARNED
            return [await one.scanner.scan(mail(words, 9), IP) for words in (SPAM_WORDS, HAM_WORDS)]
        finally:
            one.scanner.close()

    spam, ham = asyncio.run(run())
    assert "BAYES_SPAM" in bayes_of(spam)
    assert "BAYES_HAM" in bayes_of(ham)
