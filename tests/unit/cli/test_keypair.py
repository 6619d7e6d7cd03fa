"""The command keypair: pairs that fit, in the words of Rspamd."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from filter_engine.cli.main import group
from filter_engine.config.base32 import decode_base32, encode_base32
from filter_engine.fuzzy.box import keypair

RSPAMADM = shutil.which("rspamadm")


def say(*words: str) -> str:
    done = CliRunner().invoke(group, ["keypair", *words])
    assert done.exit_code == 0
    return done.output


def values(text: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+) = "(\w+)";', text))


def is_pair(pair: dict[str, str]) -> bool:
    made = keypair(decode_base32(pair["privkey"]))
    return (encode_base32(made.public), encode_base32(made.id)) == (pair["pubkey"], pair["id"])


def test_a_pair_fits_and_is_new() -> None:
    first, second = values(say()), json.loads(say("--json"))["keypair"]
    assert is_pair(first)
    assert is_pair(second)
    assert first["privkey"] != second["privkey"]


@pytest.mark.skipif(RSPAMADM is None, reason="no rspamadm")
def test_it_has_what_rspamds_pairs_have() -> None:
    said = subprocess.run([str(RSPAMADM), "keypair"], capture_output=True, text=True, check=True)
    theirs, ours = values(said.stdout), values(say("-u"))
    assert theirs.keys() == ours.keys()
    assert is_pair(theirs)
    same = ("type", "algorithm", "encoding")
    assert [theirs[name] for name in same] == [ours[name] for name in same]


def test_a_file_is_new_and_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "keypair.inc"
    printed = say("-o", str(file))
    pair = values(file.read_text())
    assert is_pair(pair)
    assert printed == f"{pair['pubkey']}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = CliRunner().invoke(group, ["keypair", "-o", str(file)])
    assert (again.exit_code, "File exists" in again.output) == (1, True)
    assert values(file.read_text()) == pair
