"""Preflight looks at every role that site.yml runs, and refuses what a role would refuse."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[3]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
GOOD = "0123456789abcdefABCDEF+/"


def preflight(redis_password: str = GOOD) -> str:
    """Output of preflight for the reference site; no host is contacted."""
    variables = {
        "ansible_connection": "local",
        "vault_redis_password": redis_password,
        "vault_filter_engine_controller_password": GOOD,
        "vault_filter_engine_enable_password": GOOD,
        "vault_users": [{"name": "alice@example.net", "password": GOOD}],
    }
    done = subprocess.run(
        [
            *(PLAYBOOK, "-i", PROJECT / "inventories/three_hosts"),
            *(PROJECT / "playbooks/preflight.yml", "-e", json.dumps(variables)),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
        },
    )
    return done.stdout + done.stderr


def site_roles(*groups: str) -> set[str]:
    """The roles that site.yml runs on hosts of these groups."""
    plays = yaml.safe_load((PROJECT / "playbooks/site.yml").read_text())
    return {
        role["role"]
        for play in plays
        if play.get("hosts") in groups
        for role in play.get("roles", [])
    }


def test_the_roles_of_the_site_are_checked_on_their_hosts() -> None:
    checked = re.findall(r"^ok: \[(\w+)\] => \(item=(\w+)\)", preflight(), re.M)
    for host, groups in {
        "charlotte": ("site", "mas"),
        "dolores": ("site", "mx"),
        "maeve": ("site", "mx"),
    }.items():
        assert {role for name, role in checked if name == host} == site_roles(*groups)
    assert site_roles("site", "mas") == {
        path.name for path in (PROJECT / "roles").iterdir() if (path / "tasks").is_dir()
    }


@pytest.mark.parametrize(
    "password", ["0123456789abc", "0123456789 abcdefgh", '0123456789ab"cdefgh']
)
def test_a_password_that_redis_would_refuse_is_refused_before_anything_changes(
    password: str,
) -> None:
    output = preflight(password)
    assert "redis_password needs 16 or more characters" in output
    assert password not in output
    assert "PLAY [Check the hosts]" not in output
