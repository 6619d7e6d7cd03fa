"""``filter-engine fuzzy``: add, check, del, against a real storage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from filter_engine.cli.main import group
from fuzzy_storage import Storage

_WORDS = " ".join(f"word{number}" for number in range(90))
_MAIL = f"From: a@client.example\nSubject: x\n\n{_WORDS}\n"


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    found = Storage(
        f'backend = sqlite; hash_file = "{tmp_path}/fuzzy.db"; allow_update = "127.0.0.1";'
    )
    yield found
    found.close()


def _site(folder: Path, port: int, more: str = "") -> Path:
    file = folder / "site.conf"
    file.write_text(
        'options { dns { nameserver = "127.0.0.1:9"; } }\n'
        f'fuzzy_check {{ rule "local" {{ servers = "127.0.0.1:{port}"; max_score = 10; {more} '
        "fuzzy_map { FUZZY_DENIED { flag = 1; } } } }\n"
    )
    return file


def _say(site: Path, *words: str) -> Result:
    return CliRunner().invoke(group, ["fuzzy", *words, "-c", str(site)])


def test_a_mail_is_taught_known_and_forgotten(tmp_path: Path, storage: Storage) -> None:
    site, mail, near = _site(tmp_path, storage.port), tmp_path / "mail", tmp_path / "near"
    mail.write_text(_MAIL)
    near.write_text(_MAIL.replace("word40 word41", "other thing"))
    assert _say(site, "check", str(mail)).exit_code == 1
    done = _say(site, "add", "-f", "1", "-w", "7", str(mail))
    assert (done.exit_code, "done, list 1" in done.output) == (0, True)
    said = _say(site, "check", "--json", str(mail), str(near))
    assert said.exit_code == 0
    exact, similar = json.loads(said.output)
    assert (exact["flag"], exact["weight"], exact["probability"]) == (1, 7, 1.0)
    assert exact["known_as"] == exact["digest"]
    assert similar["known_as"] == exact["digest"] != similar["digest"]
    assert 0.5 < similar["probability"] < 1.0
    assert _say(site, "del", "-f", "1", str(mail)).exit_code == 0
    gone = _say(site, "check", str(mail))
    assert (gone.exit_code, "not known" in gone.output) == (1, True)


def test_what_cannot_be_done_is_said(tmp_path: Path, storage: Storage) -> None:
    mail = tmp_path / "mail"
    mail.write_text(_MAIL)
    asks_only = _site(tmp_path, storage.port, "read_only = true;")
    refused = _say(asks_only, "add", "-f", "1", str(mail))
    assert refused.exit_code == 1
    assert "no rule of fuzzy_check has a storage that may be taught" in refused.output
    nobody = _site(tmp_path, 9, "timeout = 0.2s; retransmits = 0;")
    silent = _say(nobody, "check", str(mail))
    assert silent.exit_code == 1
    assert "known" not in silent.output
    missing = _say(asks_only, "check", str(tmp_path / "none"))
    assert (missing.exit_code, "none: cannot be read: No such file" in missing.output) == (1, True)
    unnamed = _say(asks_only, "check", "-R", "nope", str(mail))
    assert (unnamed.exit_code, unnamed.stderr) == (
        1,
        "filter-engine: no rule has the name 'nope'; known: local\n",
    )
    assert _say(asks_only, "add", str(mail)).exit_code == 2  # no flag


def test_files_that_cannot_be_compared_are_rows_and_the_others_are_done(
    tmp_path: Path, storage: Storage
) -> None:
    site, mail, short = _site(tmp_path, storage.port), tmp_path / "mail", tmp_path / "short"
    mail.write_text(_MAIL)
    short.write_text("Subject: x\n\nshort\n")
    missing = tmp_path / "none"
    done = _say(site, "add", "-f", "1", str(missing), str(short), str(mail))
    assert done.exit_code == 1
    first, second, third = done.output.splitlines()
    assert first == f"{missing}: cannot be read: No such file or directory"
    assert second == f"{short}: local: nothing in it is compared (shorter than min_bytes)"
    assert third.startswith(f"{mail}: local: part ")
    assert third.endswith(": done, list 1")
    assert _say(site, "add", "-f", "1", str(short), str(mail)).exit_code == 1
    both = _say(site, "check", "--json", str(short), str(mail))
    nothing, known = json.loads(both.output)
    assert (both.exit_code, nothing["found"], known["found"]) == (0, False, True)
    assert nothing["error"].startswith("nothing in it is compared")
    assert _say(site, "check", str(short)).exit_code == 1
    assert _say(site, "check", str(missing), str(mail)).exit_code == 1


@pytest.mark.parametrize("weight", ["99999999999", "2147483648", "0", "-3"])
def test_weights_that_no_request_holds_are_refused(tmp_path: Path, weight: str) -> None:
    mail = tmp_path / "mail"
    mail.write_text(_MAIL)
    done = _say(_site(tmp_path, 9), "add", "-f", "1", "-w", weight, str(mail))
    assert (done.exit_code, "not in the range 1<=x<=2147483647" in done.output) == (2, True)
