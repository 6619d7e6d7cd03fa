"""Rules of ``multimap`` that join maps, wait for symbols, force actions, or cannot work."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from filter_engine.checks.multimap.module import check_of
from filter_engine.checks.multimap.options import MultimapOptions
from filter_engine.config.loader import inspect
from filter_engine.config.model import Config
from filter_engine.dns.table import TableResolver
from filter_engine.headers.sections import sections
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action
from filter_engine.scanner import Scanner

from .multimap_site import ENVELOPE, MESSAGE, load, scan, scan_rule, write_map


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
    verdict = scan(
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
    names = {symbol.name for symbol in scan(tmp_path, text).symbols}
    assert {"FIRST", "MIDDLE", "LAST", "OF_GROUP"} <= names
    assert "NEVER" not in names


def test_rules_that_ask_for_each_other_end(tmp_path: Path) -> None:
    text = """multimap {
        A { type = helo; map = ["mail.example.org"]; require_symbols = "!B"; }
        B { type = helo; map = ["mail.example.org"]; require_symbols = "!A"; }
    }"""
    names = {symbol.name for symbol in scan(tmp_path, text).symbols}
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
    file = write_map(tmp_path, RULES)
    text = f'multimap {{ TEXT {{ type = regexp_rules; map = "{file}"; }} }}\n'
    verdict = scan(tmp_path, text + 'symbols { "R_BODY" { score = 7; } }')
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
    file = Path(write_map(tmp_path, "header A Subject =~ /x/\nscore A 1\n"))
    text = f'multimap {{ TEXT {{ type = regexp_rules; map = "{file}"; }} }}'
    scanner = Scanner(load(tmp_path, text), transport=TableResolver({}), server="here")
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
    found = scan(tmp_path, text, dns=dns).symbol("RULE")
    assert found is not None
    assert (found.score, found.options) == (4.0, ("bl.example",))
    assert found.evidence == ("77.2.0.192.bl.example A: 127.0.0.2",)
    assert scan(tmp_path, text, dns={}).symbol("RULE") is None


@pytest.mark.parametrize("more", ["", "prefilter = true"])
def test_a_forced_action(more: str, tmp_path: Path) -> None:
    rule = f'type = ip; action = "reject"; message = "Go away"; {more}'
    verdict = scan_rule(tmp_path, rule, "192.0.2.0/24\n")
    assert verdict.action is Action.REJECT
    assert verdict.messages == {"smtp_message": "Go away"}
    # as a prefilter it is the last that is asked
    assert (len(verdict.symbols) == 1) == bool(more)
    accepted = scan_rule(tmp_path, f'type = ip; action = "accept"; {more}', "192.0.2.0/24\n")
    assert accepted.action is Action.NO_ACTION
    assert accepted.messages == {"smtp_message": "Matched map: RULE"}


def test_rules_of_rmilter_as_the_importer_writes_them(tmp_path: Path) -> None:
    text = """multimap {
        rmilter_rule_1_connect_1 { type = "selector"; selector = "ip"; map = ["/^192\\\\.0\\\\.2/"];
            regexp = true; symbol = "RMILTER_RULE_1_CONNECT_1"; score = 0; }
        rmilter_rule_1_body_2 { type = "content"; filter = "body"; map = ["/buy foo/i"];
            regexp = true; symbol = "RMILTER_RULE_1_BODY_2"; score = 0; }
    }"""
    names = {symbol.name for symbol in scan(tmp_path, text).symbols}
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
        (
            'type = combined; expression = "a"; rules { a { selector = ip; map = "redis://k"; } }',
            "'a': combined maps are not asked in Redis",
        ),
        ('type = ip; map = ["redis://a", "redis://b"]', "a map in Redis stands alone"),
        ('type = content; map = "redis://a"', "type content is not looked up in Redis"),
        ('type = helo; glob = true; map = "redis://a"', "holds words and networks, no patterns"),
        ('type = ip; map = "redis://"', "it names no key in Redis"),
        ('type = ip; map = "redis+selector://form"', "no extractor 'form'"),
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


def test_what_is_not_served_is_told_and_left_out(tmp_path: Path) -> None:
    source = '{ external = true; backend = "http://127.0.0.1:9/q"; }'
    config = load(tmp_path, f"multimap {{ R {{ type = ip; map = {source}; }} }}")
    assert [finding.code for finding in config.findings] == ["rule-not-served"]
    options = config.modules["multimap"]
    assert isinstance(options, MultimapOptions)
    assert not options.rules


def test_a_map_that_is_missing_is_told_and_finds_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        verdict = scan(tmp_path, 'multimap { R { type = ip; map = "/nowhere/x.map"; } }')
    assert verdict.symbol("R") is None
    assert "multimap.R: map /nowhere/x.map: No such file" in caplog.text


def test_which_check_runs_a_rule(tmp_path: Path) -> None:
    config = load(
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
