"""The driver starts every check first, resumes each, and loses only what is broken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from filter_engine.scan.declare import Check, Registry, Returned, Symbol, check
from filter_engine.scan.driver import Driver
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus
from filter_engine.scan.verdict import Finding, Outcome


class Journal:
    """Keeps what the driver reports."""

    def __init__(self) -> None:
        self.returned: dict[str, Returned] = {}
        self.errors: dict[str, Exception] = {}

    def finished(self, check: Check, returned: Returned) -> object:
        self.returned[check.name] = returned
        return returned.value if isinstance(returned, Outcome) else None

    def failed(self, check: Check, error: Exception) -> None:
        self.errors[check.name] = error


class HeldTransport:
    """Answers when told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[DnsQuestion, Callable[[DnsAnswer], None]]] = []

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
        self.asked.append((question, done))

    def answer_all(self) -> None:
        asked, self.asked = self.asked, []
        for question, done in asked:
            done(DnsAnswer(question, DnsStatus.OK, (question.name,)))


class PartlyKnowing(HeldTransport):
    """Knows at once what is below ``known``, and is asked for many at a time."""

    def ask_all(
        self, questions: Sequence[DnsQuestion], done: Callable[[DnsAnswer], None]
    ) -> dict[DnsQuestion, DnsAnswer]:
        known = {q for q in questions if q.name.endswith(".known")}
        for question in questions:
            if question not in known:
                self.ask(question, done)
        return {q: DnsAnswer(q, DnsStatus.OK, ("at once",)) for q in known}


class InstantTransport:
    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
        done(DnsAnswer(question, DnsStatus.OK, (question.name,)))


class FakeTask:
    def __init__(self) -> None:
        self.results: dict[str, Any] = {}
        self.answered: list[Any] = []


@pytest.fixture
def registry() -> Registry:
    return Registry()


def declare(registry: Registry, name: str) -> Any:
    return check(name, symbols=[Symbol(name.upper(), 1.0, "")], registry=registry)


def drive(registry: Registry, transport: Any, expected: tuple[str, ...] = ()) -> Any:
    journal, task = Journal(), FakeTask()
    driver = Driver(task, transport, journal, expected)
    driver.start(list(registry))
    return driver, journal, task


def test_all_questions_leave_before_any_answer(registry: Registry) -> None:
    for name in ("one", "two", "three"):

        @declare(registry, name)
        async def run(task: Any, ask: Any, name: str = name) -> list[Finding]:
            answer = await ask.dns(f"{name}.example", "A")
            return [Finding(name.upper(), answer.records)]

    transport = HeldTransport()
    driver, journal, _ = drive(registry, transport)
    assert [q.name for q, _ in transport.asked] == ["one.example", "two.example", "three.example"]
    assert not driver.idle
    transport.answer_all()
    assert driver.idle
    assert journal.returned["two"] == [Finding("TWO", ("two.example",))]


def test_same_question_is_asked_once(registry: Registry) -> None:
    for name in ("one", "two"):

        @declare(registry, name)
        async def run(task: Any, ask: Any) -> None:
            first = await ask.dns("Same.Example.", "A")
            again = await ask.dns("same.example", "A")
            assert first is again

    transport = HeldTransport()
    driver, journal, _ = drive(registry, transport)
    assert len(transport.asked) == 1
    transport.answer_all()
    assert driver.idle
    assert not journal.errors


def test_who_waits_for_one_of_two_that_share_the_last_answer_gets_its_result(
    registry: Registry,
) -> None:
    """The first of the two goes on when nothing is open any more; the other has its answer yet."""
    for name in ("one", "two"):

        @declare(registry, name)
        async def run(task: Any, ask: Any, name: str = name) -> Outcome:
            answer = await ask.dns("same.example", "A")
            return Outcome(value=(name, answer.records))

    @declare(registry, "waiting")
    async def waiting(task: Any, ask: Any) -> Outcome:
        return Outcome(value=await ask.result("two"))

    transport = HeldTransport()
    driver, journal, task = drive(registry, transport)
    transport.answer_all()
    assert driver.idle
    assert not journal.errors
    assert task.results["waiting"] == ("two", ("same.example",))


def test_a_circle_ends_with_the_last_answer_that_belongs_to_a_part_of_it(
    registry: Registry,
) -> None:
    for name, other in (("one", "two"), ("two", "one")):

        @declare(registry, name)
        async def run(task: Any, ask: Any, name: str = name, other: str = other) -> Outcome:
            answer, result = await ask.all(ask.dns("same.example", "A"), ask.result(other))
            return Outcome(value=(answer.records, result))

    transport = HeldTransport()
    driver, journal, task = drive(registry, transport)
    transport.answer_all()
    assert driver.idle
    assert not journal.errors
    assert sum(task.results[name][1] is None for name in ("one", "two")) == 1


def test_all_keeps_order_and_answers_at_once(registry: Registry) -> None:
    seen: list[Any] = []

    @declare(registry, "one")
    async def run(task: Any, ask: Any) -> None:
        a, b = await ask.all(ask.dns("a.example", "A"), ask.dns("b.example", "MX"))
        seen.extend([a.question.name, b.question.rdtype])
        assert await ask.all() == ()

    drive(registry, InstantTransport())
    assert seen == ["a.example", "MX"]


def test_answers_known_at_once_stand_in_their_places_beside_those_that_come(
    registry: Registry,
) -> None:
    @declare(registry, "one")
    async def run(task: Any, ask: Any) -> Outcome:
        names = ("a.known", "later", "a.known", "later", "b.known")
        *found, other = await ask.all(
            *(ask.dns(name, "A") for name in names), ask.result("waiting")
        )
        again = await ask.all(ask.dns("later", "A"), ask.dns("c.known", "A"))
        return Outcome(value=([a.records[0] for a in (*found, *again)], other))

    @declare(registry, "waiting")
    async def waiting(task: Any, ask: Any) -> Outcome:
        return Outcome(value=(await ask.all(ask.dns("later", "A")))[0].question.name)

    transport = PartlyKnowing()
    driver, journal, task = drive(registry, transport)
    assert [question.name for question, _ in transport.asked] == ["later", "later"]
    assert not journal.returned
    transport.answer_all()
    assert driver.idle
    assert not journal.errors
    at_once = "at once"
    places = [at_once, "later", at_once, "later", at_once, "later", at_once]
    assert task.results["one"] == (places, "later")


def test_answers_all_known_at_once_do_not_wait(registry: Registry) -> None:
    @declare(registry, "one")
    async def run(task: Any, ask: Any) -> Outcome:
        found = await ask.all(ask.dns("a.known", "A"), ask.dns("b.known", "A"))
        return Outcome(value=[a.question.name for a in found])

    driver, _, task = drive(registry, PartlyKnowing())
    assert driver.idle
    assert task.results["one"] == ["a.known", "b.known"]


def test_after_the_deadline_nothing_is_asked_of_what_knows_much(registry: Registry) -> None:
    @declare(registry, "one")
    async def run(task: Any, ask: Any) -> Outcome:
        await ask.dns("later", "A")
        found = await ask.all(ask.dns("a.known", "A"), ask.dns("more", "A"))
        return Outcome(value=[a.failed for a in found])

    transport = PartlyKnowing()
    driver, _, task = drive(registry, transport)
    driver.expire()
    assert len(transport.asked) == 1
    assert task.results["one"] == [True, True]


def test_result_of_another_check(registry: Registry) -> None:
    @declare(registry, "dmarc")
    async def dmarc(task: Any, ask: Any) -> Outcome:
        spf, missing = await ask.all(ask.result("spf"), ask.result("nothing"))
        return Outcome(value=(spf, missing))

    @declare(registry, "spf")
    async def spf(task: Any, ask: Any) -> Outcome:
        await ask.dns("x.example", "TXT")
        return Outcome(value="pass")

    _, _, task = drive(registry, InstantTransport())
    assert task.results["dmarc"] == ("pass", None)


def test_result_of_a_plain_check(registry: Registry) -> None:
    @declare(registry, "later")
    async def later(task: Any, ask: Any) -> Outcome:
        return Outcome(value=await ask.result("plain"))

    driver, _, task = drive(registry, InstantTransport(), expected=("plain",))
    assert not driver.idle
    task.results["plain"] = 42
    driver.plain_done("plain")
    assert driver.idle
    assert task.results["later"] == 42


def test_checks_waiting_for_each_other_end_without_an_answer(registry: Registry) -> None:
    for name, other in (("egg", "hen"), ("hen", "egg")):

        @declare(registry, name)
        async def run(task: Any, ask: Any, other: str = other) -> Outcome:
            return Outcome(value=(other, await ask.result(other)))

    driver, _, task = drive(registry, InstantTransport())
    assert driver.idle
    assert sorted(map(str, task.results)) == ["egg", "hen"]


def test_a_broken_check_is_lost_alone(registry: Registry) -> None:
    @declare(registry, "broken")
    async def broken(task: Any, ask: Any) -> None:
        await ask.dns("x.example", "A")
        raise RuntimeError("boom")

    @declare(registry, "wrong")
    async def wrong(task: Any, ask: Any) -> None:
        class NotAQuestion:
            def __await__(self) -> Any:
                return (yield 7)

        await NotAQuestion()

    @declare(registry, "sound")
    async def sound(task: Any, ask: Any) -> Outcome:
        return Outcome(value=await ask.result("broken"))

    driver, journal, task = drive(registry, InstantTransport())
    assert driver.idle
    assert set(journal.errors) == {"broken", "wrong"}
    assert task.results == {"sound": None}


def test_deadline_answers_tempfail_so_that_checks_end_themselves(registry: Registry) -> None:
    @declare(registry, "slow")
    async def slow(task: Any, ask: Any) -> list[Finding]:
        first = await ask.dns("a.example", "A")
        second = await ask.dns("b.example", "A")
        return [Finding("SLOW", (first.status.value, second.status.value))]

    transport = HeldTransport()
    driver, journal, _ = drive(registry, transport)
    driver.expire()
    assert driver.idle
    assert journal.returned["slow"] == [Finding("SLOW", ("tempfail", "tempfail"))]
    transport.answer_all()  # late answers are ignored


def test_deadline_ends_a_check_that_waits_for_a_plain_one(registry: Registry) -> None:
    @declare(registry, "stuck")
    async def stuck(task: Any, ask: Any) -> None:
        await ask.result("never")

    driver, journal, _ = drive(registry, InstantTransport(), expected=("never",))
    driver.expire()
    assert driver.idle
    assert isinstance(journal.errors["stuck"], TimeoutError)


def test_a_long_chain_of_instant_answers_does_not_recurse(registry: Registry) -> None:
    @declare(registry, "chain")
    async def chain(task: Any, ask: Any) -> Outcome:
        for number in range(5000):
            await ask.dns(f"n{number}.example", "A")
        return Outcome(value="end")

    _, _, task = drive(registry, InstantTransport())
    assert task.results["chain"] == "end"


def test_a_name_or_symbol_is_declared_once(registry: Registry) -> None:
    @declare(registry, "one")
    def run(task: Any) -> None:
        return None

    with pytest.raises(ValueError, match="declared twice"):
        declare(registry, "one")(run)
    with pytest.raises(ValueError, match="belongs to"):
        check("two", symbols=[Symbol("ONE", 1.0, "")], registry=registry)(run)
