"""Rules of ``multimap``: what each type compares, what a map may say, which rules wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.checks.multimap.module import check_of
from filter_engine.checks.multimap.options import MultimapOptions
from filter_engine.checks.multimap.result import Told, read_value
from filter_engine.config.loader import inspect
from filter_engine.config.model import Config
from filter_engine.dns.table import TableResolver
from filter_engine.headers.sections import sections
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action, Verdict
from filter_engine.scanner import Scanner

MESSAGE = b"""\
Received: from a.example.org (b.example.org [192.0.2.7]) by mx.example.com with ESMTPSA;
 Sat, 21 Nov 2026 10:00:00 +0000
Received: from c.example.org ([198.51.100.9]) by a.example.org with SMTP;
 Sat, 21 Nov 2026 09:59:00 +0000
From: "Bob B." <bob@mail.example.co.uk>
To: alice@example.net
Cc: Carol <carol@one.example>, dan@two.example, eve@two.example
Subject: Cheap pills
Message-ID: <abc@mail.example.co.uk>
Date: Sat, 21 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

Buy foo and bar, then foo:
http://www.shop.example.com/path/to.html?x=1
--b
Content-Type: application/octet-stream; name="run.exe"
Content-Disposition: attachment; filename="run.exe"

0123
--b--
"""
ENVELOPE: dict[str, Any] = {
    "ip": "192.0.2.77",
    "helo": "mail.example.org",
    "hostname": "host.example.org",
    "mail_from": "sender@bounces.example.org",
    "rcpt_to": ("one@example.net", "two@example.com"),
}
ASN = {"77.2.0.192.asn.rspamd.com": {"TXT": [b"64500|192.0.2.0/24|NL|ripencc|"]}}

Scan = Callable[..., Verdict]


def _load(directory: Path, text: str) -> Config:
    main = directory / "main.conf"
    main.write_text(text)
    found = inspect(main, {"DBDIR": str(directory)}, {}, modules=sections(REGISTRY))
    assert found.config is not None, found.findings
    return found.config


def _map(directory: Path, text: str) -> str:
    number = len(list(directory.glob("*.map")))
    file = directory / f"entries{number}.map"
    file.write_text(text)
    return str(file)


def _scan(directory: Path, text: str, *, dns: Any = ASN, **envelope: Any) -> Verdict:
    config = _load(directory, text)
    scanner = Scanner(config, transport=TableResolver(dns), server="here")
    known = Envelope(**{**ENVELOPE, **envelope})
    return asyncio.run(scanner.scan(MESSAGE.replace(b"\n", b"\r\n"), known))


def _rule(directory: Path, rule: str, entries: str, **envelope: Any) -> Verdict:
    """The verdict with one rule RULE of score 2 and a map of some entries."""
    text = f'multimap {{ RULE {{ score = 2; map = "{_map(directory, entries)}"; {rule} }} }}'
    return _scan(directory, text, **envelope)


@pytest.mark.parametrize(
    ("rule", "entries", "options"),
    [
        ("type = ip", "192.0.2.0/24", ("192.0.2.77",)),
        ("type = from", "sender@bounces.example.org", ("sender@bounces.example.org",)),
        ("type = from", "bounces.example.org", ("bounces.example.org",)),
        ("type = from", "sender", ("sender",)),
        ('type = from; filter = "email:domain"', "Bounces.Example.org", ("bounces.example.org",)),
        ('type = from; filter = "email:domain:tld"', "example.org", ("example.org",)),
        ("type = from; extract_from = mime", "bob@mail.example.co.uk", ("bob@mail.example.co.uk",)),
        ("type = rcpt", "two@example.com", ("two@example.com",)),
        ('type = rcpt; filter = "email:user"', "two", ("two",)),
        ('type = header; header = "Subject"', "Cheap pills", None),
        ('type = header; header = "Subject"; regexp = true', "/PILLS/i", ("Cheap pills",)),
        ('type = header; header = ["X-None", "Subject"]; glob = true', "cheap*", ("Cheap pills",)),
        ('type = header; header = From; filter = "email:name"', "Bob", None),
        (
            'type = header; header = From; filter = "email:name"; regexp = true',
            "/^Bob B/",
            ("Bob B.",),
        ),
        (
            'type = header; header = Subject; filter = "regexp:/\\\\w+$/"',
            "pills",
            ("pills",),
        ),
        ("type = helo", "mail.example.org", ("mail.example.org",)),
        ("type = hostname; filter = tld", "example.org", ("example.org",)),
        ("type = hostname; filter = top", "org", ("org",)),
        ("type = url", "www.shop.example.com", ("www.shop.example.com",)),
        ("type = url; filter = tld", "example.com", ("example.com",)),
        ("type = url; filter = path", "path/to.html", ("path/to.html",)),
        ("type = url; filter = query", "x=1", ("x=1",)),
        ('type = url; filter = "full:regexp:/html/"', "html", ("html",)),
        ('type = url; filter = "regexp:/^(www)/"', "www", ("www",)),
        ("type = content; filter = text; regexp = true", "/buy foo/i", ()),
        ("type = content; filter = oneline; regexp = true", "/foo: http/", ()),
        ("type = content; filter = headers; regexp = true", "/^Subject: Cheap/m", ()),
        ("type = content; filter = body; regexp = true", "/^Subject: Cheap/m", None),
        ("type = content; regexp = true", "/run\\.exe/", ()),
        ("type = filename", "run.exe", ("run.exe",)),
        ("type = filename; filter = extension", "exe", ("exe",)),
        ("type = received", "198.51.100.9", ("198.51.100.9",)),
        ("type = received; max_pos = 1", "198.51.100.9", None),
        ("type = received; min_pos = -1", "198.51.100.9", ("198.51.100.9",)),
        ("type = received; max_pos = -2", "198.51.100.9", None),
        ("type = received; flags = [ssl, authenticated]", "192.0.2.0/24", ("192.0.2.7",)),
        ("type = received; nflags = ssl", "192.0.2.0/24", None),
        ("type = received; filter = by_hostname", "a.example.org", ("a.example.org",)),
        ('type = received; filter = "tld:by_hostname"', "example.com", ("example.com",)),
        ('type = selector; selector = "rcpts:domain"', "example.com", ("example.com",)),
        ('type = selector; selector = "id(a);user"; delimiter = "-"', "a-me", ("a-me",)),
        ("type = asn", "64500", ("64500",)),
        ("type = country", "NL", ("NL",)),
        ('type = mempool; variable = asn; filter = "regexp:/^(\\\\d)/"', "6", ("6",)),
        ("type = mid", "abc@mail.example.co.uk", ("abc@mail.example.co.uk",)),
        ("type = subject; regexp = true", "/^cheap/i", ("Cheap pills",)),
        ("type = user", "me", ("me",)),
        ("type = user; skip_authenticated = true", "me", None),
        ('type = symbol_options; target_symbol = "ASN"; regexp = true', "/asn:64500/", None),
    ],
)
def test_what_each_type_compares(
    rule: str, entries: str, options: tuple[str, ...] | None, tmp_path: Path
) -> None:
    found = _rule(tmp_path, rule, entries + "\n", user="me").symbol("RULE")
    if rule.startswith("type = symbol_options"):
        assert found is not None
        assert "asn:64500" in found.options[0]
        return
    if options is None:
        assert found is None
        return
    assert found is not None
    assert (found.score, found.options, found.group) == (2.0, options, "multimap")
    assert f"{tmp_path}/entries0.map:1" in found.evidence[0]


@pytest.mark.parametrize(
    ("value", "symbol", "score", "options"),
    [
        ("", "RULE", 2.0, ("two@example.com",)),
        ("10", "RULE", 20.0, ("two@example.com",)),
        ("-0.5", "RULE", -1.0, ("two@example.com",)),
        ("SYM1", "SYM1", 2.0, ("two@example.com",)),
        ("SYM1:-3", "SYM1", -6.0, ("two@example.com",)),
        ("2POINTS:2.0:a, b", "2POINTS", 4.0, ("two@example.com", "a", "b")),
        ("SYM9:3", "RULE", 6.0, ("two@example.com",)),
        ("what? nonsense", "RULE", 2.0, ("two@example.com",)),
    ],
)
def test_what_a_map_may_say(
    value: str, symbol: str, score: float, options: tuple[str, ...], tmp_path: Path
) -> None:
    rule = 'type = rcpt; filter = "email:addr"; symbols = ["SYM1", "2POINTS"]'
    found = _rule(tmp_path, rule, f"two@example.com {value}\n").symbol(symbol)
    assert found is not None
    assert (found.score, found.options) == (score, options)


def test_symbols_of_a_map_as_they_come(tmp_path: Path) -> None:
    rule = "type = hostname; dynamic_symbols = true; regexp = true"
    verdict = _rule(tmp_path, rule, "/host/ NEW_ONE:10:opt1,opt2\n/nohost/ NEW_TWO:20\n")
    found = verdict.symbol("NEW_ONE")
    assert found is not None
    assert (found.score, found.options) == (10.0, ("host.example.org", "opt1", "opt2"))
    assert verdict.symbol("NEW_TWO") is None


def test_a_symbol_of_the_map_as_an_option(tmp_path: Path) -> None:
    rule = "type = helo; disable_multisymbol = true"
    found = _rule(tmp_path, rule, "mail.example.org SYM1\n").symbol("RULE")
    assert found is not None
    assert found.options == ("mail.example.org", "SYM1")


def test_every_address_of_a_header_counts_once(tmp_path: Path) -> None:
    rule = 'type = header; header = Cc; filter = "email:domain"'
    found = _rule(tmp_path, rule, "two.example\n").symbol("RULE")
    assert found is not None
    assert (found.score, found.options) == (4.0, ("one.example", "two.example"))
    found = _rule(tmp_path, f"{rule}; one_shot = true", "two.example\n").symbol("RULE")
    assert found is not None
    assert found.score == 2.0


@pytest.mark.parametrize(
    ("more", "score"), [("multi = true", 6.0), ("", 2.0), ("multi = true; no_multi = true", 2.0)]
)
def test_every_pattern_or_the_first(more: str, score: float, tmp_path: Path) -> None:
    rule = f"type = content; filter = text; regexp = true; {more}"
    found = _rule(tmp_path, rule, "/foo/\n/bar/\n/baz/\n/buy/i\n").symbol("RULE")
    assert found is not None
    assert found.score == score


def test_a_map_that_says_itself_that_all_count(tmp_path: Path) -> None:
    entries = _map(tmp_path, "/foo/\n/bar/\n")
    verdict = _scan(
        tmp_path,
        f'multimap {{ RULE {{ type = content; map = "regexp_multi;{entries}"; score = 1; }} }}',
    )
    found = verdict.symbol("RULE")
    assert found is not None
    assert found.score == 2.0


@pytest.mark.parametrize(
    ("expression", "options"),
    [
        ("ip & domain", ("ip=192.0.2.77", "domain=bounces.example.org")),
        ("ip | other", ("ip=192.0.2.77",)),
        ("ip & other", None),
        ("ip & !other", ("ip=192.0.2.77",)),
    ],
)
def test_combined_maps(expression: str, options: tuple[str, ...] | None, tmp_path: Path) -> None:
    verdict = _scan(
        tmp_path,
        f"""multimap {{ RULE {{
            type = combined; score = 3; expression = "{expression}";
            rules {{
                ip {{ selector = "ip"; map = ["192.0.2.0/24"]; }}
                domain {{ selector = "from('smtp'):domain"; map = ["bounces.example.org"]; }}
                other {{ selector = "helo"; map = ["elsewhere.example"]; }}
            }}
        }} }}""",
    )
    found = verdict.symbol("RULE")
    assert (found and found.options) == options
    assert found is None or found.score == 3.0


def test_rules_that_require_symbols_wait_for_them(tmp_path: Path) -> None:
    text = """multimap {
        LAST { type = ip; map = ["192.0.2.0/24"]; require_symbols = "MIDDLE & !NEVER"; score = 1; }
        NEVER { type = ip; map = ["192.0.2.0/24"]; require_symbols = "MIDDLE & ABSENT"; }
        MIDDLE { type = ip; map = ["192.0.2.0/24"]; require_symbols = "FIRST"; score = 1; }
        FIRST { type = helo; map = ["mail.example.org"]; score = 1; }
        OF_GROUP { type = helo; map = ["mail.example.org"]; require_symbols = "g+:multimap"; }
    }"""
    names = {symbol.name for symbol in _scan(tmp_path, text).symbols}
    assert {"FIRST", "MIDDLE", "LAST", "OF_GROUP"} <= names
    assert "NEVER" not in names


def test_rules_that_ask_for_each_other_end(tmp_path: Path) -> None:
    text = """multimap {
        A { type = helo; map = ["mail.example.org"]; require_symbols = "!B"; }
        B { type = helo; map = ["mail.example.org"]; require_symbols = "!A"; }
    }"""
    names = {symbol.name for symbol in _scan(tmp_path, text).symbols}
    assert "A" in names
    assert "B" not in names


RULES = """\
header   R_SUBJECT Subject =~ /cheap/i
score    R_SUBJECT 1.5
body     R_BODY /buy foo/i
score    R_BODY 2
selector R_SELECTOR from('smtp'):domain.get_tld =~ /^example\\.org$/
score    R_SELECTOR 0.5
selector R_OTHER from('smtp'):domain !~ /example/
score    R_OTHER 9
meta     R_META R_SUBJECT && R_SELECTOR && !R_OTHER
score    R_META 4
selector R_BROKEN form:domain =~ /x/
"""


def test_a_text_of_rules(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = _map(tmp_path, RULES)
    text = f'multimap {{ TEXT {{ type = regexp_rules; map = "{file}"; }} }}\n'
    verdict = _scan(tmp_path, text + 'symbols { "R_BODY" { score = 7; } }')
    found = {symbol.name: symbol for symbol in verdict.symbols if symbol.name.startswith("R_")}
    scores = {name: symbol.score for name, symbol in found.items()}
    assert scores["R_SUBJECT"] == 1.5
    assert scores["R_BODY"] == 7.0  # the site's
    assert scores["R_SELECTOR"] == 0.5
    assert scores["R_META"] == 4.0
    assert "R_OTHER" not in scores
    assert "Cheap" in found["R_SUBJECT"].evidence[0]
    assert f"{file}:11: selector 'form:domain': column 1: no extractor 'form'" in caplog.text


def test_a_changed_text_of_rules_is_read(tmp_path: Path) -> None:
    file = Path(_map(tmp_path, "header A Subject =~ /x/\nscore A 1\n"))
    text = f'multimap {{ TEXT {{ type = regexp_rules; map = "{file}"; }} }}'
    scanner = Scanner(_load(tmp_path, text), transport=TableResolver({}), server="here")
    rules = scanner.states["multimap_rules"]
    assert isinstance(rules, tuple)
    file.write_text("header LATER Subject =~ /pills/\nscore LATER 3\n")
    scanner.maps.look()
    rules[0].read()  # after the thread that the change has started
    verdict = asyncio.run(scanner.scan(MESSAGE, Envelope(**ENVELOPE)))
    found = verdict.symbol("LATER")
    assert found is not None
    assert found.score == 3.0


def test_a_list_in_dns(tmp_path: Path) -> None:
    text = 'multimap { RULE { type = dnsbl; map = "bl.example"; score = 4; } }'
    dns = {"77.2.0.192.bl.example": {"A": ["127.0.0.2"]}}
    found = _scan(tmp_path, text, dns=dns).symbol("RULE")
    assert found is not None
    assert (found.score, found.options) == (4.0, ("bl.example",))
    assert found.evidence == ("77.2.0.192.bl.example A: 127.0.0.2",)
    assert _scan(tmp_path, text, dns={}).symbol("RULE") is None


@pytest.mark.parametrize("more", ["", "prefilter = true"])
def test_a_forced_action(more: str, tmp_path: Path) -> None:
    rule = f'type = ip; action = "reject"; message = "Go away"; {more}'
    verdict = _rule(tmp_path, rule, "192.0.2.0/24\n")
    assert verdict.action is Action.REJECT
    assert verdict.messages == {"smtp_message": "Go away"}
    # as a prefilter it is the last that is asked
    assert (len(verdict.symbols) == 1) == bool(more)
    accepted = _rule(tmp_path, f'type = ip; action = "accept"; {more}', "192.0.2.0/24\n")
    assert accepted.action is Action.NO_ACTION
    assert accepted.messages == {"smtp_message": "Matched map: RULE"}


def test_rules_of_rmilter_as_the_importer_writes_them(tmp_path: Path) -> None:
    text = """multimap {
        rmilter_rule_1_connect_1 { type = "selector"; selector = "ip"; map = ["/^192\\\\.0\\\\.2/"];
            regexp = true; symbol = "RMILTER_RULE_1_CONNECT_1"; score = 0; }
        rmilter_rule_1_body_2 { type = "content"; filter = "body"; map = ["/buy foo/i"];
            regexp = true; symbol = "RMILTER_RULE_1_BODY_2"; score = 0; }
    }"""
    names = {symbol.name for symbol in _scan(tmp_path, text).symbols}
    assert {"RMILTER_RULE_1_CONNECT_1", "RMILTER_RULE_1_BODY_2"} <= names


def _findings(directory: Path, rule: str) -> tuple[Config | None, list[str]]:
    main = directory / "main.conf"
    main.write_text(f"multimap {{ R {{ {rule} }} }}")
    found = inspect(main, {}, {}, modules=sections(REGISTRY))
    return found.config, [str(finding) for finding in found.findings]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('map = "/x"', "'R': it has no type"),
        ("type = ip", "it has no map"),
        ('type = header; map = "/x"', "it names no header"),
        ('type = selector; map = "/x"', "it has no selector"),
        ('type = mempool; map = "/x"', "it names no variable"),
        ('type = symbol_options; map = "/x"', "it names no symbol"),
        ('type = url; map = "/x"; filter = "host"', "no filter 'host'"),
        ('type = ip; map = "/x"; filter = "tld"', "type ip has none"),
        ('type = from; map = "/x"; filter = "regexp:/(/"', "filter 'regexp:/(/'"),
        ('type = content; map = "/x"; filter = "html"', "known: body, full, headers"),
        ('type = combined; expression = "a"', "it has no rules and expression"),
        (
            'type = combined; expression = "b"; rules { a { map = [x]; selector = ip; } }',
            "its expression names 'b'",
        ),
        ('type = combined; expression = "a"; rules { a { map = [x]; } }', "'a' lacks its map or"),
    ],
)
def test_a_rule_that_cannot_work_is_left_out(rule: str, message: str, tmp_path: Path) -> None:
    config, said = _findings(tmp_path, rule)
    assert config is not None
    options = config.modules["multimap"]
    assert isinstance(options, MultimapOptions)
    assert not options.rules
    assert any(message in text and f"{tmp_path}/main.conf:1" in text for text in said), said
    assert all("warning:" in text for text in said)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('type = selector; map = "/x"; selector = "form"', "no extractor 'form'"),
        ('type = ip; map = "/x"; require_symbols = "A &"', "ends too early"),
        ('type = ip; map = "/x"; action = "rejekt"', "rejekt"),
        ('type = ipp; map = "/x"', "'ipp' is not possible here"),
        ('type = ip; map = ["/x", { a = b }]', "a map is a section, or a list"),
        ('type = ip; map = "ftp://x/y"', "maps do not come from ftp://"),
    ],
)
def test_a_value_that_cannot_be_read_is_an_error(rule: str, message: str, tmp_path: Path) -> None:
    config, said = _findings(tmp_path, rule)
    assert config is None
    assert any(message in text and f"{tmp_path}/main.conf:1" in text for text in said), said


@pytest.mark.parametrize(
    "source", ['"redis://key"', '{ external = true; backend = "http://127.0.0.1:9/q"; }']
)
def test_what_is_not_served_is_told_and_left_out(source: str, tmp_path: Path) -> None:
    config = _load(tmp_path, f"multimap {{ R {{ type = ip; map = {source}; }} }}")
    assert [finding.code for finding in config.findings] == ["rule-not-served"]
    options = config.modules["multimap"]
    assert isinstance(options, MultimapOptions)
    assert not options.rules


def test_a_map_that_is_missing_is_told_and_finds_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        verdict = _scan(tmp_path, 'multimap { R { type = ip; map = "/nowhere/x.map"; } }')
    assert verdict.symbol("R") is None
    assert "multimap.R: map /nowhere/x.map: No such file" in caplog.text


def test_which_check_runs_a_rule(tmp_path: Path) -> None:
    config = _load(
        tmp_path,
        """multimap {
        plain { type = ip; map = [x]; }
        asking { type = selector; selector = "asn"; map = [x]; }
        late { type = selector; selector = "symbol(X)"; map = [x]; }
        first { type = ip; map = [x]; prefilter = true; }
        text { type = regexp_rules; map = "/x"; }
    }""",
    )
    options = config.modules["multimap"]
    assert isinstance(options, MultimapOptions)
    assert {name: check_of(rule) for name, rule in options.rules.items()} == {
        "plain": "multimap",
        "asking": "multimap_asking",
        "late": "multimap_late",
        "first": "multimap_prefilter",
        "text": "multimap_rules",
    }


@given(st.text(max_size=80))
def test_no_value_of_a_map_raises(value: str) -> None:
    assert isinstance(read_value(value), Told)
