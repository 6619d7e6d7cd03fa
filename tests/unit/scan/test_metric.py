"""Scoring is a pure function of findings, scores and thresholds."""

from __future__ import annotations

import math

import pytest

from filter_engine.scan.metric import (
    MAX_SHOTS,
    Score,
    Tally,
    action_for,
    decide,
    required_score,
    tally,
)
from filter_engine.scan.verdict import Action, Finding, PreResult

STOCK = {Action.REJECT: 15.0, Action.ADD_HEADER: 6.0, Action.GREYLIST: 4.0}


@pytest.mark.parametrize(
    ("score", "action"),
    [
        (-5.0, Action.NO_ACTION),
        (3.99, Action.NO_ACTION),
        (4.0, Action.GREYLIST),
        (6.0, Action.ADD_HEADER),
        (15.0, Action.REJECT),
        (99.0, Action.REJECT),
    ],
)
def test_the_highest_threshold_reached_decides(score: float, action: Action) -> None:
    assert action_for(score, STOCK) is action


def test_symbols_add_up_and_keep_their_options_once() -> None:
    scores = {"A": Score(1.5, "seen"), "B": Score(-0.5)}
    found = [Finding("A", ("x",)), Finding("B"), Finding("A", ("x", "y"), weight=2.0)]
    a, b = tally(found, scores)
    assert (a.score, a.metric_score, a.options, a.description) == (4.5, 1.5, ("x", "y"), "seen")
    assert b.score == -0.5


@pytest.mark.parametrize(("score", "weight"), [(-1.0, 0.0), (0.0, -1.0)])
def test_nothing_has_no_sign(score: float, weight: float) -> None:
    (a,) = tally([Finding("A", weight=weight)], {"A": Score(score)})
    assert math.copysign(1.0, a.score) == 1.0


def test_results_follow_what_is_added_after_they_were_asked_for() -> None:
    counted = Tally({"A": Score(1.5), "B": Score(1.0)})
    counted.add([Finding("A", ("x",), evidence="one"), Finding("B")])
    first, other = counted.results()
    counted.add([Finding("A", ("y",), weight=2.0, evidence="two")])
    later, same = counted.results()
    assert (first.score, first.options, first.evidence) == (1.5, ("x",), ("one",))
    assert (later.score, later.options, later.evidence) == (4.5, ("x", "y"), ("one", "two"))
    assert same is other
    counted.add([Finding("A", ("z",), weight=0.0)])
    assert counted.results()[0].options == ("x", "y", "z")


def test_one_shot_counts_the_weightiest_finding_once() -> None:
    (a,) = tally(
        [Finding("A", weight=0.5), Finding("A"), Finding("A")], {"A": Score(2, one_shot=True)}
    )
    assert a.score == 2.0


def test_shots_are_bounded() -> None:
    (a,) = tally([Finding("A")] * (MAX_SHOTS * 3), {"A": Score(1.0)})
    assert a.score == MAX_SHOTS


def test_disabled_symbols_vanish_and_unknown_ones_weigh_nothing() -> None:
    found = [Finding("OFF"), Finding("NEW", ("o",))]
    (new,) = tally(found, {"OFF": Score(9.0, enabled=False)})
    assert (new.name, new.score, new.options) == ("NEW", 0.0, ("o",))


def test_the_score_is_the_sum_of_the_symbols() -> None:
    scores = {"A": Score(7.0), "B": Score(-0.5)}
    decision = decide([Finding("A"), Finding("B")], [], scores, STOCK)
    assert decision.score == sum(s.score for s in decision.symbols) == 6.5
    assert decision.action is Action.ADD_HEADER
    assert decision.message is None


def test_a_pre_result_wins_over_the_score() -> None:
    gtube = PreResult(Action.REJECT, "Gtube pattern", "gtube", score=15.0)
    decision = decide([], [gtube], {}, STOCK)
    assert (decision.action, decision.score, decision.message) == (
        Action.REJECT,
        15.0,
        "Gtube pattern",
    )


def test_the_pre_result_of_the_highest_priority_wins() -> None:
    low = PreResult(Action.REJECT, "low", "a", priority=1)
    high = PreResult(Action.NO_ACTION, "high", "b", priority=9)
    assert decide([], [high, low], {}, STOCK).action is Action.NO_ACTION


def test_least_only_raises_the_action() -> None:
    least = PreResult(Action.ADD_HEADER, "DMARC", "dmarc", least=True)
    scores = {"A": Score(20.0)}
    assert decide([], [least], scores, STOCK).action is Action.ADD_HEADER
    severe = decide([Finding("A")], [least], scores, STOCK)
    assert severe.action is Action.REJECT
    assert severe.message is None


def test_a_group_adds_no_more_than_its_cap() -> None:
    scores = {"A": Score(5.0, groups=("headers",)), "B": Score(5.0, groups=("mime", "headers"))}
    scores["C"] = Score(-2.0, groups=("headers",))
    found = [Finding("A"), Finding("B"), Finding("C"), Finding("A")]
    results = tally(found, scores, {"headers": 8.0, "mime": 4.0})
    assert [(s.name, s.score) for s in results] == [("A", 7.0), ("B", 3.0), ("C", -2.0)]
    (b,) = tally([Finding("B")], scores, {"headers": 8.0, "mime": 4.0})
    assert (b.score, b.metric_score) == (4.0, 5.0)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        # replies of Rspamd 3.4 with grow_factor = 1.1
        ("A B C D", {"A": 1.0, "B": 1.1, "C": 1.1, "D": 1.1}),
        ("A Z B C", {"A": 1.0, "Z": 0.0, "B": 1.0, "C": 1.1}),
        ("A N B C", {"A": 1.0, "N": -1.0, "B": 1.0, "C": 1.1}),
        ("A A B C", {"A": 2.1, "B": 1.1, "C": 1.1}),
        ("O O B", {"O": 2.0, "B": 1.1}),
        ("K K K", {"K": 4.2}),
        ("GA GB", {"GA": 3.0, "GB": 2.0}),
        ("GB GA", {"GA": 1.0, "GB": 4.0}),
        ("GN GB GA", {"GN": -4.0, "GB": 4.0, "GA": 3.3}),
        ("GB GN GA", {"GN": -4.0, "GB": 4.0, "GA": 3.0}),
        ("GB GA GN", {"GN": -4.0, "GB": 4.0, "GA": 1.0}),
        ("GN YC", {"GN": -4.0, "YC": 9.0}),
    ],
)
def test_growth_and_caps_follow_the_order_of_findings(
    found: str, expected: dict[str, float]
) -> None:
    scores = {
        **{name: Score(1.0) for name in "ABCD"},
        "Z": Score(0.0),
        "N": Score(-1.0),
        "O": Score(2.0, one_shot=True),
        "K": Score(2.0, shots=2),
        "GA": Score(3.0, groups=("gx",)),
        "GB": Score(4.0, groups=("gx",)),
        "GN": Score(-4.0, groups=("gx",)),
        "YC": Score(10.0, groups=("gy", "gx")),
    }
    findings = [Finding(name) for name in found.split()]
    results = tally(findings, scores, {"gx": 5.0, "gy": 100.0}, grow_factor=1.1)
    assert {s.name: s.score for s in results} == pytest.approx(expected)


def test_the_shown_limit_is_that_of_reject_else_the_highest() -> None:
    assert required_score(STOCK) == 15.0
    assert required_score({Action.ADD_HEADER: 6.0, Action.GREYLIST: 4.0}) == 6.0
    assert math.isnan(required_score({}))
