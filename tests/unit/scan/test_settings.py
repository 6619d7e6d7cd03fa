"""Settings: which rule a mail falls under, and what is different then."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import filter_engine
from filter_engine.config.findings import ConfigError
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action, Verdict
from filter_engine.scanner import Scanner

Make = Callable[..., Scanner]

MAIL = b"""\
From: Bob <bob@example.com>
To: <alice@example.net>
Subject: Lunch
X-List: yes, indeed
X-Spamd-Result: default: False [-99.00 / 15.00]

Hello
"""
# Not written in one piece: a copy of this file in a mail is no test pattern.
GTUBE = MAIL + b"X" + b"JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n"
OUTSIDE = Envelope(
    ip="203.0.113.9",
    hostname="mail.example.com",
    mail_from="bob@example.com",
    rcpt_to=("carol@example.net", "alice@example.net"),
)
LOGIN = Envelope(ip="203.0.113.9", user="bob@example.net", mail_from="bob@example.net")


def scan(scanner: Scanner, envelope: Envelope, raw: bytes = MAIL) -> Verdict:
    return asyncio.run(scanner.scan(raw, envelope))


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ("ip = 203.0.113.0/24", True),
        ("ip = [192.0.2.1, 198.51.100.0/24]", False),
        ('from = "bob@example.com"', True),
        ('from = "@example.com"', True),
        ('from = "BOB"', True),
        ('from = "@ample.com"', False),
        (r'from = "/^b.b@EXAMPLE\\.com$/i"', True),
        ('from = "/^ob/"', False),
        ("from = '/ B O B @ # who/ix'", True),
        ('rcpt = ["x@example.net", "alice@example.net"]', True),
        ('rcpt = "@example.com"', False),
        ("authenticated = no", True),
        ("authenticated = yes", False),
        ("local = yes", False),
        ('user = "bob@example.net"', False),
        ('hostname = "mail.example.com"', True),
        ('hostname = "/example\\.net$/"', False),
        ('from_mime = "@example.com"', True),
        ('rcpt_mime = "alice"', True),
        ('header { "X-List" = "/yes/" }', True),
        ('header { "X-List" = true }', True),
        ('header { "X-Other" = true }', False),
        ('from = "bob"; local = yes', False),  # all of them
    ],
)
def test_conditions(make: Make, condition: str, fits: bool) -> None:
    scanner = make(settings__conf=f"rule {{ {condition}; apply {{ symbols = [MARKED] }} }}")
    assert (scan(scanner, OUTSIDE).symbol("MARKED") is not None) is fits


@pytest.mark.parametrize("pattern", [r"/\Qbob\E/", "/(?R)/", r"/\h/"])
def test_what_only_pcre_has_is_refused(make: Make, pattern: str) -> None:
    with pytest.raises(ConfigError, match="Python's regular expressions"):
        make(settings__conf=f"rule {{ from = '{pattern}'; }}")


def test_the_highest_priority_that_fits_is_applied(make: Make) -> None:
    text = """
        first { apply { symbols = [FIRST]; } }
        second { priority = high; local = no; apply { symbols = [SECOND]; } }
        third { priority = 9; local = yes; apply { symbols = [THIRD]; } }
    """
    names = {symbol.name for symbol in scan(make(settings__conf=text), OUTSIDE).symbols}
    assert names & {"FIRST", "SECOND", "THIRD"} == {"SECOND"}


def test_only_the_named_groups_run_for_those_who_logged_in(make: Make) -> None:
    text = "auth { priority = high; authenticated = yes; apply { groups_enabled = [dkim]; } }"
    scanner = make(
        settings__conf=text,
        dkim__conf="check_authed = true;",
        dkim_signing__conf='path = "/nonexistent/$domain.key";',
    )
    names = {symbol.name for symbol in scan(scanner, LOGIN).symbols}
    assert names == {"R_DKIM_NA"}
    chosen = scanner.settings.choose(scanner.task(MAIL, LOGIN))
    assert chosen is not None
    assert {"dkim", "dkim_signing"} < {check.name for check in chosen.plan.checks}
    assert len(scan(scanner, OUTSIDE).symbols) > 5


def test_a_test_pattern_is_found_whatever_the_settings_leave(make: Make) -> None:
    text = "auth { authenticated = yes; apply { groups_enabled = [dkim]; } }"
    assert scan(make(settings__conf=text), LOGIN, GTUBE).action is Action.REJECT


@pytest.mark.parametrize("name", ["ARC_CHECK", "ARC_CALLBACK"])
def test_both_names_of_the_whole_arc_check(make: Make, name: str) -> None:
    scanner = make(settings__conf=f"only {{ local = no; apply {{ symbols_enabled = [{name}]; }} }}")
    assert {symbol.name for symbol in scan(scanner, OUTSIDE).symbols} == {"ARC_NA"}


def test_what_a_named_check_needs_runs_and_stays_silent(make: Make) -> None:
    text = "only { local = no; apply { symbols_enabled = [DMARC_NA, DMARC_POLICY_ALLOW]; } }"
    scanner = make(settings__conf=text)
    assert {symbol.name for symbol in scan(scanner, OUTSIDE).symbols} == {"DMARC_NA"}
    applied = scanner.settings.choose(scanner.task(MAIL, OUTSIDE))
    assert applied is not None
    assert {"spf", "dkim", "dmarc"} <= {check.name for check in applied.plan.checks}


def test_every_check_that_is_asked_for_is_declared_as_needed() -> None:
    asked = re.compile(r'ask\.result\("(\w+)"\)')
    folder = Path(filter_engine.__file__).parent / "checks"
    for path in folder.glob("*.py"):
        names = set(asked.findall(path.read_text()))
        if names:
            own = [c for c in REGISTRY if c.run.__module__.endswith(f".{path.stem}")]
            needs = {name for check in own for name in check.needs}
            assert names == needs, path.name


def test_symbols_and_groups_are_switched_off(make: Make) -> None:
    text = "r { local = no; apply { symbols_disabled = [R_SPF_NA]; groups_disabled = [dkim]; } }"
    names = {symbol.name for symbol in scan(make(settings__conf=text), OUTSIDE).symbols}
    assert names
    assert not names & {"R_SPF_NA", "R_DKIM_NA"}


def test_scores_and_actions(make: Make) -> None:
    text = """
        r { rcpt = "alice"; apply {
            scores { R_SPF_NA = 3.5; } R_DKIM_NA = 4.5;
            actions { reject = 100; "add header" = 7.5; greylist = null; }
            symbols_disabled = [AUTH_NA];
            subject = "[odd] %s";
        } }
    """
    verdict = scan(make(settings__conf=text), OUTSIDE)
    spf, dkim = verdict.symbol("R_SPF_NA"), verdict.symbol("R_DKIM_NA")
    assert spf is not None
    assert spf.score == 3.5
    assert dkim is not None
    assert dkim.score == 4.5
    assert verdict.required_score == 100.0
    assert verdict.action is Action.ADD_HEADER


def test_whitelisted_mail_is_not_scanned_and_forged_headers_go(make: Make) -> None:
    text = 'r { rcpt = "alice@example.net"; whitelist = yes; }'
    headers = "extended_spam_headers = true;"
    verdict = scan(make(settings__conf=text, milter_headers__conf=headers), OUTSIDE, GTUBE)
    assert verdict.skipped
    assert (verdict.action, verdict.symbols) == (Action.NO_ACTION, ())
    assert "X-Spamd-Result" in {removed.name for removed in verdict.edits.remove}
    assert verdict.edits.add == ()


def test_a_settings_id_asks_for_a_rule(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    scanner = make(settings__conf='out { id = "outgoing"; apply { symbols = [ASKED]; } }')
    asking = Envelope(ip="203.0.113.9", settings_id="outgoing")
    assert scan(scanner, asking).symbol("ASKED") is not None
    assert scan(scanner, OUTSIDE).symbol("ASKED") is None
    unknown = Envelope(ip="203.0.113.9", settings_id="nobody")
    assert scan(scanner, unknown).symbol("ASKED") is None
    assert "nobody" in caplog.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("r { apply { actions { rejct = 1 } } }", "'rejct' is no action"),
        ('r { from = "/(/" }', "unterminated subpattern"),
        ("r { priority = urgent }", "'urgent' is no priority"),
        ("r = 5", "expected a section"),
    ],
)
def test_a_faulty_rule_is_told(make: Make, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make(settings__conf=text)
    assert words in str(caught.value)
    assert "settings.conf:1" in str(caught.value)


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ("from('smtp'):domain.lower", True),
        ("header('X-Nobody-Has-This')", False),
        ("from('smtp'):domain.regexp('/elsewhere/')", False),
        ("ip;helo", False),
    ],
)
def test_a_selector_that_gives_something_is_a_condition(
    make: Make, selector: str, fits: bool
) -> None:
    rule = f'r {{ selector = "{selector}"; apply {{ symbols = [MARKED]; }} }}'
    scanner = make(settings__conf=rule)
    assert scanner.config.findings == ()
    verdict = scan(scanner, replace(OUTSIDE, helo=None))
    assert (verdict.symbol("MARKED") is not None) is fits


def test_a_selector_in_an_expression(make: Make) -> None:
    rule = "r { selector = \"header('X-None')\"; expression = '!selector'; symbols = [MARKED]; }"
    assert scan(make(settings__conf=rule), OUTSIDE).symbol("MARKED") is not None


@pytest.mark.parametrize(
    ("selector", "told"),
    [("form", "did you mean 'from'"), ("asn", "settings come first"), ("", "column 1")],
)
def test_a_selector_that_cannot_be_used_is_told(make: Make, selector: str, told: str) -> None:
    with pytest.raises(ConfigError, match=r"settings\.r\.selector") as caught:
        make(settings__conf=f'r {{ selector = "{selector}"; apply {{ symbols = [MARKED]; }} }}')
    assert told in str(caught.value)


MAP = """
r {
  priority = high;
  external_map { map = "%s"; selector = "rcpts('smtp'):addr.lower"; }
}
"""


def test_a_map_knows_what_is_different(make: Make, tmp_path: Path) -> None:
    entries = ("alice@example.net {symbols = [MARKED]; actions {reject = 3}}", "bob@x.org {oops")
    file = tmp_path / "users.map"
    file.write_text("\n".join(entries) + "\n")
    scanner = make(settings__conf=MAP % file)
    assert scanner.config.findings == ()
    alice = replace(OUTSIDE, rcpt_to=("carol@example.net", "Alice@example.net"))
    for _ in range(2):
        verdict = scan(scanner, alice)
        assert verdict.symbol("MARKED") is not None
        assert verdict.required_score == 3.0
    for other in ("carol@example.net", "bob@x.org"):  # none, and one that cannot be read
        assert scan(scanner, replace(OUTSIDE, rcpt_to=(other,))).symbol("MARKED") is None


@pytest.mark.parametrize(
    ("written", "code", "told"),
    [
        ('map = "/x"', "wrong-type", "has no selector"),
        ('selector = "user"', "wrong-type", "has no map"),
        (
            'selector = "user"; map { external = true; backend = "http://127.0.0.1:9/"; }',
            "rule-not-served",
            "asks a service for each mail",
        ),
    ],
)
def test_a_map_that_cannot_be_used_is_told(make: Make, written: str, code: str, told: str) -> None:
    text = f"r {{ external_map {{ {written}; }} }}"
    if code == "wrong-type":
        with pytest.raises(ConfigError, match=told):
            make(settings__conf=text)
        return
    (finding,) = make(settings__conf=text).config.findings
    assert finding.code == code
    assert told in finding.message


def test_a_rule_with_a_condition_nobody_serves_is_left_out(make: Make) -> None:
    rule = 'r { subject = "x"; apply { symbols = [MARKED]; } }'
    scanner = make(settings__conf=rule)
    assert scan(scanner, OUTSIDE).symbol("MARKED") is None
    assert [f.code for f in scanner.config.findings] == ["rule-not-served"]


def query(text: str, **headers: str) -> Envelope:
    """A client outside, whose request brings settings."""
    given = {"settings": text, **headers}
    pairs = tuple((name.encode(), value.encode()) for name, value in given.items())
    return replace(OUTSIDE, request_headers=pairs)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{symbols_enabled = [R_SPF_NA]}", {"R_SPF_NA"}),
        ('{"symbols_enabled": ["R_SPF_NA", "R_DKIM_NA"]}', {"R_SPF_NA", "R_DKIM_NA"}),
        ("symbols_enabled { R_SPF_NA = 1.0 }", {"R_SPF_NA"}),
        ("apply { symbols_enabled = [R_SPF_NA] }", {"R_SPF_NA"}),
        ("{symbols_enabled = []}", set()),
        ("{groups_enabled = []}", set()),
        ("{groups_enabled = [spf]}", {"R_SPF_NA"}),
        ("{groups_enabled = [spf], symbols_disabled = [R_SPF_NA]}", set()),
        ("{policy = implicit_deny, symbols { SEEN = 2 }}", {"SEEN"}),
        ("{symbols_enabled = [], symbols = [SEEN, ALSO]}", {"SEEN", "ALSO"}),
    ],
)
def test_a_request_brings_settings(make: Make, text: str, names: set[str]) -> None:
    verdict = scan(make(), query(text))
    assert {symbol.name for symbol in verdict.symbols} == names


def test_scores_actions_and_symbols_of_a_request(make: Make) -> None:
    scanner = make()
    verdict = scan(
        scanner,
        query(
            "{symbols_enabled = [R_SPF_NA], R_SPF_NA = 2, scores_ = 1, SEEN = 3,"
            " symbols { SEEN { score = 2.0; options = [a, b] } }, actions { reject = 8 },"
            ' messages { smtp_message = "5.7.1 no" } }'
        ),
    )
    seen = verdict.symbol("SEEN")
    assert seen is not None
    assert (seen.score, seen.options) == (6.0, ("a", "b"))
    assert (verdict.score, verdict.required_score, verdict.action) == (8.0, 8.0, Action.REJECT)
    assert verdict.messages["smtp_message"] == "5.7.1 no"


@pytest.mark.parametrize(
    "text",
    [
        "{symbols_enabled = [R_SPF_NA",
        "{actions { rejct = 1 }}",
        "symbols = " + "[" * 50,
        '.include(try=false) "/etc/passwd"',
        "x" * 70_000,
        "\x00\xff",
    ],
)
def test_settings_that_cannot_be_read_change_nothing(
    make: Make, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    scanner = make()
    plain = scan(scanner, OUTSIDE)
    verdict = scan(scanner, query(text))
    assert [s.name for s in verdict.symbols] == [s.name for s in plain.symbols]
    assert "cannot be read" in caplog.text
    assert "root:" not in caplog.text


def test_settings_of_a_request_are_weaker_than_a_rule_of_a_higher_priority(make: Make) -> None:
    rules = """
        low { ip = 203.0.113.9; apply { symbols = [LOW]; } }
        high { priority = high; ip = 203.0.113.9; rcpt = "carol"; apply { symbols = [HIGH]; } }
        by_id { id = "x"; apply { symbols = [BY_ID]; } }
    """
    scanner = make(settings__conf=rules)
    marks = {"LOW", "HIGH", "BY_ID", "QUERY"}

    def marked(envelope: Envelope) -> set[str]:
        return marks & {symbol.name for symbol in scan(scanner, envelope).symbols}

    asking = query("{symbols = [QUERY]}")
    assert marked(asking) == {"HIGH"}
    assert marked(replace(asking, rcpt_to=())) == {"QUERY"}
    assert marked(replace(asking, rcpt_to=(), settings_id="x")) == {"QUERY"}
    assert marked(replace(OUTSIDE, rcpt_to=(), settings_id="x")) == {"BY_ID"}
    assert marked(replace(OUTSIDE, rcpt_to=(), settings_id="low")) == {"LOW"}
    assert marked(replace(OUTSIDE, rcpt_to=())) == {"LOW"}


def test_a_request_may_set_the_reject_score_alone(make: Make) -> None:
    headers = ((b"maxscore", b"42.5"), (b"softscore", b"-50"))
    envelope = replace(OUTSIDE, request_headers=headers)
    scanner = make()
    assert scan(scanner, envelope).required_score == 42.5
    chosen = scanner.settings.choose(scanner.task(MAIL, envelope))
    assert chosen is not None
    assert chosen.plan.thresholds[Action.ADD_HEADER] == -50.0


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ('from = "bob"; local = yes; expression = "from || local"', True),
        ('from = "bob"; local = yes; expression = "from && local"', False),
        ('from = "bob"; local = yes; expression = "from && !local"', True),
        ('from = "bob"; inverse = true', False),
        ('from = "eve"; inverse = true', True),
        ('header { "X-List" = "yes"; "X-No" = false }', True),
        ('header { "X-List" = "yes"; "X-No" = true }', False),
        ('header { "X-List" = "no"; "X-No" = true; }; expression = "header:x_list"', False),
        ('header { "X-List" = "YES,"; Y = true }; expression = "header:x_list || header:2"', True),
        ('request_header { "X-Site" = "/^two$/" }', True),
        ('request_header { "X-Site" = false }', False),
        ("client_ip = 192.0.2.0/24", True),
        ("client_ip = 203.0.113.9", False),
    ],
)
def test_conditions_joined(make: Make, condition: str, fits: bool) -> None:
    scanner = make(settings__conf=f"rule {{ {condition}; apply {{ symbols = [MARKED] }} }}")
    asking = replace(OUTSIDE, peer="192.0.2.1", request_headers=((b"x-site", b"two"),))
    assert (scan(scanner, asking).symbol("MARKED") is not None) is fits


def test_a_rule_without_conditions_is_for_its_id_alone(make: Make) -> None:
    scanner = make(settings__conf="rule { apply { symbols = [MARKED] } }")
    assert scan(scanner, OUTSIDE).symbol("MARKED") is None
    assert scan(scanner, replace(OUTSIDE, settings_id="rule")).symbol("MARKED") is not None


def test_an_expression_names_conditions_of_its_rule(make: Make) -> None:
    with pytest.raises(ConfigError, match="no condition 'rcpt'"):
        make(settings__conf='rule { from = "bob"; expression = "from && rcpt"; }')
