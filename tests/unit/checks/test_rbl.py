"""Lists in DNS: what is asked, and what answers mean."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.auth.results import DkimCode, DkimResult, DkimSignatureResult
from filter_engine.checks.rbl.answers import Plain, codes_of
from filter_engine.checks.rbl.hashing import hashing_of, rspamd_base32
from filter_engine.checks.rbl.lookup import Lists
from filter_engine.checks.rbl.lua_pattern import compile_lua_pattern
from filter_engine.checks.rbl.options import EmailsOptions, RblOptions, RblRule, SurblOptions
from filter_engine.config.collector import Collector
from filter_engine.config.layers import Layers
from filter_engine.config.model import Config, OptionsConfig
from filter_engine.config.schema import Section, bind
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.driver import Driver
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task, client_ip
from filter_engine.scan.verdict import Finding
from filter_engine.ucl.document import parse

from .conftest import NOW, Collected, compose

CLIENT = "203.0.113.66"
REVERSED = "66.113.0.203"
Found = dict[str, list[tuple[str, ...]]]


def options_from(cls: type[Section], text: str) -> Any:
    """The section a site would write, without any fault."""
    collector = Collector(Layers({}))
    made = bind(cls, parse(text), collector, "test")
    assert collector.findings == ()
    return made


class Asked:
    """A scan by one module, and what it asked."""

    def __init__(
        self,
        module: str,
        text: str,
        dns: Mapping[str, Any],
        *,
        headers: Mapping[str, Any] | None = None,
        body: str = "Hello\n",
        failing: tuple[str, ...] = (),
        results: Mapping[str, Any] | None = None,
        findings: tuple[Finding, ...] = (),
        also: Mapping[str, Any] | None = None,
        config: OptionsConfig | None = None,
        **envelope: Any,
    ) -> None:
        check = REGISTRY[module]
        assert check.options is not None
        assert check.prepare is not None
        options = options_from(check.options, text)
        modules = {check.module: options, **(also or {})}
        self.setup = Setup(Config(options=config or OptionsConfig(), modules=modules))
        self.lists: Lists = check.prepare(options, self.setup)  # type: ignore[assignment]
        self.check, self.options = check, options
        self.dns, self.failing = dns, failing
        self.headers, self.body = headers or {}, body
        self.results, self.found_before = dict(results or {}), findings
        known: dict[str, Any] = {
            "ip": CLIENT,
            "helo": "mx.bad.example",
            "hostname": "h.bad.example",
        }
        self.envelope = Envelope(**{**known, **envelope})
        self.scan()

    def scan(self, now: float = NOW) -> Found:
        """Scan once more, with what the process remembers."""
        task = Task(
            Message(compose(self.headers, self.body)),
            self.envelope,
            {type(self.options): self.options},
            now,
            "test.example",
            ip=client_ip(self.envelope.ip),
            states={self.check.name: self.lists},
            results=dict(self.results),
        )
        task.findings = self.found_before
        sink = Collected(self.options)
        table = TableResolver(self.dns, failing=self.failing)
        Driver(task, table, sink).start([self.check])
        self.names = [q.name for q in table.asked if ".invalid." not in q.name]
        self.tests = [q.name for q in table.asked if ".invalid." in q.name]
        self.all = sink.findings
        self.found = {
            name: [option for one in same for option in one.options]
            for name, same in sink.findings.items()
        }
        return {name: [one.options for one in same] for name, same in sink.findings.items()}


def rbl(rule: str, dns: Mapping[str, Any], *, more: str = "", **arguments: Any) -> Asked:
    text = f'{more} rbls {{ one {{ rbl = "bl.example"; symbol = "ONE"; {rule} }} }}'
    return Asked("rbl", text, dns, **arguments)


def a(*addresses: str) -> dict[str, tuple[str, ...]]:
    return {"A": addresses}


# -- what is asked -------------------------------------------------------------------------------


def test_the_clients_address_is_reversed() -> None:
    asked = rbl("checks = [from];", {f"{REVERSED}.bl.example": a("127.0.0.2")})
    assert asked.found == {"ONE": [f"{CLIENT}:from"]}
    (finding,) = asked.all["ONE"]
    assert finding.evidence == f"{REVERSED}.bl.example A: 127.0.0.2"


def test_an_ipv6_address_is_asked_by_its_digits() -> None:
    digits = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.a.2"
    asked = rbl("checks = [from];", {f"{digits}.bl.example": a("127.0.0.2")}, ip="2a01:db8::1")
    assert asked.found == {"ONE": ["2a01:db8::1:from"]}


def test_a_rule_may_leave_out_a_family() -> None:
    assert rbl("checks = [from]; ipv4 = false;", {}).names == []


def test_a_rule_without_checks_asks_for_the_client() -> None:
    assert f"{REVERSED}.bl.example" in rbl("", {}).names


RECEIVED = [
    "from a ([198.18.0.3]) by b with ESMTPS; Mon, 1 Jan 2024 00:00:00 +0000",
    "from a ([10.1.2.3]) by b with ESMTP; Mon, 1 Jan 2024 00:00:00 +0000",
    "from a ([198.18.0.1]) by b with ESMTPA; Mon, 1 Jan 2024 00:00:00 +0000",
]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("", ["3.0.18.198", "1.0.18.198"]),
        ("exclude_private_ips = false; exclude_local = false;",
         ["3.0.18.198", "3.2.1.10", "1.0.18.198"]),
        ("received_min_pos = 2;", ["1.0.18.198"]),
        ("received_min_pos = -1;", ["1.0.18.198"]),
        ("received_max_pos = 1;", ["3.0.18.198"]),
        ("received_flags = [ssl];", ["3.0.18.198"]),
        ("received_flags = [authenticated];", ["1.0.18.198"]),
        ("received_nflags = [ssl, authenticated];", []),
    ],
)  # fmt: skip
def test_which_received_fields_count(rule: str, expected: list[str]) -> None:
    asked = rbl(
        f"checks = [received]; disable_monitoring = true; {rule}", {},
        headers={"Received": RECEIVED},
    )  # fmt: skip
    assert [name.removesuffix(".bl.example") for name in asked.names] == expected


def test_an_address_by_two_ways_is_asked_once_and_named_twice() -> None:
    asked = rbl(
        "checks = [received, from]; symbols_prefixes { from = F; received = R; }",
        {f"{REVERSED}.bl.example": a("127.0.0.2")},
        headers={"Received": f"from a ([{CLIENT}]) by b with SMTP; Mon, 1 Jan 2024 00:00:00 +0000"},
    )
    assert asked.names.count(f"{REVERSED}.bl.example") == 1
    assert asked.found == {"F_ONE": [f"{CLIENT}:from"], "R_ONE": [f"{CLIENT}:received"]}


def test_urls_by_registered_domain_once() -> None:
    body = "http://a.b.bad.example/1 http://c.bad.example/2 http://198.18.0.9/x\n"
    asked = rbl("checks = [urls]; disable_monitoring = true;", {}, body=body)
    assert asked.names == ["bad.example.bl.example", "9.0.18.198.bl.example"]
    asked = rbl("checks = [urls]; no_ip = true; disable_monitoring = true;", {}, body=body)
    assert asked.names == ["bad.example.bl.example"]
    asked = rbl("checks = [numeric_urls]; disable_monitoring = true;", {}, body=body)
    assert asked.names == ["9.0.18.198.bl.example"]


def test_a_whole_host_name_where_the_list_wants_it() -> None:
    asked = rbl("checks = [urls]; url_full_hostname = true; disable_monitoring = true;", {},
                body="http://a.b.bad.example/1\n")  # fmt: skip
    assert asked.names == ["a.b.bad.example.bl.example"]


def test_more_labels_by_a_compose_map(tmp_path: Path) -> None:
    lines = tmp_path / "compose"
    lines.write_text("*.deep.example.com # all of it\n!not.deep.example.com\none.example.com\n")
    body = " ".join(
        f"http://{host}/"
        for host in ("x.y.deep.example.com", "not.deep.example.com", "a.b.one.example.com")
    )
    asked = rbl(f'checks = [urls]; disable_monitoring = true; url_compose_map = "{lines}";', {},
                body=body + "\n")  # fmt: skip
    assert [name.removesuffix(".bl.example") for name in asked.names] == [
        "x.y.deep.example.com", "example.com", "b.one.example.com",
    ]  # fmt: skip


def test_pictures_only_where_a_rule_wants_them() -> None:
    headers = {"Content-Type": "text/html"}
    body = '<a href="http://one.example/">x</a><img src="http://two.example/x.png">'
    plain = rbl("checks = [urls]; disable_monitoring = true;", {}, headers=headers, body=body)
    assert plain.names == ["one.example.bl.example"]
    images = rbl("checks = [images]; disable_monitoring = true;", {}, headers=headers, body=body)
    assert images.names == ["two.example.bl.example"]


def test_mail_addresses_as_hashes() -> None:
    # printf 'badone@gmail.com' | sha1sum
    asked = rbl(
        "checks = [emails]; hash = sha1; disable_monitoring = true;", {},
        body="write to Bad.One+tag@googlemail.com\n",
    )  # fmt: skip
    assert asked.names == [f"{sha1(b'badone@gmail.com').hexdigest()}.bl.example"]


def test_mail_addresses_by_domain_and_by_delimiter() -> None:
    body = "a.b@x.bad.example, c@y.bad.example\n"
    domains = rbl("checks = [emails]; emails_domainonly = true; disable_monitoring = true;", {},
                  body=body)  # fmt: skip
    assert domains.names == ["bad.example.bl.example"]
    whole = rbl("checks = [emails]; disable_monitoring = true;", {}, body=body)
    assert whole.names == ["a.b.x.bad.example.bl.example", "c.y.bad.example.bl.example"]


def test_reply_to() -> None:
    asked = rbl("checks = [replyto]; disable_monitoring = true;",
                {"c.bad.example.bl.example": a("127.0.0.2")},
                headers={"Reply-To": "C <c@bad.example>"})  # fmt: skip
    assert asked.found == {"ONE": ["c.bad.example:replyto"]}


def signed(*domains: str) -> dict[str, DkimResult]:
    good = tuple(DkimSignatureResult(DkimCode.PASS, domain) for domain in domains)
    return {"dkim": DkimResult((*good, DkimSignatureResult(DkimCode.FAIL, "forged.example")))}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("", ["example.com", "other.example"]),
        ("dkim_domainonly = false;", ["mail.example.com", "other.example"]),
        ("dkim_match_from = true; dkim_domainonly = false;", ["example.com"]),
    ],
)
def test_domains_of_good_signatures(rule: str, expected: list[str]) -> None:
    asked = rbl(f"checks = [dkim]; disable_monitoring = true; {rule}", {},
                results=signed("mail.example.com", "other.example"))  # fmt: skip
    assert [name.removesuffix(".bl.example") for name in asked.names] == expected


def test_helo_and_host_name() -> None:
    asked = rbl("checks = [helo, rdns]; disable_monitoring = true;", {})
    assert asked.names == ["mx.bad.example.bl.example", "h.bad.example.bl.example"]


@pytest.mark.parametrize("envelope", [{"helo": None}, {"hostname": None}, {"hostname": "unknown"}])
def test_a_rule_on_names_waits_for_them_as_rspamd_does(envelope: dict[str, Any]) -> None:
    rule = "checks = [helo, rdns, from]; disable_monitoring = true;"
    assert rbl(rule, {}, **envelope).names == []
    later = rbl(rule, {}, more="names_required = false;", **envelope)
    assert f"{REVERSED}.bl.example" in later.names


def test_selectors() -> None:
    asked = rbl(
        'disable_monitoring = true; selector { who = "from(\'smtp\'):domain"; hi = "helo()"; }',
        {"mx.bad.example.bl.example": a("127.0.0.2")},
        mail_from="x@sender.example",
    )
    assert asked.names == ["sender.example.bl.example", "mx.bad.example.bl.example"]
    assert asked.found == {"ONE": ["mx.bad.example:hi"]}


def test_addresses_of_names() -> None:
    asked = rbl(
        "checks = [urls]; resolve_ip = true; disable_monitoring = true;",
        {"bad.example": {"A": ("198.18.0.7",)}, "7.0.18.198.bl.example": a("127.0.0.2")},
        body="http://bad.example/\n",
    )
    assert asked.found == {"ONE": ["198.18.0.7:bad.example:url"]}


def test_the_number_of_names_is_bounded() -> None:
    body = " ".join(f"http://n{number}.example/" for number in range(200))
    asked = rbl("checks = [urls]; requests_limit = 5; disable_monitoring = true;", {}, body=body)
    assert len(asked.names) == 5
    config = OptionsConfig(dns_max_requests=7)
    asked = rbl("checks = [urls]; disable_monitoring = true;", {}, body=body, config=config)
    assert len(asked.names) == 7


def test_equal_names_of_two_rules_are_asked_once() -> None:
    text = """rbls {
        one { rbl = "bl.example"; returncodes { A2 = "127.0.0.2"; } disable_monitoring = true; }
        two { rbl = "bl.example"; returncodes { B2 = "127.0.0.2"; } disable_monitoring = true; }
    }"""
    asked = Asked("rbl", text, {f"{REVERSED}.bl.example": a("127.0.0.2")})
    assert asked.names == [f"{REVERSED}.bl.example"]
    assert asked.found == {"A2": [f"{CLIENT}:from"], "B2": [f"{CLIENT}:from"]}


# -- who is looked up at all -----------------------------------------------------------------------


def test_neither_users_nor_the_sites_own_clients() -> None:
    rule = "checks = [from]; disable_monitoring = true;"
    assert rbl(rule, {}, user="bob").names == []
    assert rbl(rule + "exclude_users = false;", {}, user="bob").names != []
    assert rbl(rule, {}, ip="192.168.1.1").names == []
    assert rbl(rule + "exclude_local = false;", {}, ip="192.168.1.1").names != []
    assert rbl(rule, {}, more=f'local_exclude_ip_map = ["{CLIENT}"];').names == []


def test_ignored_defaults_leave_all_off() -> None:
    asked = rbl("checks = [urls, from]; ignore_defaults = true; disable_monitoring = true;", {},
                body="http://bad.example/\n", user="bob")  # fmt: skip
    assert asked.names == ["bad.example.bl.example"]


def test_names_that_are_not_looked_up() -> None:
    rule = "checks = [urls, emails]; emails_domainonly = true; disable_monitoring = true;"
    body = "http://www.good.example/ x@good.example http://bad.example/\n"
    assert rbl(rule, {}, more='url_whitelist = ["good.example"];', body=body).names == [
        "bad.example.bl.example"
    ]
    text = rule + "ignore_url_whitelist = true;"
    assert len(rbl(text, {}, more='url_whitelist = ["good.example"];', body=body).names) == 2


def test_disabled_zones_and_rules() -> None:
    assert rbl("", {}, more='disabled_rbl_suffixes_map = ["bl.example"];').names == []
    assert rbl("enabled = false;", {}).names == []
    assert rbl("", {}, more="default_exclude_checks = [from];").names != []
    assert rbl("checks = [from];", {}, more="default_exclude_checks = [from];").names == []


def test_rules_that_wait_for_symbols() -> None:
    text = (
        """rbls { one { rbl = "bl.example"; require_symbols = "A"; disable_monitoring = true; } }"""
    )
    dns = {f"{REVERSED}.bl.example": a("127.0.0.2")}
    assert Asked("rbl_late", text, dns).names == []
    assert Asked("rbl_late", text, dns, findings=(Finding("A"),)).found == {
        "ONE": [f"{CLIENT}:from"]
    }
    assert Asked("rbl", text, dns, findings=(Finding("A"),)).names == []


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
    assert rbl(f"checks = [from]; {rule}", {}).names == []
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
    assert rspamd_base32(b"a") == "bd"
    assert rspamd_base32(b"hello world") == "em3ags7py376g3tprd"


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
