"""Check mode tells the truth, and the site's own probes find it well."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from lab.paths import PROJECT
from mailflow.trial import Site

RECAP = re.compile(r"^(\S+)\s*: ok=\d+\s+changed=(\d+)", re.M)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def play(site: Site, playbook: str, *arguments: str) -> dict[str, int]:
    """Run a playbook; changed tasks by host."""
    lab = site.lab
    command = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        *("-i", lab.record.site, "-i", str(lab.paths.inventory)),
        str(PROJECT / "playbooks" / playbook),
        *arguments,
    ]
    done = subprocess.run(
        command,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        },
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    recap = COLOUR.sub("", done.stdout).partition("PLAY RECAP")[2]
    return {host: int(changed) for host, changed in RECAP.findall(recap)}


def test_check_mode_finds_nothing_to_change_on_a_converged_site(site: Site) -> None:
    counts = play(site, "site.yml", "--check", "--diff")
    assert counts == {host.name: 0 for host in site.lab.site().hosts}


def test_check_mode_announces_a_change_and_makes_none(site: Site) -> None:
    host = site.exchangers[0]
    path = "/etc/filter_engine/local.d/actions.conf"
    before = site.lab.ssh.run(host, ["sha256sum", path]).stdout
    changed = json.dumps({"filter_engine_actions": {"greylist": 4, "add_header": 5, "reject": 14}})
    counts = play(site, "site.yml", "--check", "--diff", "--tags", "filter_engine", "-e", changed)
    assert counts[host] >= 1
    assert site.lab.ssh.run(host, ["sha256sum", path]).stdout == before


def test_the_site_s_own_probes_pass_and_change_nothing(site: Site) -> None:
    counts = play(site, "verify.yml")
    assert set(counts) >= {host.name for host in site.lab.site().hosts}
    assert set(counts.values()) == {0}
