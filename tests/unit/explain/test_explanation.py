"""What an explanation says of symbols, composites, settings and pre-results."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from filter_engine import checks
from filter_engine.explain.explanation import ExplainedSymbol, VerdictExplanation
from filter_engine.explain.looked_at import CHECKS, SYMBOLS
from filter_engine.explain.report import print_verdict
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action

Explained = Callable[..., VerdictExplanation]
MAILS = Path(__file__).resolve().parents[2] / "mail"
MAIL = b"""\
From: Bob <bob@sender.example>
To: alice@example.net
Subject: Win $1,000!
Message-ID: <1@sender.example>
X-One: a
X-One: b

Hello
"""
RULES = """
TWICE { type = "header"; header = "X-One"; regexp = true; map = ["/./"]; score = 2.0; }
"""
OUTSIDE = Envelope(ip="198.51.100.7", mail_from="bob@sender.example", rcpt_to=("a@example.net",))


def named(found: VerdictExplanation, name: str) -> ExplainedSymbol:
    return next(symbol for symbol in found.symbols if symbol.name == name)


def test_a_score_is_traced_to_its_line(explained: Explained, tmp_path: Path) -> None:
    text = '\nsymbols { "MISSING_DATE" {\n score = 3.5; } }\n'
    found = explained(MAIL, OUTSIDE, groups__conf=text)
    symbol = named(found, "MISSING_DATE")
    assert (symbol.score, symbol.source.default) == (3.5, 1.0)
    assert symbol.source.by == f"{tmp_path}/local.d/groups.conf:3"
    said = symbol.source.as_dict()
    assert (said["layer"], said["line"]) == ("local.d", 3)
    other = named(found, "SUBJECT_HAS_CURRENCY")
    assert other.source.by == "built in (check subject)"
    assert not other.source.is_said


def test_evidence_quotes_what_was_looked_at(explained: Explained) -> None:
    found = explained(MAIL, OUTSIDE)
    assert named(found, "SUBJECT_HAS_CURRENCY").evidence == ("Subject: Win $1,000!",)
    assert named(found, "MISSING_DATE").evidence[0].startswith("no Date")
    assert "client: 198.51.100.7" in named(found, "HFILTER_HOSTNAME_UNKNOWN").evidence[0]
    assert "sender.example" in named(found, "R_SPF_NA").evidence[0]


@pytest.mark.parametrize("mail", sorted(MAILS.glob("*.eml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("ip", [None, "198.51.100.7"])
def test_every_symbol_has_evidence_and_the_sum_is_the_score(
    explained: Explained, mail: Path, ip: str | None
) -> None:
    found = explained(mail.read_bytes(), Envelope(ip=ip, mail_from="bob@sender.example"))
    assert [symbol.name for symbol in found.symbols if not symbol.evidence] == []
    if found.decided_by is None or found.decided_by.score is None:
        assert math.isclose(found.sum, found.score, abs_tol=1e-9)
    assert json.loads(json.dumps(found.as_dict()))["action"] == found.action.value


def test_what_is_looked_at_is_of_checks_and_symbols_that_exist() -> None:
    checks.load()
    assert set(CHECKS) <= {check.name for check in REGISTRY}
    assert set(SYMBOLS) <= {symbol.name for _, symbol in REGISTRY.symbols()}


def test_a_header_that_is_there_twice_is_counted(explained: Explained) -> None:
    found = explained(b"Subject: a\n" + MAIL, OUTSIDE)
    assert named(found, "MULTIPLE_UNIQUE_HEADERS").evidence == ("Subject 2 times",)


@given(head=st.binary(max_size=200), body=st.binary(max_size=100))
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_nothing_in_a_mail_stops_an_explanation(
    scanned: Callable[[bytes], VerdictExplanation], head: bytes, body: bytes
) -> None:
    found = scanned(b"From: " + head + b"\nSubject: \xff$1\n\n" + body)
    output = io.StringIO()
    print_verdict(Console(file=output, width=80), "mail", found)
    assert all(char.isprintable() or char == "\n" for char in output.getvalue())


def test_a_cap_says_what_it_cut(explained: Explained) -> None:
    found = explained(MAIL, OUTSIDE, groups__conf='group "hfilter" { max_score = 1.5; }')
    (share,) = named(found, "HFILTER_HOSTNAME_UNKNOWN").shares
    assert (share.added, share.full) == (1.5, 2.5)
    assert share.limit == "group hfilter adds at most 1.5"


def test_further_findings_say_how_they_count(explained: Explained) -> None:
    more = 'symbols { "TWICE" { score = 2.0; nshots = 1; } }'
    found = explained(MAIL, OUTSIDE, multimap__conf=RULES, groups__conf=more)
    shares = named(found, "TWICE").shares
    assert [share.added for share in shares] == [2.0, 0.0][: len(shares)]
    assert all(share.limit.startswith("one_shot") for share in shares[1:])


def test_a_composite_says_what_it_is_and_took(explained: Explained, tmp_path: Path) -> None:
    text = """
BOTH { expression = "MISSING_DATE & -SUBJECT_HAS_CURRENCY"; score = 1.5; }
WEIGHT { expression = "HFILTER_HOSTNAME_UNKNOWN & !FROM_NO_DN"; policy = remove_weight; }
"""
    found = explained(MAIL, OUTSIDE, composites__conf=text)
    by_name = {composite.name: composite for composite in found.composites}
    both, weight = by_name["BOTH"], by_name["WEIGHT"]
    assert both.expression == "MISSING_DATE & -SUBJECT_HAS_CURRENCY"
    assert (both.policy, both.removed_symbols) == ("remove_all", ("MISSING_DATE",))
    assert weight.removed_symbols == ()
    assert weight.removed_weights == ("HFILTER_HOSTNAME_UNKNOWN",)
    gone = named(found, "MISSING_DATE")
    assert (gone.shown, gone.added, gone.removed_by) == (False, 0.0, ("BOTH",))
    kept = named(found, "SUBJECT_HAS_CURRENCY")
    assert (kept.shown, kept.removed_by) == (True, ())
    light = named(found, "HFILTER_HOSTNAME_UNKNOWN")
    assert (light.shown, light.added, light.removed_by) == (True, 0.0, ("WEIGHT",))
    assert named(found, "BOTH").source.by == f"{tmp_path}/local.d/composites.conf:2"
    assert math.isclose(found.sum, found.score)


def test_settings_say_what_is_theirs(explained: Explained, tmp_path: Path) -> None:
    text = """lax {
  id = "lax"; priority = high; from = "@sender.example";
  apply { actions { reject = 100; } scores { MISSING_DATE = 0.7; } }
}
"""
    found = explained(MAIL, OUTSIDE, settings__conf=text)
    place = f"settings lax ({tmp_path}/local.d/settings.conf:3)"
    assert (found.settings, found.settings_id, found.settings_place) == ("lax", "lax", place)
    symbol = named(found, "MISSING_DATE")
    assert (symbol.added, symbol.source.by, symbol.source.default) == (0.7, place, 1.0)
    limits = {threshold.action: threshold for threshold in found.thresholds}
    assert limits[Action.REJECT].limit == 100
    assert (limits[Action.REJECT].source.by, limits[Action.REJECT].source.default) == (place, 15.0)
    assert limits[Action.ADD_HEADER].source.by == "built in"


def test_thresholds_say_who_crossed_them(explained: Explained, tmp_path: Path) -> None:
    found = explained(MAIL, OUTSIDE, actions__conf="greylist = 1;\nadd_header = 2;\nreject = 50;\n")
    assert found.action is Action.ADD_HEADER
    assert [(t.action, t.crossed) for t in found.thresholds] == [
        (Action.REJECT, False),
        (Action.ADD_HEADER, True),
        (Action.GREYLIST, True),
    ]
    assert found.thresholds[0].source.by == f"{tmp_path}/local.d/actions.conf:3"


def test_a_pre_result_is_named(explained: Explained) -> None:
    gtube = (MAILS / "gtube.eml").read_bytes()
    found = explained(gtube)
    assert found.action is Action.REJECT
    assert found.decided_by is not None
    assert found.decided_by.module == "gtube"
    assert found.as_dict()["decided_by"] == "gtube"


def test_mail_that_settings_leave_alone_is_told(explained: Explained) -> None:
    text = 'white { from = "@sender.example"; whitelist = true; }'
    found = explained(MAIL, OUTSIDE, settings__conf=text)
    assert (found.skipped, found.settings, found.symbols, found.flips) == (True, "white", (), ())


def test_the_score_of_a_rule_is_traced_to_its_line(explained: Explained, tmp_path: Path) -> None:
    found = explained(
        MAIL,
        OUTSIDE,
        multimap__conf="\n" + RULES.strip().replace("; ", ";\n "),
        regexp__conf="WON {\n  re = 'Subject=/win/i{header}';\n  score = 2.5;\n}\n"
        "PLAIN {\n  re = 'Subject=/Win/{header}';\n}\n",
    )
    local = f"{tmp_path}/local.d"
    assert named(found, "TWICE").source.by == f"{local}/multimap.conf:6"
    assert named(found, "WON").source.by == f"{local}/regexp.conf:3"
    assert named(found, "PLAIN").source.by == f"{local}/regexp.conf:6"
    assert named(found, "WON").source.as_dict()["layer"] == "local.d"


def test_a_score_of_a_group_is_stronger_than_that_of_a_rule(
    explained: Explained, tmp_path: Path
) -> None:
    found = explained(
        MAIL,
        OUTSIDE,
        multimap__conf=RULES,
        groups__conf='symbols { "TWICE" {\n score = 3.5; } }\n',
    )
    source = named(found, "TWICE").source
    assert (source.by, source.default) == (f"{tmp_path}/local.d/groups.conf:2", 2.0)


def test_equal_lines_are_counted_and_zeros_left_out(explained: Explained) -> None:
    rule = 'type = "header"; header = "X-One"; regexp = true; map = ["/./"];'
    rules = f"MINE {{ {rule} score = 2.0; }}\nNOTHING {{ {rule} score = 0.0; }}"
    out = io.StringIO()
    found = explained(MAIL, OUTSIDE, multimap__conf=rules)
    assert len(named(found, "MINE").shares) == len(named(found, "NOTHING").shares) == 2
    print_verdict(Console(file=out, width=200), "a", found)
    assert out.getvalue().count("2 times added 2.00: 1 times its score") == 1
    assert "added 0.00" not in out.getvalue()
