"""What a misspelt argument says: its name, never its value."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, Ansible

Run = Callable[..., dict[str, Any]]
SECRET = "TheValueThatNobodyMaySee"
CALENDAR = {
    "step": "publish",
    "path": "/nowhere/$domain.$selector.key",
    "domains": ["example.net"],
    "today": "2026-11-21",
}
UPDATE = {"server": "127.0.0.1", "records": [], "state": "/nowhere/published.json"}


@pytest.mark.parametrize(
    ("module", "arguments", "words"),
    [
        (
            "dkim_calendar",
            {**CALENDAR, "given": [{"domain": "example.net", "selector": "mail", "key": SECRET}]},
            "given.key is none of domain, private, selector (entry 1)",
        ),
        (
            "dkim_calendar",
            {**CALENDAR, "given": [f"domain=example.net selector=mail key={SECRET}"]},
            "given is not a list of mappings",
        ),
        ("dkim_calendar", {**CALENDAR, "given": {"key": SECRET}}, "given is not a list of mapp"),
        ("dkim_calendar", {**CALENDAR, "givn": [{"private": SECRET}]}, "givn is none of "),
        ("dns_update", {**UPDATE, "key_name": "a", "key_secrett": SECRET}, "key_secrett is none"),
        ("dkim_key", {"path": "/nowhere/key", "privat": SECRET}, "privat is none of "),
    ],
)
def test_a_misspelt_argument_is_named_and_its_value_not_shown(
    run_module: Run, module: str, arguments: dict[str, Any], words: str
) -> None:
    told = run_module(module, **arguments)
    assert told["failed"]
    assert words in told["msg"]
    assert SECRET not in json.dumps(told)


def test_what_is_missing_beside_a_secret_is_told_without_it(run_module: Run) -> None:
    told = run_module(
        "dkim_calendar", **CALENDAR, given=[{"domain": "a.example", "private": SECRET}]
    )
    assert "missing required arguments: selector" in told["msg"]
    assert SECRET not in json.dumps(told)


def test_a_playbook_shows_nothing_of_it_however_much_it_says(
    ansible: Ansible, tmp_path: Path
) -> None:
    """The role by a name that has no argument specification, so that only the module looks."""
    (tmp_path / "secret.json").write_text(
        json.dumps({"dkim_keys_given": [{"domain": "a.example", "selector": "s", "key": SECRET}]})
    )
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [
                {
                    "ansible.builtin.include_role": {"name": "dkim_keys", "tasks_from": "calendar"},
                    "vars": {
                        "dkim_keys_path": f"{tmp_path}/$domain.$selector.key",
                        "dkim_keys_domains": ["a.example"],
                        "__dkim_keys_step": "publish",
                    },
                }
            ],
        }
    ]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    done = ansible.run(
        "ansible-playbook",
        *("-i", "localhost,", "-c", "local", "-vvv", "-e", f"@{tmp_path}/secret.json"),
        *("-e", f"ansible_python_interpreter={sys.executable}"),
        tmp_path / "play.yml",
        ANSIBLE_ROLES_PATH=str(ROOT / "roles"),
    )
    output = done.stdout + done.stderr
    assert "given.key is none of domain, private, selector" in output, output
    assert SECRET not in output
