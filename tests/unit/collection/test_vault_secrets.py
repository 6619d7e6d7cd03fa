"""Passwords that the fleet makes: encrypted, made once, never shown."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml
from ansible_collections.mailfleet.filter.plugins.plugin_utils.made_secrets import (
    MadeSecretsError,
    make,
    read,
    write,
)

from .conftest import ROOT, Ansible

NAMES = (
    "vault_redis_password",
    "vault_filter_engine_controller_password",
    "vault_filter_engine_enable_password",
    "vault_webui_proxy_password",
)


def test_what_is_there_stays_and_what_is_missing_is_made() -> None:
    made = make({"one": "kept", "empty": ""}, ["one", "two", "empty"], [], 32)
    assert made["one"] == "kept"
    assert len(made["two"]) == len(made["empty"]) == 32
    assert made["two"] != made["empty"]
    assert make(made, ["one", "two"], [], 32) == made
    assert read(write(made)) == made


def test_only_what_was_made_here_is_renewed() -> None:
    made = make({"one": "old"}, [], ["one"], 20)
    assert made["one"] != "old"
    with pytest.raises(MadeSecretsError, match="two cannot be renewed here"):
        make(made, ["one"], ["two"], 20)


@pytest.mark.parametrize("text", [b"- one\n", b"1: x\n", b"a: 'never ends\n"])
def test_a_file_that_makes_no_sense_is_refused_without_its_words(text: bytes) -> None:
    with pytest.raises(MadeSecretsError) as caught:
        read(text)
    assert "never ends" not in str(caught.value)


@pytest.fixture
def play(ansible: Ansible, tmp_path: Path) -> object:
    key = tmp_path / "key"
    key.write_text("correct horse battery staple")

    def run(*arguments: str, vault: bool = True) -> CompletedProcess[str]:
        return ansible.run(
            "ansible-playbook",
            *("-i", ROOT / "inventories/three_hosts", ROOT / "playbooks/vault.yml"),
            *(("--vault-password-file", key) if vault else ()),
            *("-e", json.dumps({"vault_file": str(tmp_path / "all/made.yml")})),
            *arguments,
        )

    return run


def test_the_playbook(play, ansible: Ansible, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file, key = tmp_path / "all/made.yml", tmp_path / "key"

    def held() -> dict[str, str]:
        shown = ansible.run("ansible-vault", "view", "--vault-password-file", key, file)
        found: dict[str, str] = yaml.safe_load(shown.stdout)
        return found

    checked = play("--check", "--diff")
    assert "changed=1" in checked.stdout
    assert "+vault_redis_password: hidden" in checked.stdout
    assert not file.exists()

    done = play("--diff", "-v")
    assert "changed=1" in done.stdout, done.stdout + done.stderr
    first = held()
    assert first.keys() == set(NAMES)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith("$ANSIBLE_VAULT;1.1;AES256\n")
    assert not [p for p in first.values() if p in done.stdout + done.stderr or len(p) != 32]
    encrypted = file.read_bytes()

    # What the site has of its own is not made, and what was made stays byte by byte.
    again = play("--diff", "-e", "vault_redis_password=of-the-site").stdout
    assert "ok=1    changed=0    unreachable=0    failed=0" in again
    assert file.read_bytes() == encrypted

    renewed = play("--diff", "-e", json.dumps({"vault_renew": [NAMES[2]]}))
    assert f"+{NAMES[2]}: hidden, another one" in renewed.stdout
    now = held()
    assert {name for name in NAMES if now[name] != first[name]} == {NAMES[2]}
    assert now[NAMES[2]] not in renewed.stdout

    file.write_text("vault_redis_password: in-clear\n")
    refused = play()
    assert "is not encrypted" in refused.stdout + refused.stderr
    assert "in-clear" not in refused.stdout + refused.stderr
    assert file.read_text() == "vault_redis_password: in-clear\n"


def test_without_the_vaults_password_nothing_is_written(play, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = play(vault=False)
    assert "no vault password: give --vault-password-file" in done.stdout + done.stderr
    assert not (tmp_path / "all").exists()
