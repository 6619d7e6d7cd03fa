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
    assert (missing.exit_code, "cannot read" in missing.output) == (1, True)
    assert _say(asks_only, "add", str(mail)).exit_code == 2  # no flag
