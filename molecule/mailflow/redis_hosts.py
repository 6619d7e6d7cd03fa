"""The Redis instances of the lab's hosts, asked by their administrator, and who is primary."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable

import yaml

from lab.errors import LabError
from lab.lab import Lab
from lab.paths import PROJECT

LEARNED = ("bayes", "fuzzy")
"""Classes of data that all hosts share."""
STATE = "rspamd"
"""What each host keeps for itself."""


def until(what: str, holds: Callable[[], bool], seconds: float = 30.0) -> float:
    """Wait for a condition; return how long that took. Raises LabError with what was waited for."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            raise LabError(f"{what}: not within {seconds:g} s")
        time.sleep(0.1)
    return time.monotonic() - began


def ask(lab: Lab, host: str, instance: str, *words: str) -> str:
    """What an instance says to its administrator, also if that is an error."""
    script = (
        "REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /etc/redis/auth.conf)"
        f" redis-cli -s /run/redis-{instance}/redis-server.sock {shlex.join(words)}"
    )
    done = lab.ssh.run(host, ["sh", "-c", script], check=False)
    return (done.stdout + done.stderr).decode().replace("\r", "").strip()


def ask_as_engine(lab: Lab, host: str, port: int, *words: str) -> str:
    """The same over TCP with the login that the filter's configuration has."""
    script = (
        "REDISCLI_AUTH=$(sed -n 's/^ *password = \"\\(.*\\)\";/\\1/p'"
        " /etc/filter_engine/local.d/redis.conf)"
        f" redis-cli --user engine -p {port} {shlex.join(words)}"
    )
    done = lab.ssh.run(host, ["sh", "-c", script], check=False)
    return (done.stdout + done.stderr).decode().replace("\r", "").strip()


def replication(lab: Lab, host: str, instance: str) -> dict[str, str]:
    """INFO replication; empty when the instance does not answer."""
    said = ask(lab, host, instance, "info", "replication").splitlines()
    return dict(line.split(":", 1) for line in said if ":" in line and not line.startswith("#"))


def follows(lab: Lab, host: str, instance: str) -> bool:
    """Whether it is a replica in touch with its primary."""
    said = replication(lab, host, instance)
    return said.get("role") == "slave" and said.get("master_link_status") == "up"


def primary(lab: Lab, asked: str, instance: str) -> str:
    """Name of the host that the Sentinel of `asked` takes for the primary; empty: not known."""
    address = _sentinel(lab, asked, "get-master-addr-by-name", instance).split("\n")[0].strip()
    return vpn_hosts(lab).get(address, "")


def sentinel(lab: Lab, asked: str, word: str, instance: str) -> dict[str, str]:
    """What a Sentinel says, as fields and values."""
    said = _sentinel(lab, asked, word, instance).split("\n")
    return dict(zip(said[::2], said[1::2], strict=False))


def _sentinel(lab: Lab, asked: str, *words: str) -> str:
    script = (
        "REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /etc/redis/sentinel.conf)"
        f" timeout 20 redis-cli -p 26379 sentinel {shlex.join(words)}"
    )
    return lab.ssh.run(asked, ["sh", "-c", script], check=False).stdout.decode()


def vpn_hosts(lab: Lab) -> dict[str, str]:
    """VPN address -> name of its host."""
    topology = yaml.safe_load((PROJECT / lab.record.site / "topology.yml").read_text())
    return {
        address: name for name, host in topology["hosts"].items() for address in host.get("vpn", ())
    }


def settled(lab: Lab, instance: str) -> bool:
    """Whether all Sentinels know one primary and every other host follows it."""
    names = [host.name for host in lab.site().hosts]
    known = {primary(lab, name, instance) for name in names}
    if len(known) != 1 or "" in known:
        return False
    return all(
        follows(lab, name, instance)
        if name not in known
        else replication(lab, name, instance).get("role") == "master"
        for name in names
    )


def promote(lab: Lab, host: str, instance: str, seconds: float = 60.0) -> None:
    """Have the Sentinels make a host the primary again, and wait until all follow it."""
    until(f"{instance} is settled", lambda: settled(lab, instance), seconds)
    others = [one.name for one in lab.site().hosts if one.name != host]
    if primary(lab, host, instance) == host:
        return
    for other in others:
        ask(lab, other, instance, "config", "set", "replica-priority", "0")
    try:
        # Sentinels look at priorities every 10 seconds (INFO).
        def moved() -> bool:
            if primary(lab, host, instance) == host:
                return True
            _sentinel(lab, host, "failover", instance)
            time.sleep(1.0)
            return primary(lab, host, instance) == host

        until(f"{host} is primary of {instance}", moved, seconds)
    finally:
        for other in others:
            ask(lab, other, instance, "config", "set", "replica-priority", "100")
    until(f"{instance} is settled", lambda: settled(lab, instance), seconds)
