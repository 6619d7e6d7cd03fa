"""Lists in DNS: what answers mean, whether lists are alive, older spellings of rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.checks.rbl.answers import Plain, codes_of
from filter_engine.checks.rbl.hashing import hashing_of
from filter_engine.checks.rbl.lua_pattern import compile_lua_pattern
from filter_engine.checks.rbl.options import EmailsOptions, RblOptions, RblRule, SurblOptions
from filter_engine.config.base32 import encode_base32
from filter_engine.config.collector import Collector
from filter_engine.config.layers import Layers
from filter_engine.config.model import OptionsConfig
from filter_engine.config.schema import bind
from filter_engine.ucl.document import parse

from .conftest import NOW
from .rbl_session import CLIENT, REVERSED, Asked, a, options_from, rbl

# -- what an answer means ------------------------------------------------------------------------


def test_codes_unknown_answers_and_prefixes() -> None:
    rule = 'checks = [from]; returncodes { TWO = "127.0.0.2"; MORE = ["127.0.0.3", "127.0.0.4"]; }'
    asked = rbl(rule, {f"{REVERSED}.bl.example": a("127.0.0.4", "127.0.0.9")})
    assert asked.found == {"MORE": [f"{CLIENT}:from"], "ONE": [f"{CLIENT}:from:127.0.0.9"]}
    asked = rbl(rule + "unknown = false;", {f"{REVERSED}.bl.example": a("127.0.0.9")})
    assert asked.found == {}
    asked = rbl(
        rule + "symbols_prefixes { from = RBL; }", {f"{REVERSED}.bl.example": a("127.0.0.2")}
    )
    assert asked.found == {"RBL_TWO": [f"{CLIENT}:from"]}


def test_bits() -> None:
    rule = "checks = [from]; returnbits { A64 = 64; A8 = 8; A1 = 1; }"
    asked = rbl(rule, {f"{REVERSED}.bl.example": a("127.0.0.72")})
    assert asked.found == {"A64": [f"{CLIENT}:from"], "A8": [f"{CLIENT}:from"]}


@pytest.mark.parametrize(
    "codes", ["", 'returncodes { TWO = "127.0.0.2"; }', "returnbits { A1 = 1; }"]
)
def test_a_refusal_weighs_nothing(codes: str) -> None:
    asked = rbl(f"checks = [from]; {codes}", {f"{REVERSED}.bl.example": a("127.255.255.255")})
    assert asked.found == {"ONE_BLOCKED": [f"{CLIENT}:from:127.255.255.255"]}
    scores = {symbol.name: symbol.score for symbol in asked.check.symbols_of(asked.options)}  # type: ignore[misc]
    assert scores["ONE_BLOCKED"] == 0.0


@pytest.mark.parametrize("codes", ["", "returnbits { A1 = 1; }"])
def test_an_answer_that_is_no_lists_lists_nobody(codes: str) -> None:
    """The zone was given up and somebody answers every name with an address of his."""
    asked = rbl(f"checks = [from]; {codes}", {f"{REVERSED}.bl.example": a("198.18.5.5")})
    assert asked.found == {"ONE_FAIL": [f"{CLIENT}:198.18.5.5"]}


def test_a_list_that_does_not_answer() -> None:
    asked = rbl("checks = [from];", {}, failing=(f"{REVERSED}.bl.example",))
    assert asked.found == {"ONE_FAIL": [f"{CLIENT}:no answer"]}
    assert "timeout" in asked.all["ONE_FAIL"][0].evidence


@pytest.mark.parametrize(
    ("matcher", "code", "fits", "not_"),
    [
        ("equality", "127.0.0.2", "127.0.0.2", "127.0.0.22"),
        ("luapattern", "127%.0%.%d+%.2", "127.0.15.2", "127.0.15.12"),
        ("", "127.0.%d+.2", "127.0.15.2", "127.0.15.3"),
        ("regexp", r"^127\\.0\\.0\\.[23]$", "127.0.0.3", "127.0.0.4"),
        ("glob", "127.0.*.1", "127.0.9.1", "127.0.9.2"),
        ("radix", "127.0.0.0/30", "127.0.0.3", "127.0.0.4"),
    ],
)
def test_matchers(matcher: str, code: str, fits: str, not_: str) -> None:
    text = f'returncodes {{ x = "{code}"; }} returncodes_matcher = "{matcher}";'
    codes = codes_of(options_from(RblRule, text), unknown=True)
    assert codes.meaning(fits).codes == ("X",)
    assert codes.meaning(not_).codes == ()
    assert codes.meaning(not_).plain is Plain.LISTED


@pytest.mark.parametrize("rule", [
    'returncodes_matcher = regexp; returncodes { A = "("; }',
    'returncodes_matcher = radix; returncodes { A = "x"; }',
    'returncodes_matcher = luapattern; returncodes { A = "%"; }',
    'process_script = "function(a) os.exit() end";',
    "selector = \"nonsense()\";",
])  # fmt: skip
def test_a_rule_that_cannot_be_used_is_left_out(
    rule: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert rbl(f"checks = [from]; {rule}", {}, told=("rule-not-served",)).names == []
    assert "rbl rule one is not used" in caplog.text


# -- whitelists ------------------------------------------------------------------------------------

WHITE = """rbls {
    white { rbl = "wl.example"; checks = [from]; is_whitelist = true; whitelist_exception = "LOW";
            returncodes { HIGH = "127.0.0.3"; LOW = "127.0.0.1"; } disable_monitoring = true; }
    black { rbl = "bl.example"; checks = [from]; disable_monitoring = true; }
    always { rbl = "al.example"; checks = [from]; ignore_whitelist = true;
             disable_monitoring = true; }
}"""


@pytest.mark.parametrize(
    ("grade", "expected"),
    [("127.0.0.3", {"HIGH", "ALWAYS"}), ("127.0.0.1", {"LOW", "BLACK", "ALWAYS"})],
)
def test_a_whitelist_takes_hits_back(grade: str, expected: set[str]) -> None:
    dns = {f"{REVERSED}.{zone}.example": a("127.0.0.2") for zone in ("bl", "al")}
    dns[f"{REVERSED}.wl.example"] = a(grade)
    assert set(Asked("rbl", WHITE, dns).found) == expected


# -- tests that lists are alive --------------------------------------------------------------------


def test_a_list_that_lists_everybody_is_not_believed(caplog: pytest.LogCaptureFixture) -> None:
    dns = {"1.0.0.127.bl.example": a("127.0.0.2"), f"{REVERSED}.bl.example": a("127.0.0.2")}
    asked = rbl("checks = [from];", dns)
    assert asked.found == {}
    assert "bl.example is not asked for now" in caplog.text
    asked.scan(NOW + 1)
    assert asked.names == []


def test_a_list_is_tested_once_an_interval_and_comes_back() -> None:
    asked = rbl("checks = [from];", {f"{REVERSED}.bl.example": a("127.0.0.2")})
    assert "1.0.0.127.bl.example" in asked.names
    asked.scan(NOW + 1)
    assert "1.0.0.127.bl.example" not in asked.names
    asked.scan(NOW + 61)
    assert "1.0.0.127.bl.example" in asked.names


def test_a_dead_list_is_tested_again() -> None:
    good = {f"{REVERSED}.bl.example": a("127.0.0.2")}
    asked = rbl("checks = [from];", {**good, "1.0.0.127.bl.example": a("127.0.0.2")})
    asked.dns = good
    asked.scan(NOW + 61)
    asked.scan(NOW + 62)
    assert asked.found == {"ONE": [f"{CLIENT}:from"]}


def test_lists_of_names_are_tested_with_a_changing_name() -> None:
    asked = rbl("checks = [urls];", {}, body="http://bad.example/\n")
    (first,) = asked.tests
    asked.scan(NOW + 61)
    (second,) = asked.tests
    assert first.endswith(".invalid.bl.example")
    assert first != second


def test_no_tests_where_a_site_wants_none() -> None:
    quiet = OptionsConfig(disable_monitoring=True)
    assert rbl("checks = [from];", {}, config=quiet).names == [f"{REVERSED}.bl.example"]
    own = rbl('checks = [from]; monitored_address = "9.9.9.9";', {})
    assert "9.9.9.9.bl.example" in own.names


# -- older spellings -------------------------------------------------------------------------------

SCRIPT = """function(url, suffix)
  local cr = require "rspamd_cryptobox_hash"
  local h = cr.create(url):base32():sub(1, 32)
  return string.format("%s.%s", h, suffix)
end"""


def test_surbl_rules() -> None:
    text = """rules { "S" { suffix = "bl.example"; no_ip = true; check_emails = true;
        bits { B2 = 2; } ips { } } }"""
    asked = Asked("surbl", text, {"bad.example.bl.example": a("127.0.0.2")},
                  body="http://www.bad.example/ http://198.18.0.1/ x@y.spam.example\n")  # fmt: skip
    assert asked.names == ["spam.example.bl.example", "bad.example.bl.example"]
    assert asked.found == {"B2": ["bad.example:url"]}


def test_a_surbl_rule_takes_the_place_of_a_list_of_its_name() -> None:
    stock = options_from(
        RblOptions,
        'rbls { S { rbl = "old.example"; checks = [urls]; returncodes { TWO = "127.0.0.2"; } } }',
    )
    asked = Asked("surbl", 'rules { "S" { suffix = "new.example"; } }', {}, also={"rbl": stock},
                  body="http://bad.example/\n")  # fmt: skip
    assert "bad.example.new.example" in asked.names
    assert [symbol for rule in asked.lists.rules for symbol in rule.symbols] == ["S", "TWO"]
    surbl = options_from(SurblOptions, 'rules { "S" { suffix = "new.example"; } }')
    own = Asked("rbl", 'rbls { S { rbl = "old.example"; checks = [from]; } }', {},
                also={"surbl": surbl})  # fmt: skip
    assert own.lists.rules == ()


def test_emails_rules() -> None:
    text = """rules { "E" { dnsbl = "bl.example"; replyto = true; skip_body = true;
        delimiter = "@"; expect_ip = "127.0.0.5"; } }"""
    asked = Asked("emails", text, {"x@bad.example.bl.example": a("127.0.0.5")},
                  headers={"Reply-To": "X@bad.example"}, body="y@z.example\n")  # fmt: skip
    assert asked.found == {"E": ["x@bad.example:replyto"]}
    assert options_from(EmailsOptions, text).rules["E"].expect_ip == "127.0.0.5"


def test_the_hashing_script_of_rspamds_example() -> None:
    hashing = hashing_of(RblRule(process_script=SCRIPT))
    assert hashing is not None
    # from Rspamd's tests of this script
    assert hashing("example.com") == "rciuosbadgpq6b5wt436nhgnwzmfh9w9"
    with pytest.raises(ValueError, match="Lua"):
        hashing_of(RblRule(process_script=SCRIPT + " os.exit()"))


def test_base32_is_rspamds() -> None:
    # rspamadm lua: rspamd_util.encode_base32
    assert encode_base32(b"a") == "bd"
    assert encode_base32(b"hello world") == "em3ags7py376g3tprd"


# -- whatever a mail or a site holds ---------------------------------------------------------------


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_a_pattern_or_refused(pattern: str, text: str) -> None:
    try:
        compiled = compile_lua_pattern(pattern)
    except ValueError:
        return
    compiled.fullmatch(text)


def test_odd_names_are_left_alone() -> None:
    long = "a" * 70
    asked = rbl(
        "checks = [urls, emails, helo, replyto]; disable_monitoring = true;", {},
        helo="[198.18.0.1]", headers={"Reply-To": f"x@{long}.example"},
        body=f"http://{long}.example/ http://b\u00fccher.example/ x@y@z..example http://%zz/\n",
    )  # fmt: skip
    assert "xn--bcher-kva.example.bl.example" in asked.names
    assert asked.found == {}


def test_a_rule_is_checked_when_it_is_read() -> None:
    collector = Collector(Layers({}))
    text = "rbls { a { rbl = x; checks = [form]; hash = crc; } }"
    bind(RblOptions, parse(text), collector, "rbl")
    assert [(f.code, f.message.partition(":")[0]) for f in collector.findings] == [
        ("wrong-type", "rbl.rbls 'a'.checks"),
        ("wrong-type", "rbl.rbls 'a'.hash"),
    ]
