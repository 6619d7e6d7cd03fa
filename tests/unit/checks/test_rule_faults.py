"""Rules of a site that cannot work as they stand: told with file and line, left out or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from filter_engine.checks.multimap.options import MultimapOptions
from filter_engine.checks.rbl.options import RblOptions
from filter_engine.checks.regexp.options import RegexpOptions
from filter_engine.cli.loading import symbols_of
from filter_engine.config.findings import Severity
from filter_engine.config.loader import Inspection, inspect
from filter_engine.headers.sections import sections
from filter_engine.lint import run
from filter_engine.scan.declare import REGISTRY


def look(site: Path, module: str, text: str) -> tuple[Inspection, list[str]]:
    """What is told of one file: ``line code: message``, without mere notes."""
    (site / "local.d").mkdir(exist_ok=True)
    file = site / "local.d" / f"{module}.conf"
    file.write_text(text)
    variables = {"LOCAL_CONFDIR": str(site), "DBDIR": str(site / "db")}
    found = inspect(None, variables, {}, modules=sections(REGISTRY), groups=REGISTRY.groups())
    assert found.config is not None, found.findings
    findings = (*found.findings, *run(found.config, symbols_of=symbols_of))
    told = [f for f in findings if f.severity is not Severity.INFO]
    assert all(f.file == str(file) and f.hint for f in told)
    return found, [f"{f.line} {f.code}: {f.message}" for f in told]


def only(told: list[str], *parts: str) -> None:
    assert len(told) == 1, told
    for part in parts:
        assert part in told[0]


def test_what_double_quotes_took_away_is_told(tmp_path: Path) -> None:
    _, told = look(tmp_path, "regexp", 'A { re = "Subject=/\\bpill/"; score = 1; }')
    only(told, "1 odd-syntax", "0x08")
    _, told = look(tmp_path, "regexp", "A { re = 'Subject=/\\bpill/'; score = 1; }")
    assert told == []
    _, told = look(tmp_path, "regexp", 'A { re = "Subject=/\\\\bpill/"; score = 1; }')
    assert told == []


def test_control_characters_in_maps_and_settings(tmp_path: Path) -> None:
    rule = 'A { type = helo; regexp = true; map = ["/\\bx/"]; }'
    _, told = look(tmp_path, "multimap", rule)
    only(told, "odd-syntax", "0x08")
    (tmp_path / "local.d" / "multimap.conf").unlink()
    _, told = look(tmp_path, "settings", 'a { from = "/\\fx/"; apply { actions { reject = 3; } } }')
    only(told, "odd-syntax", "0x0c")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("R_SPF_ALLOW { re = '/x/{mime}'; }", "R_SPF_ALLOW is the symbol of the check spf"),
        ("X { re = '/x/{mime}'; condition = 'return true'; }", "its condition is Lua"),
        ("X { score = 1; }", "it has no re"),
        ("X { lua = 'return true'; }", "it is written in Lua"),
    ],
)
def test_rules_of_regexp_that_are_left_out(tmp_path: Path, rule: str, message: str) -> None:
    found, told = look(tmp_path, "regexp", f"\n{rule}\nGOOD {{ re = '/x/{{mime}}'; }}")
    only(told, "2 rule-not-served", message, "left out")
    assert found.config is not None
    options = found.config.modules["regexp"]
    assert isinstance(options, RegexpOptions)
    assert list(options.active) == ["GOOD"]


def test_a_rule_of_regexp_that_is_off_is_not_told(tmp_path: Path) -> None:
    _, told = look(tmp_path, "regexp", "R_SPF_ALLOW { re = '/x/{mime}'; enabled = false; }")
    assert told == []


@pytest.mark.parametrize(
    ("rule", "code", "message"),
    [
        ("prefilter = true", "rule-fault", "prefilter without action"),
        ("regexp = true; glob = true", "rule-fault", "read as regular expressions"),
        ('symbol = "A B"', "rule-fault", "'A B' has blanks"),
        ("symbol = R_SPF_ALLOW", "taken-symbol", "the check spf sets"),
        ("symbols = [R_SPF_ALLOW]", "taken-symbol", "the check spf sets"),
        ('require_symbols = "NOWHERE_AT_ALL"', "unknown-symbol", "'NOWHERE_AT_ALL'"),
    ],
)
def test_rules_of_multimap(tmp_path: Path, rule: str, code: str, message: str) -> None:
    found, told = look(tmp_path, "multimap", f"\nX {{ type = helo; map = [x]; {rule}; }}")
    only(told, f"2 {code}", message)
    assert found.config is not None
    options = found.config.modules["multimap"]
    assert isinstance(options, MultimapOptions)
    assert "X" in options.rules


def test_lines_of_a_text_of_rules_that_are_none(tmp_path: Path) -> None:
    file = tmp_path / "text.rules"
    file.write_text("header X_A Subject =~ /x/\nheadr X_B Subject =~ /x/\nscore X_A 1\n")
    _, told = look(tmp_path, "multimap", f'X {{ type = regexp_rules; map = "{file}"; }}')
    only(told, "1 rule-fault", f"{file}:2: there is no directive 'headr'")


@pytest.mark.parametrize(
    ("rule", "code", "message"),
    [
        ('rbl = "a.example"; selector = "frm()"', "rule-not-served", "no extractor 'frm'"),
        ('rbl = "a.example"; selector = "symbol(A)"', "rule-not-served", "require_symbols"),
        ('rbl = "a.example"; process_script = "x"', "rule-not-served", "process_script is Lua"),
        ("from = true", "rule-not-served", "it names no list"),
        ('rbl = "a.example"; returncodes { A = "127.0.0.999"; }', "rule-fault", "127.0.0.999"),
        (
            'rbl = "a.example"; returncodes_matcher = radix; returncodes { A = "x"; }',
            "rule-not-served",
            "'x' is no IPv4 network",
        ),
        ('rbl = "a.example"; symbol = R_SPF_ALLOW', "taken-symbol", "the check spf sets"),
    ],
)
@pytest.mark.parametrize("section", ["rbls", "rules"])
def test_rules_of_rbl(tmp_path: Path, section: str, rule: str, code: str, message: str) -> None:
    _, told = look(tmp_path, "rbl", f"{section} {{\nmine {{ {rule}; }} }}")
    only(told, f"2 {code}", "'mine'", message)
    _, told = look(tmp_path, "rbl", f"{section} {{\nmine {{ {rule}; enabled = false; }} }}")
    assert told == []


def test_rules_of_rbl_that_work(tmp_path: Path) -> None:
    good = 'returncodes { A = ["127.0.0.2", "127.0.0.3"]; B = "127.0.1.%d+"; }'
    text = f'rbls {{ mine {{ rbl = "a.example"; {good} }} spamhaus {{ enabled = false; }} }}'
    found, told = look(tmp_path, "rbl", text)
    assert told == []
    assert found.config is not None
    assert isinstance(found.config.modules["rbl"], RblOptions)


@pytest.mark.parametrize(
    ("rule", "code", "message"),
    [
        ("action = reject", "rule-not-served", "no expression"),
        ("expression = R_SPF_ALLOW", "rule-not-served", "no action"),
        ("action = reject; expression = NOWHERE_AT_ALL", "unknown-symbol", "'NOWHERE_AT_ALL'"),
        ('action = reject; expression = "g:nowhere"', "unknown-group", "'nowhere'"),
        (
            'action = reject; expression = R_SPF_ALLOW; message = "no ${frm()}"',
            "rule-fault",
            "no extractor 'frm'",
        ),
    ],
)
def test_rules_of_force_actions(tmp_path: Path, rule: str, code: str, message: str) -> None:
    _, told = look(tmp_path, "force_actions", f"rules {{\nmine {{ {rule}; }} }}")
    only(told, f"2 {code}", "'mine'", message)
    _, told = look(tmp_path, "force_actions", f"rules {{\nmine {{ {rule}; enabled = false; }} }}")
    assert told == []


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('domains = ["x.example"]', "nothing has to pass"),
        ("valid_spf = true", "no domains but those of the file local.d/maps.d/mine.inc.local"),
    ],
)
def test_rules_of_whitelist(tmp_path: Path, rule: str, message: str) -> None:
    _, told = look(tmp_path, "whitelist", f"rules {{\nMINE {{ {rule}; score = -1; }} }}")
    only(told, "2 rule-fault", message)
    _, told = look(tmp_path, "whitelist", "rules { MINE { domains = [a]; valid_spf = true; } }")
    assert told == []


def test_a_rule_of_spamassassin_with_the_symbol_of_a_check(tmp_path: Path) -> None:
    file = tmp_path / "rules.cf"
    file.write_text("header R_SPF_ALLOW Subject =~ /x/\nscore R_SPF_ALLOW 2\n")
    _, told = look(tmp_path, "spamassassin", f'ruleset = "{file}";')
    only(told, "1 taken-symbol", "R_SPF_ALLOW")
