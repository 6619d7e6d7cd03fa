"""Renders what role filter_engine writes, from its variables and templates, without a host."""

from __future__ import annotations

import getpass
import grp
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
ROLES = PROJECT / "roles"
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
PASSWORD = "0123456789abcdefABCDEF+/"
ENABLE_PASSWORD = "abcdefABCDEF+/0123456789"
VAULT = {
    "vault_redis_password": PASSWORD,
    "vault_filter_engine_controller_password": PASSWORD,
    "vault_filter_engine_enable_password": ENABLE_PASSWORD,
    "vault_users": [{"name": "alice@example.net", "password": PASSWORD}],
}

KEY = {"selector": "mail", "path": "/var/lib/filter_engine/dkim/example.net.mail.key"}
SIGNING = [{"domain": "example.net", "selectors": [KEY]}]
"""What role dkim_keys says of a site whose key is active."""


def ansible(
    arguments: list[str | Path], variables: dict[str, object], roles: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ansible-playbook with the project's configuration, the vault's and these variables."""
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
    }
    if roles is not None:
        environment["ANSIBLE_ROLES_PATH"] = str(roles)
    return subprocess.run(
        [PLAYBOOK, *arguments, "-e", json.dumps({**VAULT, **variables})],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def render(
    directory: Path,
    *,
    site: str = "three_hosts",
    hosts: str = "site",
    tasks: list[dict[str, Any]] | None = None,
    **variables: object,
) -> Path:
    """Write ``DIRECTORY/trees/HOST/{local.d,override.d}`` of every host; return ``trees``.

    ``tasks`` run after that, with the variables of role filter_engine in sight.
    """
    # The roles without their tasks: variables with the precedence they have in a real run.
    trees, stub = directory / "trees", directory / "roles"
    trees.mkdir(parents=True)
    (stub / "filter_engine/tasks").mkdir(parents=True)
    for part in ("defaults", "vars", "templates"):
        (stub / "filter_engine" / part).symlink_to(ROLES / "filter_engine" / part)
    group = grp.getgrgid(os.getgid()).gr_name
    task = {
        "name": "Write the tree",
        "mailfleet.filter.config_tree": {
            "name": "filter_engine_{{ inventory_hostname }}",
            "dest": f"{trees}/{{{{ inventory_hostname }}}}",
            "files": "{{ __filter_engine_files }}",
            "owner": getpass.getuser(),
            "group": group,
            "mode": "0600",
            "directory_mode": "0700",
            "secrets": "{{ __filter_engine_secrets + filter_engine_secret_files }}",
            "state_directory": f"{directory}/state/{{{{ inventory_hostname }}}}",
        },
    }
    (stub / "filter_engine/tasks/main.yml").write_text(yaml.safe_dump([task]))
    (stub / "filter_engine/tasks/check.yml").symlink_to(ROLES / "filter_engine/tasks/check.yml")
    play: dict[str, Any] = {
        "hosts": hosts,
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable, "dkim_keys_signing": SIGNING},
        "tasks": [
            {"ansible.builtin.import_role": {"name": "filter_engine", "tasks_from": "check"}},
            {"ansible.builtin.import_role": {"name": "filter_engine"}},
            *(tasks or []),
        ],
    }
    playbook = directory / "play.yml"
    playbook.write_text(yaml.safe_dump([play], sort_keys=False))
    done = ansible(["-i", PROJECT / "inventories" / site, "--diff", playbook], variables, stub)
    (directory / "output").write_text(done.stdout + done.stderr)
    if done.returncode:
        raise RenderError(done.stdout + done.stderr)
    return trees


class RenderError(Exception):
    """Ansible refused; the text is its output."""
