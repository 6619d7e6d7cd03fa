"""``filter-engine scan`` as a user calls it, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MAILS = Path(__file__).resolve().parents[2] / "mail"
Scan = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    """Run the command with a resolver that refuses at once: no test asks a stranger."""
    (tmp_path / "local.d").mkdir()
    options = tmp_path / "local.d" / "options.inc"
    options.write_text('dns { nameserver = "127.0.0.1:9"; timeout = 200ms; retransmits = 1; }\n')

    def run(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "filter_engine.cli.main", "scan"]
        return subprocess.run(
            [*command, "--var", f"LOCAL_CONFDIR={tmp_path}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    return run


def test_a_readable_verdict(scan: Scan) -> None:
    done = scan(str(MAILS / "gtube.eml"))
    assert done.returncode == 0, done.stderr
    assert "gtube.eml: reject" in done.stdout.replace("\n", "")
    assert "GTUBE" in done.stdout


def test_json_is_the_checkv2_reply(scan: Scan) -> None:
    done = scan("--json", str(MAILS / "clean.eml"))
    reply = json.loads(done.stdout)
    assert reply["action"] == "no action"
    total = sum(symbol["score"] for symbol in reply["symbols"].values())
    assert reply["score"] == pytest.approx(total)


def test_several_files_give_a_line_each(scan: Scan) -> None:
    done = scan("--json", str(MAILS / "clean.eml"), str(MAILS / "gtube.eml"))
    actions = [json.loads(line)["action"] for line in done.stdout.splitlines()]
    assert actions == ["no action", "reject"]


def test_standard_input(scan: Scan) -> None:
    done = scan("--json", "-", stdin="Subject: hello\n\nbody\n")
    assert done.returncode == 0, done.stderr
    assert "MISSING_FROM" in json.loads(done.stdout)["symbols"]


def test_the_envelope_decides_what_is_checked(scan: Scan) -> None:
    envelope = ("-i", "198.51.100.10", "-F", "<carol@goodcorp.example>", "--helo", "mail.example")
    done = scan("--json", *envelope, str(MAILS / "clean.eml"))
    assert "R_SPF_DNSFAIL" in json.loads(done.stdout)["symbols"]
    assert "R_SPF_DNSFAIL" not in json.loads(scan("--json", str(MAILS / "clean.eml")).stdout)


def test_a_missing_file_is_named(scan: Scan) -> None:
    done = scan("nowhere.eml")
    assert done.returncode == 1
    assert done.stderr == "filter-engine: cannot read nowhere.eml: No such file or directory\n"


def test_a_bad_configuration_names_file_and_line(scan: Scan, tmp_path: Path) -> None:
    (tmp_path / "local.d" / "actions.conf").write_text("\nreject = many;\n")
    done = scan(str(MAILS / "clean.eml"))
    assert done.returncode == 1
    assert f"{tmp_path}/local.d/actions.conf:2" in done.stderr


def test_a_variable_must_have_a_value(scan: Scan) -> None:
    done = scan("--var", "LOCAL_CONFDIR", str(MAILS / "clean.eml"))
    assert done.returncode == 2
    assert "NAME=VALUE" in done.stderr


def test_broken_messages_have_a_verdict_too(scan: Scan) -> None:
    for text in ("", "\n", "\x00\x01\x02", "Content-Type: multipart/mixed; boundary=\n\n--\n"):
        done = scan("--json", "-", stdin=text)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["action"]


def test_a_wrong_address_is_no_local_client(scan: Scan) -> None:
    done = scan("-i", "banana", str(MAILS / "clean.eml"))
    assert done.returncode == 2
    assert "'banana' is not an IP address" in done.stderr


def test_a_directory_that_does_not_exist_is_not_ignored(scan: Scan) -> None:
    done = scan("--var", "LOCAL_CONFDIR=/nowhere", str(MAILS / "clean.eml"))
    assert done.returncode == 2
    assert "there is no directory /nowhere" in done.stderr


def test_a_recording_is_replayed(scan: Scan, tmp_path: Path) -> None:
    mail, file = str(MAILS / "clean.eml"), tmp_path / "recorded.zst"
    envelope = ("-i", "198.51.100.10", "-F", "<carol@goodcorp.example>")
    first = scan("--json", "--record", str(file), *envelope, mail)
    assert first.returncode == 0, first.stderr
    assert file.stat().st_mode & 0o077 == 0
    again = scan("--json", "--replay", str(file), mail)
    assert again.returncode == 0, again.stderr
    assert "verdict" not in again.stderr
    assert again.stdout == first.stdout  # time_real too: as it was recorded
    reply = json.loads(again.stdout)
    assert reply["time_real"] > 0
    assert "R_SPF_DNSFAIL" in reply["symbols"]


@pytest.mark.parametrize(
    ("name", "told"), [("otu", "did you mean 'out'?"), ("quite-another", "known: out, slow")]
)
def test_settings_that_do_not_exist_are_wrong_usage(
    scan: Scan, tmp_path: Path, name: str, told: str
) -> None:
    rules = 'fast { id = "out"; apply {} }\nslow { apply {} }\n'
    (tmp_path / "local.d" / "settings.conf").write_text(rules)
    mail = str(MAILS / "clean.eml")
    done = scan("--settings-id", name, mail)
    assert done.returncode == 2
    assert f"no settings have the id '{name}'" in " ".join(done.stderr.split())
    assert told in " ".join(done.stderr.split())
    assert scan("--settings-id", "out", mail).returncode == 0


def test_a_replay_that_lacks_an_answer_names_it(scan: Scan, tmp_path: Path) -> None:
    mail, file = str(MAILS / "clean.eml"), str(tmp_path / "recorded")
    assert scan("--record", file, "-i", "198.51.100.10", mail).returncode == 0
    done = scan("--replay", file, "-i", "203.0.113.9", mail)
    assert done.returncode == 3
    assert "9.113.0.203.zen.spamhaus.org" in done.stderr
    other = scan("--replay", file, str(MAILS / "gtube.eml"))
    assert other.returncode == 3
    assert "has no scan of" in other.stderr


def test_a_replay_says_what_has_changed(scan: Scan, tmp_path: Path) -> None:
    mail, file = str(MAILS / "clean.eml"), str(tmp_path / "recorded")
    assert scan("--record", file, mail).returncode == 0
    (tmp_path / "local.d" / "actions.conf").write_text("reject = 1;\nadd_header = 0.5;\n")
    done = scan("--replay", file, mail)
    assert done.returncode == 0
    assert "recorded with another configuration" in done.stderr
    assert "the verdict is not the recorded one" in done.stderr


def test_a_broken_recording_is_no_crash(scan: Scan, tmp_path: Path) -> None:
    file = tmp_path / "recorded"
    file.write_text("{}\n")
    done = scan("--replay", str(file), str(MAILS / "clean.eml"))
    assert done.returncode == 3
    assert f"{file}:1: not a recording" in done.stderr
    done = scan("--record", str(tmp_path), str(MAILS / "clean.eml"))
    assert done.returncode == 1
    assert f"cannot write {tmp_path}: Is a directory" in done.stderr


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_no_room_for_what_is_printed(more: list[str]) -> None:
    command = [sys.executable, "-m", "filter_engine.cli.main", "configtest", *more]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "filter-engine: cannot write: No space left on device\n"
