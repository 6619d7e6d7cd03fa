"""What runs when: after the score is known, after a pre-result, without a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from filter_engine.scan.declare import Registry, Stage, Symbol, check
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.question import Ask
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, Outcome, PreResult, Verdict
from filter_engine.scanner import Scanner

Make = Callable[..., Scanner]
MAIL = b"From: a@example.com\r\nSubject: x\r\n\r\nhello\r\n"


def rules(seen: list[object], *, stop: bool = False) -> Registry:
    registry = Registry()

    @check("early", symbols=(Symbol("EARLY", 2.0, ""),), registry=registry, on_empty=True)
    def early(task: Task) -> Outcome:
        pre = PreResult(Action.SOFT_REJECT, "later", "early") if stop else None
        return Outcome((Finding("EARLY"),), pre_result=pre)

    @check("post", symbols=(Symbol("POST", 3.0, ""),), stage=Stage.POSTFILTER, registry=registry)
    async def post(task: Task, ask: Ask) -> list[Finding]:
        seen.append(("post", task.decision.score, [s.name for s in task.decision.symbols]))
        return [Finding("POST")]

    @check("stubborn", symbols=(), stage=Stage.POSTFILTER, registry=registry, after_pre_result=True)
    def stubborn(task: Task) -> None:
        seen.append(("stubborn", task.decision.action))

    @check("last", symbols=(), stage=Stage.IDEMPOTENT, registry=registry)
    def last(task: Task) -> None:
        seen.append(("last", task.decision.action, task.decision.score))

    return registry


def scan(scanner: Scanner, raw: bytes = MAIL, flags: frozenset[str] = frozenset()) -> Verdict:
    return asyncio.run(scanner.scan(raw, Envelope(ip="192.0.2.1", flags=flags)))


COMPOSITES = (
    'FIRST { expression = "EARLY & !POST"; score = 1.0; policy = leave; }'
    'SECOND { expression = "EARLY & POST"; score = 10.0; policy = leave; }'
)


def test_later_stages_see_the_score_and_composites(make: Make) -> None:
    seen: list[object] = []
    verdict = scan(make(rules(seen), composites__conf=COMPOSITES))
    assert seen == [
        ("post", 3.0, ["EARLY", "FIRST"]),
        ("stubborn", Action.REJECT),  # plain checks run while answers travel: none were asked for
        ("last", Action.REJECT, 16.0),
    ]
    # what was set before the later stage stays, and what that stage completes is set as well
    assert {s.name: s.score for s in verdict.symbols} == {
        "EARLY": 2.0,
        "FIRST": 1.0,
        "POST": 3.0,
        "SECOND": 10.0,
    }


def test_a_pre_result_leaves_out_what_has_not_begun(make: Make) -> None:
    seen: list[object] = []
    verdict = scan(make(rules(seen, stop=True)))
    assert seen == [("stubborn", Action.SOFT_REJECT), ("last", Action.SOFT_REJECT, 2.0)]
    assert verdict.action is Action.SOFT_REJECT
    assert verdict.symbol("POST") is None


def test_pass_all_leaves_nothing_out(make: Make) -> None:
    seen: list[object] = []
    verdict = scan(make(rules(seen, stop=True)), flags=frozenset({"pass_all"}))
    assert verdict.action is Action.SOFT_REJECT
    assert verdict.symbol("POST") is not None


def test_without_a_message_only_checks_of_the_envelope_run(make: Make) -> None:
    seen: list[object] = []
    verdict = scan(make(rules(seen)), b"")
    assert [symbol.name for symbol in verdict.symbols] == ["EARLY"]
    assert seen == []


@pytest.mark.parametrize(
    "returned",
    [
        "WRONG",
        ["WRONG"],
        [None],
        True,
        7,
        {"WRONG": 1},
        [Finding("WRONG"), "WRONG"],
        Outcome(["WRONG"]),  # type: ignore[arg-type]
        Outcome(pre_result="reject"),  # type: ignore[arg-type]
        Outcome(signatures=(1,)),  # type: ignore[arg-type]
        Outcome(notices=("x",)),  # type: ignore[arg-type]
        [Finding(None)],  # type: ignore[arg-type]
        [Finding("WRONG", weight="1")],  # type: ignore[arg-type]
        [Finding("WRONG", options=(1,))],  # type: ignore[arg-type]
        [Finding("WRONG", options="abc")],  # type: ignore[arg-type]
        [Finding("WRONG", evidence=b"x")],  # type: ignore[arg-type]
    ],
    ids=repr,
)
@pytest.mark.parametrize("asks", [False, True])
def test_a_check_that_returns_a_wrong_type_is_lost_alone(
    make: Make, caplog: pytest.LogCaptureFixture, returned: Any, asks: bool
) -> None:
    registry = rules([])
    declare = check("wrong", symbols=(Symbol("WRONG", 5.0, ""),), registry=registry)

    async def asking(task: Task, ask: Ask) -> Any:
        return returned

    declare(asking if asks else lambda task: returned)
    verdict = scan(make(registry))
    assert verdict.symbol("EARLY")
    assert verdict.symbol("WRONG") is None
    assert verdict.unfinished == ("wrong",)
    assert "check wrong returned" in caplog.text
