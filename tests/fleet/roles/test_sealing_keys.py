"""Sealing keys that could not be put on a host are forgotten all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[3]
SECRET = "-----BEGIN PRIVATE KEY-----\nAAAA"


def test_what_was_read_is_forgotten_when_the_other_host_refuses_it(tmp_path: Path) -> None:
    tasks = yaml.safe_load((PROJECT / "roles/dkim_keys/tasks/share.yml").read_text())
    (block,) = [task for task in tasks if "block" in task]  # what comes before makes an account
    key = tmp_path / "example.net.ar1.key"
    key.write_text(SECRET)
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {
            "ansible_python_interpreter": sys.executable,
            "__dkim_keys_sealing_paths": [str(key)],
            "__dkim_keys_host": "localhost",
            "dkim_keys_rsa_bits": 2048,
            "dkim_keys_account": "nobody-is-called-so",
        },
        "tasks": [
            {
                "block": [block],
                "rescue": [
                    {
                        "ansible.builtin.debug": {
                            "msg": "{{ ansible_failed_task.name }}: <{{ __dkim_keys_slurped }}>"
                        }
                    }
                ],
            }
        ],
    }
    book = tmp_path / "book.yml"
    book.write_text(json.dumps([play]))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", book],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / "collections"),
            "ANSIBLE_NOCOLOR": "1",
        },
    )
    assert "Put them on the host that seals: <>" in done.stdout, done.stdout + done.stderr
    assert "AAAA" not in done.stdout + done.stderr
