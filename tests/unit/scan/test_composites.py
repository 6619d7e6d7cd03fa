"""Composites: when they are set, and what becomes of the symbols that made them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from filter_engine.config.composites import CompositeConfig
from filter_engine.config.expression import MAX_OPERANDS, ExpressionError, parse_expression
from filter_engine.config.findings import ConfigError
from filter_engine.scan.composites import Composites
from filter_engine.scan.declare import Registry, Symbol, check
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.metric import Score, decide
from filter_engine.scan.verdict import Action, Finding
from filter_engine.scanner import Scanner

SCORES = {
    "A": Score(3.0, groups=("one",)),
    "B": Score(2.0, groups=("one",)),
    "C": Score(-1.0, groups=("one", "good")),
    "NIL": Score(0.0),
    "X": Score(10.0),
    "Y": Score(5.0),
}


def outcome(
    composites: Mapping[str, tuple[str, str]], *found: str | Finding
) -> tuple[dict[str, float], float]:
    """(symbol -> score, total) with ``composites`` as name -> (expression, policy)."""
    configured = {
        name: CompositeConfig(expression=parse_expression(expression), policy=policy)
        for name, (expression, policy) in composites.items()
    }
    findings = [Finding(f) if isinstance(f, str) else f for f in found]
    decision = decide(
        findings, [], SCORES, {Action.REJECT: 15.0}, None, Composites(configured, SCORES)
    )
    return {result.name: result.score for result in decision.symbols}, decision.score


@pytest.mark.parametrize(
    ("expression", "found", "is_set"),
    [
        ("A & B", "A B", True),
        ("A & B", "A", False),
        ("A && B || C", "C", True),
        ("A and not B", "A", True),
        ("A & !B", "A B", False),
        ("(A | B) & !C", "B", True),
        ("A | B & C", "A", True),
        ("(A | B) & C", "A", False),
        ("NIL", "NIL", True),
        ("g:one", "B", True),
        ("g:one", "NIL", False),
        ("g+:one", "C", False),
        ("g+:one", "C A", True),
        ("g-:good", "C", True),
        ("A + B > 4", "A B", True),
        ("A + B > 4", "A", False),
        ("A + B >= 3 & !C", "A", True),
        ("!A", "B", True),
    ],
)
def test_when_a_composite_is_set(expression: str, found: str, is_set: bool) -> None:
    symbols, _ = outcome({"X": (expression, "leave")}, *found.split())
    assert ("X" in symbols) is is_set


@pytest.mark.parametrize(
    ("policy", "left", "total"),
    [
        ("remove_all", {"X": 10.0}, 10.0),
        ("default", {"X": 10.0}, 10.0),
        ("remove_weight", {"X": 10.0, "A": 0.0, "B": 0.0}, 10.0),
        ("remove_symbol", {"X": 10.0}, 15.0),
        ("leave", {"X": 10.0, "A": 3.0, "B": 2.0}, 15.0),
    ],
)
def test_what_becomes_of_the_parts(policy: str, left: dict[str, float], total: float) -> None:
    assert outcome({"X": ("A & B", policy)}, "A", "B") == (left, total)


@pytest.mark.parametrize(
    ("expression", "left"),
    [
        ("A & -B", {"X": 10.0, "B": 2.0}),
        ("A & ~B", {"X": 10.0, "B": 0.0}),
        ("A & !(B & C)", {"X": 10.0, "B": 2.0}),  # below a negation nothing is removed
        ("A & g:one", {"X": 10.0}),
    ],
)
def test_prefixes_of_a_symbol(expression: str, left: dict[str, float]) -> None:
    assert outcome({"X": (expression, "remove_all")}, "A", "B")[0] == left


def test_one_composite_that_wants_a_symbol_to_stay_is_enough() -> None:
    both = {"X": ("A & B", "remove_all"), "Y": ("A & C", "leave")}
    assert outcome(both, "A", "B", "C")[0] == {"A": 3.0, "C": -1.0, "X": 10.0, "Y": 5.0}


def test_unless_another_insists() -> None:
    both = {"X": ("^A & B", "remove_all"), "Y": ("A & C", "leave")}
    assert "A" not in outcome(both, "A", "B", "C")[0]


def test_every_symbol_is_looked_at_though_the_outcome_is_settled() -> None:
    assert outcome({"X": ("A | B", "remove_all")}, "A", "B")[0] == {"X": 10.0}


def test_options_are_asked_for() -> None:
    composites = {"X": ("A[one,/^t/]", "leave")}
    assert "X" in outcome(composites, Finding("A", ("one", "two")))[0]
    assert "X" not in outcome(composites, Finding("A", ("one",)))[0]


def test_a_composite_of_composites_in_any_order() -> None:
    nested = {"X": ("Y & C", "remove_all"), "Y": ("A & B", "remove_all")}
    assert outcome(nested, "A", "B", "C") == ({"X": 10.0}, 10.0)
    assert outcome(nested, "A", "B") == ({"Y": 5.0}, 5.0)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("A &", 4),
        ("A B", 3),
        ("(A", 1),
        ("A)", 2),
        ("A[x", 2),
        ("A[/(/]", 4),
        ("g:", 1),
        ("", 1),
        ("A & §", 5),
        (" | ".join(["A"] * (MAX_OPERANDS + 1)), None),
        ("(" * 100 + "A" + ")" * 100, None),
        ("!" * 5000 + "A", None),
        ("A" * 20000, None),
    ],
)
def test_a_wrong_expression_is_told_with_its_column(text: str, column: int | None) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    assert column is None or caught.value.column == column


def test_the_longest_expression_is_evaluated() -> None:
    text = " | ".join(["A"] * MAX_OPERANDS)
    assert parse_expression(text).value(lambda _atom: 1.0) == 1.0


Make = Callable[..., Scanner]


def registry_of(*names: str) -> Registry:
    registry = Registry()

    @check("all", symbols=[Symbol(n, 2.0, "", ("mine",)) for n in names], registry=registry)
    def found(_task: Any) -> list[Finding]:
        return [Finding(name) for name in names]

    return registry


def test_a_site_writes_its_own_and_changes_shipped_ones(make: Make) -> None:
    text = """
        AUTH_NA { score = 2.5; policy = "leave"; }
        MINE { expression = "R_DKIM_NA & R_SPF_NA"; score = 4; group = "house"; }
    """
    names = ("R_DKIM_NA", "R_SPF_NA", "DMARC_NA", "ARC_NA")
    scanner = make(registry_of(*names), composites__conf=text)
    verdict = asyncio.run(scanner.scan(b"\n\n", Envelope()))
    found = {symbol.name: symbol for symbol in verdict.symbols}
    assert found["AUTH_NA"].score == 2.5
    assert found["MINE"].score == 4.0
    assert found["MINE"].group == "house"
    # AUTH_NA leaves them, MINE would remove them: leaving wins
    assert set(names) < set(found)


def test_a_composite_is_switched_off_by_name_and_by_score(make: Make) -> None:
    off = make(registry_of("A"), composites__conf='M { expression = "A"; enabled = false; }')
    assert off.plan.composites.evaluate({}) is None
    assert asyncio.run(off.scan(b"\n\n", Envelope())).symbol("M") is None
    scored = make(
        registry_of("A"),
        composites__conf='M { expression = "A"; score = 1; }',
        groups__conf='symbols { "M" { score = 7.0; } }',
    )
    symbol = asyncio.run(scored.scan(b"\n\n", Envelope())).symbol("M")
    assert symbol is not None
    assert symbol.score == 7.0


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('M { expression = "A & "; }', "wrong-type", "ends too early at column 5"),
        ('M { expression = "N"; } N { expression = "M & A"; }', "composite-loop", "M -> N -> M"),
        ('M { expression = "M"; }', "composite-loop", "M -> M"),
        ('M { expression = "A"; policy = "keep"; }', "wrong-type", "keep"),
    ],
)
def test_a_faulty_composite_is_told(
    make: Make, tmp_path: Path, text: str, code: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make(registry_of("A"), composites__conf=text)
    finding = next(f for f in caught.value.findings if f.code == code)
    assert words in finding.message
    assert (finding.file, finding.line) == (str(tmp_path / "local.d" / "composites.conf"), 1)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (("B",), {"NOT_A", "B", "WITHOUT"}),
        (("A", "B"), {"A", "B"}),
    ],
)
def test_of_what_needs_no_symbol(found: tuple[str, ...], expected: set[str]) -> None:
    """A composite of a composite that needs no symbol is looked at all the same."""
    said = {"NOT_A": ("!A", "leave"), "WITHOUT": ("NOT_A & B", "leave")}
    assert set(outcome(said, *found)[0]) == expected
