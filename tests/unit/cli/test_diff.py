"""``filter-engine diff`` as a user calls it: what a changed score or rule does to mail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MAILS = Path(__file__).resolve().parents[2] / "mail"
QUIET = 'dns { nameserver = "127.0.0.1:9"; timeout = 200ms; retransmits = 1; }\n'
RULE = 'LUNCH { re = "Subject=/./"; score = 20.0; }\n'


@pytest.fixture
def sites(tmp_path: Path) -> tuple[Path, Path]:
    """Two sites that are the same."""
    found = (tmp_path / "old", tmp_path / "new")
    for site in found:
        (site / "local.d").mkdir(parents=True)
        (site / "local.d" / "options.inc").write_text(QUIET)
    return found


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "filter_engine.cli.main", "diff", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_the_same_configuration_gives_the_same_verdicts(sites: tuple[Path, Path]) -> None:
    done = run(*sites, MAILS / "clean.eml", MAILS / "gtube.eml", "--exit-code")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "0 of 2 messages differ\n  1 no action\n  1 reject\n"


def test_a_new_rule_is_shown_with_what_it_does(sites: tuple[Path, Path]) -> None:
    (sites[1] / "local.d" / "regexp.conf").write_text(RULE)
    done = run(*sites, MAILS / "clean.eml", "--exit-code")
    assert done.returncode == 4, done.stderr
    head, symbol, *summary = done.stdout.splitlines()
    assert head.startswith(f"{MAILS / 'clean.eml'}: no action ")
    assert " -> reject " in head
    assert symbol == "  + LUNCH 20.00"
    assert summary == ["1 of 1 message differs", "  1 no action -> reject"]


def test_a_score_for_programs(sites: tuple[Path, Path], tmp_path: Path) -> None:
    for site, score in zip(sites, (1.0, 2.5), strict=True):
        rule = RULE.replace("20.0", str(score))
        (site / "local.d" / "regexp.conf").write_text(rule)
    corpus = tmp_path / "corpus" / "inner"
    corpus.mkdir(parents=True)
    (corpus / "a.eml").write_bytes((MAILS / "clean.eml").read_bytes())
    done = run(*sites, corpus.parent, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["differs"] is True
    assert told["symbols"] == {"LUNCH": {"old": 1.0, "new": 2.5}}
    assert told["new"]["score"] - told["old"]["score"] == pytest.approx(1.5)


def test_what_cannot_be_read_is_told(sites: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "there is no message in" in run(*sites, tmp_path / "empty").stderr
    (sites[1] / "local.d" / "actions.conf").write_text("reject = many;")
    done = run(*sites, MAILS / "clean.eml")
    assert done.returncode == 1
    assert "actions.conf:1" in done.stderr
