"""Rule files of a site: loaded into a registry of their own, refused, told with file and line."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from filter_engine import checks
from filter_engine.cli.loading import load_with_rules, registry_of
from filter_engine.config.findings import ConfigError
from filter_engine.dns.table import TableResolver
from filter_engine.rules.loader import CODE, RuleFileError, SiteRules, copied, load_file, site_rules
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Verdict
from filter_engine.scanner import Scanner

checks.load()

RULE = '''\
from filter_engine.rules import NUMBER, Finding, Section, Symbol, check, option, options_class



@options_class
class Options(Section):
    """Options of the rule."""

    least: float = option(NUMBER, 3.0, doc="letters")


@check("site_rule", symbols=[Symbol("SITE", 2.5, "A rule", ("site",))], options=Options)
def site_rule(task):
    """Counts letters."""
    subject = task.message.subject or ""
    if len(subject) >= task.options(Options).least:
        return [Finding("SITE", (subject,), evidence="Subject")]
'''
MAIL = b"Subject: Lunch\r\nFrom: bob@example.com\r\n\r\nhi\r\n"


class Place:
    """A site directory with rules."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.rules = directory / "rules.d"
        self.rules.mkdir(mode=0o755)
        (directory / "local.d").mkdir()

    @property
    def variables(self) -> dict[str, str]:
        return {"LOCAL_CONFDIR": str(self.directory), "DBDIR": str(self.directory / "none")}

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        path = self.rules / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def load(self) -> SiteRules:
        return site_rules(REGISTRY, self.variables)

    def told(self) -> list[tuple[str, int, str]]:
        return [(Path(f.file).name, f.line, f.message) for f in self.load().findings]

    def scan(self) -> Verdict:
        scanner = Scanner.from_config(load_with_rules(None, self.variables))
        scanner.transport = TableResolver({})
        return asyncio.run(scanner.scan(MAIL, Envelope(ip="192.0.2.1")))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_rule_runs_beside_the_built_in_checks(place: Place) -> None:
    place.write("site.py", RULE)
    symbol = place.scan().symbol("SITE")
    assert symbol is not None
    assert (symbol.score, symbol.options, symbol.group) == (2.5, ("Lunch",), "site")
    assert symbol.evidence == ("Subject",)
    assert "site_rule" not in REGISTRY


def test_options_and_scores_are_configured_like_any(place: Place) -> None:
    place.write("site.py", RULE)
    (place.directory / "local.d" / "site_rule.conf").write_text("least = 100;\n")
    assert place.scan().symbol("SITE") is None
    (place.directory / "local.d" / "site_rule.conf").write_text("least = 1;\n")
    (place.directory / "local.d" / "site_group.conf").write_text(
        "symbols { SITE { score = 7.0; } }\n"
    )
    config = load_with_rules(None, place.variables)
    assert config.findings == ()
    symbol = place.scan().symbol("SITE")
    assert symbol is not None
    assert symbol.score == 7.0


def test_nothing_stays_for_the_next_load(place: Place) -> None:
    path = place.write("site.py", RULE)
    modules = set(sys.modules)
    first = place.load()
    assert "site_rule" in first.registry
    assert place.load() is first
    assert set(sys.modules) - modules == set()
    path.write_text(RULE.replace('"site_rule"', '"other_rule"'))
    second = place.load().registry
    assert "other_rule" in second
    assert "site_rule" not in second
    path.unlink()
    assert place.load().registry is REGISTRY


def test_the_scanner_has_the_checks_that_the_configuration_was_read_with(place: Place) -> None:
    place.write("site.py", RULE)
    config = load_with_rules(None, place.variables)
    scanner = Scanner.from_config(config)
    assert [c for c in scanner.plan.checks if c.name == "site_rule"] == [
        registry_of(config)["site_rule"]
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 1\ny = (\n", 2, "was never closed"),
        ("x = 1\n\ny = 1 / 0\n", 3, "ZeroDivisionError: division by zero"),
        ("import nowhere_to_be_found\n", 1, "No module named 'nowhere_to_be_found'"),
        ("raise SystemExit('bye')\n", 1, "SystemExit: bye"),
        (RULE.replace('"site_rule"', '"subject"'), 12, "check 'subject' is declared twice"),
        (RULE.replace('"SITE"', '"R_SPF_ALLOW"'), 12, "symbol R_SPF_ALLOW belongs to"),
        (RULE.replace("options=Options", "optoins=Options"), 12, "optoins"),
        (RULE + "EXAMPLES = [1]\n", 0, "EXAMPLES is no list of Example"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(
    place: Place, text: str, line: int, message: str
) -> None:
    place.write("bad.py", text)
    ((file, at, said),) = place.told()
    assert (file, at) == ("bad.py", line)
    assert message in said
    with pytest.raises(ConfigError) as error:
        load_with_rules(None, place.variables)
    assert error.value.findings[0].code == CODE


def test_one_bad_file_does_not_hide_the_next(place: Place) -> None:
    place.write("a.py", "x = 1 / 0\n")
    place.write("b.py", "y = 1 / 0\n")
    assert [file for file, _, _ in place.told()] == ["a.py", "b.py"]


@pytest.mark.parametrize("mode", [0o666, 0o664])
def test_a_file_that_others_may_write_is_refused(place: Place, mode: int) -> None:
    place.write("site.py", RULE, mode)
    ((file, _, message),) = place.told()
    assert file == "site.py"
    assert "may be written by others" in message
    assert "site_rule" not in place.load().registry


def test_a_directory_that_others_may_write_is_refused(place: Place) -> None:
    place.write("site.py", RULE)
    place.rules.chmod(0o777)
    ((file, _, message),) = place.told()
    assert file == "rules.d"
    assert "may be written by others" in message
    assert place.load().registry is REGISTRY


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_somebody_else_is_refused(place: Place) -> None:
    os.chown(place.write("site.py", RULE), 65534, 65534)
    ((_, _, message),) = place.told()
    assert "belongs to user 65534" in message


def test_a_rule_that_raises_costs_itself_only(place: Place) -> None:
    place.write(
        "site.py", RULE.replace("subject = task", "raise KeyError('x')\n    subject = task")
    )
    verdict = place.scan()
    assert verdict.unfinished == ("site_rule",)
    assert verdict.symbol("MISSING_MID") is not None


def test_a_symbolic_link_is_refused(place: Place, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text(RULE)
    (place.rules / "site.py").symlink_to(tmp_path / "elsewhere.py")
    ((file, _, message),) = place.told()
    assert (file, message) == ("site.py", "rule file: is a symbolic link")
    assert place.load().files == (str(place.rules / "site.py"),)
    assert "site_rule" not in place.load().registry


def test_what_is_examined_is_what_is_run(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is changed between its first look at the path and its opening."""
    path = place.write("site.py", RULE)
    opened = os.open

    def open_another(name: str, flags: int) -> int:
        path.unlink()
        place.write("site.py", "raise SystemExit('run')\n", 0o666)
        return opened(name, flags)

    monkeypatch.setattr(os, "open", open_another)
    with pytest.raises(RuleFileError) as error:
        load_file(path, copied(REGISTRY), guarded=True)
    assert "may be written by others" in error.value.finding.message
