"""What role redis saves and restores, with real servers; its playbooks' checks by Ansible."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import rendered_tree
from redis_server import PROGRAM, RedisServer
from redis_tls import certificates

ROLE = rendered_tree.ROLES / "redis"
PASSWORD = "of-the-administrator"

needs_redis = pytest.mark.skipif(
    PROGRAM is None or shutil.which("redis-check-rdb") is None, reason="no redis-server"
)


class Instance:
    """A running instance, and the program with this machine's places."""

    def __init__(self, folder: Path, *, masterauth: str = "of-replicas", tls: bool = False) -> None:
        certified = certificates(folder / "tls") if tls else None
        self.server = RedisServer(
            folder / "server",
            ["masteruser replication", f"masterauth {masterauth}"],
            password=PASSWORD,
            tls=certified,
        )
        self.folder = folder
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        (folder / "auth.conf").write_text(
            f"requirepass {PASSWORD}\nmasteruser replication\nmasterauth of-replicas\n"
        )
        (folder / "redis-bayes.conf").write_text("tls-port 6382\n" if tls else "port 6382\n")
        kinds = {"cert": "tls", "key": "tls", "ca-cert": "tls-ca"}
        lines = [f"tls-{kind}-file {certified}/{name}.pem" for kind, name in kinds.items()]
        (folder / "tls.conf").write_text("\n".join([*lines, "tls-auth-clients no"]) + "\n")
        text = (ROLE / "files/redis-backup").read_text()
        for there, here in (
            ("/run/$flavour-$name/$flavour-server.sock", str(self.server.path)),
            ("/var/lib/$flavour/$name/", f"{self.server.folder}/"),
            ("/etc/$flavour/", f"{folder}/"),
            ("runuser -u $flavour -- ", ""),
            ("chown -R $flavour:$flavour", ": "),
            ("mktemp -d", f"mktemp -d -p {self.scratch}"),
        ):
            assert there in text
            text = text.replace(there, here)
        self.program = folder / "redis-backup"
        self.program.write_text(text)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", self.program, *words],
            preexec_fn=_heed_signals,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        said, _ = process.communicate(timeout=300)
        return process.returncode, said.strip()


def _heed_signals() -> None:
    """What these tests were started under (nohup, a job of a shell) may ignore them, for all."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Callable[..., Instance]]:
    started: list[Instance] = []

    def start(**options: Any) -> Instance:
        started.append(Instance(tmp_path, **options))
        started[-1].server.start()
        return started[-1]

    yield start
    for one in started:
        one.server.stop()


@needs_redis
@pytest.mark.parametrize("tls", [False, True])
def test_what_was_saved_comes_back(instance: Callable[..., Instance], tls: bool) -> None:
    one = instance(tls=tls)
    copy = str(one.folder / "copy.rdb")
    one.server.say("SET", "RS_a", "1")
    assert one.run("save", "bayes", copy) == (0, f"bayes: 1 keys in {copy}")
    one.server.say("SET", "RS_b", "1")
    code, said = one.run("restore", "bayes", copy, "no")
    assert (code, "nothing was restored" in said) == (1, True)
    code, said = one.run("restore", "bayes", copy, "yes")
    assert (code, said[:13]) == (0, "bayes: 1 keys")
    assert one.server.say("EXISTS", "RS_a", "RS_b") == b":1\r\n"
    assert one.run("role", "bayes") == (0, "primary")
    assert list(one.scratch.iterdir()) == []


@needs_redis
@pytest.mark.parametrize("other", ["BGREWRITEAOF", "BGSAVE"])
def test_a_save_waits_for_what_is_written_already(
    instance: Callable[..., Instance], other: str
) -> None:
    """Redis refuses a save while it rewrites the append-only file."""
    one = instance()
    for number in range(100):
        one.server.say("SET", f"RS_{number}", "1")
    one.server.say("CONFIG", "SET", "rdb-key-save-delay", "20000")
    assert one.server.say(other)[:1] == b"+"
    one.server.say("CONFIG", "SET", "rdb-key-save-delay", "0")
    copy = str(one.folder / "copy.rdb")
    assert one.run("save", "bayes", copy) == (0, f"bayes: 100 keys in {copy}")


@needs_redis
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_restore_that_is_cut_off_leaves_a_primary(
    instance: Callable[..., Instance], number: signal.Signals
) -> None:
    one = instance(masterauth="refused")  # what is restored never comes over
    copy = str(one.folder / "copy.rdb")
    one.server.say("SET", "RS_a", "1")
    assert one.run("save", "bayes", copy)[0] == 0
    process = one.start("restore", "bayes", copy, "yes")
    one.server.until(b"role:slave", "INFO", "replication")
    process.send_signal(number)
    process.communicate(timeout=300)
    assert process.returncode != 0
    assert one.run("role", "bayes") == (0, "primary")
    assert one.server.say("SET", "RS_b", "1") == b"+OK\r\n"
    assert list(one.scratch.iterdir()) == []


@needs_redis
def test_a_follower_of_nobody_is_named(instance: Callable[..., Instance]) -> None:
    one = instance()
    copy = str(one.folder / "copy.rdb")
    assert one.run("save", "bayes", copy)[0] == 0
    one.server.say("REPLICAOF", "127.0.0.1", "9")
    assert one.run("role", "bayes") == (0, "replica of 127.0.0.1 9")
    code, said = one.run("restore", "bayes", copy, "yes")
    assert (code, "replicaof no one" in said) == (1, True)


CASES = {
    # Roles of bayes (replicated) and rspamd (each host's own) on two hosts -> hosts that fail.
    "well": ((("primary", "primary"), ("replica of 10.0.0.1 6382", "primary")), 0),
    "nobody": ((("replica of 127.0.0.1 9", "primary"), ("replica of 10.0.0.1 6382", "primary")), 2),
    "two": ((("primary", "primary"), ("primary", "primary")), 2),
    "own": (
        (("primary", "primary"), ("replica of 10.0.0.1 6382", "replica of 127.0.0.1 9")),
        1,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_playbooks_fail_where_nothing_could_be_done(tmp_path: Path, case: str) -> None:
    roles, failing = CASES[case]
    instances = [{"name": "bayes", "replicate": True}, {"name": "rspamd"}]
    hosts: dict[str, dict[str, object]] = {}
    for number, said in enumerate(roles):
        results = [{"item": i, "stdout": s} for i, s in zip(instances, said, strict=True)]
        hosts[f"host{number}"] = {
            "redis_found_roles": {"results": results},
            "redis_instances": instances,
            "redis_restore_instance": "bayes",
        }
    checks = []
    for name, word in (("backup", "one primary"), ("restore", "one primary")):
        tasks = yaml.safe_load((ROLE / f"tasks/{name}.yml").read_text())
        (check,) = (t for t in tasks if word in t["name"] and "ansible.builtin.assert" in t)
        check |= {"ignore_errors": True, "register": name}
        checks.append(check)
    tell = {"ansible.builtin.copy": {"dest": f"{tmp_path}/{{{{ inventory_hostname }}}}"}}
    tell["ansible.builtin.copy"]["content"] = (
        "{{ [backup is failed, restore is failed] | to_json }}"
    )
    play = {
        "hosts": "all",
        "gather_facts": False,
        "connection": "local",
        "vars_files": [str(rendered_tree.PROJECT / "playbooks/vars/redis_roles.yml")],
        "tasks": [*checks, tell],
    }
    inventory, playbook = tmp_path / "hosts.yml", tmp_path / "play.yml"
    inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    playbook.write_text(yaml.safe_dump([play]))
    done = rendered_tree.ansible(
        ["-i", inventory, playbook], {"ansible_python_interpreter": sys.executable}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    failed = [json.loads((tmp_path / host).read_text()) for host in hosts]
    assert sum(backup for backup, _ in failed) == failing, done.stdout
    assert all(restore is (case in ("nobody", "two")) for _, restore in failed)
    assert ("replica of 127.0.0.1 9" in done.stdout) is (case in ("nobody", "own"))
