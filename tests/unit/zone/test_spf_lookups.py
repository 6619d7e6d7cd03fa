"""What an SPF record costs whoever checks it, and which includes to replace."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from filter_engine.zone.answers import Answer
from filter_engine.zone.check import Report
from filter_engine.zone.compare import Fault
from filter_engine.zone.spf_lookups import LookUp, survey

from .conftest import record

World = Mapping[tuple[str, str], tuple[str, ...]]


def world(answers: World) -> LookUp:
    return lambda name, kind: Answer(data=answers.get((name, kind), ()))


def test_addresses_cost_nothing() -> None:
    found = survey("example.net", "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::1 -all")
    assert (found.lookups, found.problems, found.excessive) == (0, [], False)


def test_every_term_that_asks_is_counted_with_what_it_includes() -> None:
    found = survey(
        "example.net",
        "v=spf1 a mx include:a.example exists:%{i}.x.example redirect=b.example",
        world(
            {
                ("example.net", "A"): ("192.0.2.1",),
                ("example.net", "MX"): ("10 mx.example.net.",),
                ("mx.example.net", "A"): ("192.0.2.2",),
                ("a.example", "TXT"): ("v=spf1 include:c.example a -all",),
                ("a.example", "A"): ("192.0.2.3",),
                ("c.example", "TXT"): ("v=spf1 ip4:198.51.100.0/24 -all",),
                ("b.example", "TXT"): ("v=spf1 mx -all",),
                ("b.example", "MX"): ("10 mx.example.net.",),
            }
        ),
    )
    assert found.lookups == 8
    assert [(term.text, term.lookups) for term in found.terms] == [
        ("a", 1),
        ("mx", 1),
        ("include:a.example", 3),
        ("exists:%{i}.x.example", 1),
        ("redirect", 2),
    ]
    assert found.terms[2].flattened() == ["ip4:192.0.2.3", "ip4:198.51.100.0/24"]
    assert not found.excessive


def test_the_dearest_include_is_the_one_to_replace() -> None:
    answers: dict[tuple[str, str], tuple[str, ...]] = {
        ("dear.example", "TXT"): ("v=spf1 " + " ".join(f"include:n{i}.example" for i in range(8)),),
        ("cheap.example", "TXT"): ("v=spf1 ip4:192.0.2.128/25 -all",),
        ("example.net", "A"): ("192.0.2.1",),
    }
    for i in range(8):
        answers[f"n{i}.example", "TXT"] = (f"v=spf1 ip4:198.51.100.{i} -all",)
    found = survey(
        "example.net", "v=spf1 a include:cheap.example include:dear.example -all", world(answers)
    )
    assert found.lookups == 11
    assert found.excessive
    assert found.advice().startswith(
        "replace include:dear.example (9 lookups) by ip4:198.51.100.0/29. "
    )


def test_names_that_are_not_there_are_counted_as_void() -> None:
    found = survey("example.net", "v=spf1 a:x.example a:y.example mx:z.example -all", world({}))
    assert (found.lookups, found.void, found.excessive) == (3, 3, True)


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({}, "gone.example has no SPF record"),
        ({("gone.example", "TXT"): ("v=spf1 -all", "v=spf1 a -all")}, "has 2 SPF records"),
        ({("gone.example", "TXT"): ("v=spf1 ip4:300.1.1.1",)}, "gone.example: "),
        ({("gone.example", "TXT"): ("v=spf1 include:example.net -all",)}, "a circle"),
    ],
)
def test_includes_that_make_everybody_fail(answers: World, problem: str) -> None:
    found = survey("example.net", "v=spf1 include:gone.example -all", world(answers))
    assert len(found.problems) == 1
    assert problem in found.problems[0]


def test_an_endless_chain_ends() -> None:
    def endless(name: str, kind: str) -> Answer:
        return Answer(data=(f"v=spf1 include:x{name} include:y{name} -all",))

    found = survey("e.net", "v=spf1 include:a.e.net -all", endless)
    assert found.excessive
    assert found.visited <= 60


def test_a_record_of_thousands_of_terms_is_not_asked_to_its_end() -> None:
    asked = []

    def counting(name: str, kind: str) -> Answer:
        asked.append(name)
        return Answer(data=("192.0.2.1",) if kind == "A" else ())

    found = survey("e.net", "v=spf1 " + "a:x.e.net " * 1500 + "-all", counting)
    assert found.excessive
    assert len(asked) <= 120


def test_what_an_include_takes_away_is_never_flattened() -> None:
    answers = {("a.example", "TXT"): ("v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/24 -all",)}
    found = survey("example.net", "v=spf1 include:a.example -all", world(answers))
    assert not found.terms[0].whole


def test_check_tells_that_receivers_give_up(compared: Callable[..., Report]) -> None:
    spf = "v=spf1 " + " ".join(f"a:h{i}.example.net" for i in range(11)) + " -all"
    zone = f'@ 60 IN TXT "{spf}"\n' + "".join(f"h{i} 60 IN A 192.0.2.{i}\n" for i in range(11))
    report = compared(record("example.net", "TXT", spf), example_net=zone)
    (finding,) = report.findings
    assert finding.fault is Fault.LOOKUPS
    assert "11 lookups, more than 10" in finding.text
    assert finding.advice.startswith("replace a:h0.example.net (1 lookup) by ip4:192.0.2.0.")
    assert report.status == 1
