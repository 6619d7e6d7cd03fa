"""The examples of docs/rules.md do what the page says."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from filter_engine.cli.loading import symbols_of
from filter_engine.cli.main import group
from filter_engine.config.findings import Severity
from filter_engine.config.loader import inspect
from filter_engine.config.model import Config
from filter_engine.dns.table import TableResolver
from filter_engine.headers.sections import sections
from filter_engine.lint import run
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scanner import Scanner

PAGE = (Path(__file__).parents[3] / "docs" / "rules.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
UCL = [text for language, text in BLOCKS if language == "ucl"]
RULES = "header SA_PILLS Subject =~ /\\bpills\\b/i\nscore SA_PILLS 2\n"


def load(site: Path, file: str, text: str) -> Config:
    """The configuration of a site with one file, without any warning."""
    (site / "rules.cf").write_text(RULES)
    (site / file).parent.mkdir()
    (site / file).write_text(text.replace("/etc/mail/spamassassin", str(site)))
    variables = {"LOCAL_CONFDIR": str(site), "DBDIR": str(site / "db")}
    found = inspect(None, variables, {}, modules=sections(REGISTRY), groups=REGISTRY.groups())
    assert found.config is not None, found.findings
    findings = (*found.findings, *run(found.config, symbols_of=symbols_of))
    told = [f for f in findings if f.severity is not Severity.INFO and f.file.startswith(str(site))]
    assert told == []
    return found.config


def symbols(config: Config, message: str) -> set[str]:
    scanner = Scanner(config, transport=TableResolver({}), server="here")
    verdict = asyncio.run(scanner.scan(message.encode(), Envelope(ip="192.0.2.1")))
    return {symbol.name for symbol in verdict.symbols}


def test_the_page_has_examples() -> None:
    assert len(UCL) == 2
    assert [language for language, _ in BLOCKS].count("python") == 1


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Subject: a pill\r\nFrom: <a@shop.example>\r\n\r\nhi\r\n", {"OFFERS_PILLS"}),
        ("Subject: a pill\r\nFrom: <a@pharmacy.example>\r\n\r\nhi\r\n", set()),
        ("Subject: pillow\r\nFrom: <a@shop.example>\r\n\r\nhi\r\n", set()),
        ("Subject: x\r\n\r\nCasino or jackpot\r\n", {"MANY_MARKS"}),
        ("Subject: x\r\n\r\nCasino\r\n", set()),
        ("Subject: x\r\n\r\nhttp://a.io/abcd\r\n", {"SHORT"}),
        ("Subject: x\r\n\r\nhttp://long.example/abcd\r\n", set()),
    ],
)
def test_regular_expressions(tmp_path: Path, message: str, expected: set[str]) -> None:
    config = load(tmp_path, "local.d/regexp.conf", UCL[0])
    own = {"OFFERS_PILLS", "MANY_MARKS", "SHORT"}
    assert symbols(config, message) & own == expected


def test_spamassassin(tmp_path: Path) -> None:
    config = load(tmp_path, "local.d/spamassassin.conf", UCL[1])
    assert "SA_PILLS" in symbols(config, "Subject: pills\r\n\r\nhi\r\n")


@pytest.mark.parametrize("pattern", re.findall(r"`([^`\s]+=/\S+/\$)`", PAGE))
def test_patterns_in_the_text(tmp_path: Path, pattern: str) -> None:
    load(tmp_path, "local.d/regexp.conf", f"X {{ re = '{pattern}'; score = 1; }}")


def test_python(tmp_path: Path) -> None:
    (text,) = (text for language, text in BLOCKS if language == "python")
    file = tmp_path / "invoices.py"
    file.write_text(text)
    result = CliRunner().invoke(group, ["rule", "test", str(file)])
    assert result.exit_code == 0, result.output
    assert "ok   long: SITE_INVOICE" in result.output
