"""``filter-engine explain`` as a user calls it, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MAILS = Path(__file__).resolve().parents[2] / "mail"
HEADER = "default: False [1.50 / 15.00]; MISSING_DATE(1.00)[]; NOBODY_KNOWS(0.50)[x]"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command with a resolver that refuses at once."""
    (tmp_path / "local.d").mkdir()
    options = tmp_path / "local.d" / "options.inc"
    options.write_text('dns { nameserver = "127.0.0.1:9"; timeout = 200ms; retransmits = 1; }\n')

    def call(
        *arguments: str, stdin: str | None = None, command: str = "explain"
    ) -> subprocess.CompletedProcess[str]:
        main = [sys.executable, "-m", "filter_engine.cli.main", command]
        return subprocess.run(
            [*main, "--var", f"LOCAL_CONFDIR={tmp_path}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            env={"COLUMNS": "100", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        )

    return call


def test_a_mail_is_explained(run: Run) -> None:
    done = run(str(MAILS / "spam.eml"))
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "decided by the score: add header begins at 6" in text
    assert "2.00 MISSING_TO There is no To header no To score 2, built in (check to_header)" in text
    assert "add header (reached) 6, built in" in text
    assert "greylist takes" in text
    assert max(map(len, done.stdout.splitlines()[1:])) <= 100


def test_json_has_it_all(run: Run, tmp_path: Path) -> None:
    actions = "reject = 3;\nadd_header = null;\ngreylist = null;\n"
    (tmp_path / "local.d" / "actions.conf").write_text(actions)
    done = run("--json", str(MAILS / "spam.eml"))
    found = json.loads(done.stdout)
    assert (found["action"], found["decided_by"]) == ("reject", "score")
    reject = next(each for each in found["thresholds"] if each["action"] == "reject")
    assert reject["crossed"]
    assert reject["source"]["file"].endswith("/local.d/actions.conf")
    assert reject["source"]["line"] == 1
    assert all(symbol["evidence"] for symbol in found["symbols"])
    assert found["flips"][0]["threshold"]["action"] == "reject"


def test_a_recording_is_explained(run: Run, tmp_path: Path) -> None:
    mail, file = str(MAILS / "clean.eml"), str(tmp_path / "recorded")
    recorded = run("--record", file, "-i", "198.51.100.10", mail, command="scan")
    assert recorded.returncode == 0, recorded.stderr
    found = json.loads(run("--json", "--replay", file, mail).stdout)
    spamhaus = next(each for each in found["symbols"] if each["name"] == "SPAMHAUS_FAIL")
    assert "10.100.51.198.zen.spamhaus.org A" in spamhaus["evidence"][0]
    done = run("--replay", str(tmp_path / "none"), mail)
    assert done.returncode == 3
    assert "none: no such file" in done.stderr


def test_headers_are_explained(run: Run, tmp_path: Path) -> None:
    done = run("--header", HEADER)
    assert done.returncode == 0, done.stderr
    assert "NOBODY_KNOWS unknown here" in " ".join(done.stdout.split())
    done = run("--header", "-", "--json", stdin=f"X-Spamd-Result: {HEADER}\n")
    found = json.loads(done.stdout)
    assert (found["score"], found["unknown"]) == (1.5, ["NOBODY_KNOWS"])
    mail = tmp_path / "mail.eml"
    mail.write_text(f"From: a@b.example\nX-Spamd-Result: {HEADER}\n\nbody\n")
    found = json.loads(run("--from-header", str(mail), "--json").stdout)
    assert [symbol["now"] for symbol in found["symbols"]] == [1.0, None]


def test_what_cannot_be_explained_is_told(run: Run, tmp_path: Path) -> None:
    done = run("--header", "spam")
    assert (done.returncode, "no X-Spamd-Result: expected" in done.stderr) == (1, True)
    done = run("--from-header", str(MAILS / "clean.eml"))
    assert (done.returncode, "has no X-Spamd-Result" in done.stderr) == (1, True)
    done = run("nowhere.eml")
    assert (done.returncode, "cannot read nowhere.eml" in done.stderr) == (1, True)
    for wrong in ([], ["--header", HEADER, "x.eml"], ["--header", HEADER, "--replay", "x"]):
        assert run(*wrong).returncode == 2


def test_a_message_moves_no_cursor(run: Run) -> None:
    hostile = "From: \x1b[31m[bold]a[/]@b.example\nSubject: \x1b]0;x\x07 [red]$1\n\nbody\n"
    done = run("-", stdin=hostile)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "[red]$1" in done.stdout
