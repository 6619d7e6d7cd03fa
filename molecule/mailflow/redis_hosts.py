"""The Redis instances of the lab's hosts, asked by their administrator, and who is primary."""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Callable

import yaml

from lab.errors import LabError
from lab.lab import Lab
from lab.paths import PROJECT
from mailflow import everywhere

_log = logging.getLogger(__name__)
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
    took = time.monotonic() - began
    _log.info("%s: after %.1f s", what, took)
    return took


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


def settled(lab: Lab, *instances: str) -> bool:
    """Whether all Sentinels know one primary of each instance and every other host follows it."""
    script = "; ".join(
        f"echo =; REDISCLI_AUTH=$sentinel timeout 5 redis-cli -p 26379 sentinel"
        f" get-master-addr-by-name {one}; echo =; REDISCLI_AUTH=$instance timeout 5 redis-cli"
        f" -s /run/redis-{one}/redis-server.sock info replication"
        for one in instances
    )
    passwords = "".join(
        f"{name}=$(sed -n 's/^requirepass //p' /etc/redis/{file}.conf);"
        for name, file in (("sentinel", "sentinel"), ("instance", "auth"))
    )
    said = everywhere.shell(lab, passwords + script, check=False)
    parts = {name: text.replace("\r", "").split("=\n")[1:] for name, text in said.items()}
    known = vpn_hosts(lab)
    for at in range(0, 2 * len(instances), 2):
        primaries = {known.get(part[at].split("\n")[0]) for part in parts.values()}
        if len(primaries) != 1 or None in primaries:
            return False
        for name, part in parts.items():
            role = "role:master" if name in primaries else "master_link_status:up"
            if role not in part[at + 1].split("\n"):
                return False
    return True


def prefer(lab: Lab, host: str, *, others: int = 100) -> None:
    """Have the Sentinels promote this host if they have to promote one; they look every 10 s.

    "" is nobody, as in the beginning. `others` is the priority of the others; 0: not even if
    there is nobody else.
    """
    for name in everywhere.host_names(lab):
        for instance in LEARNED:
            priority = "10" if name == host else str(others)
            ask(lab, name, instance, "config", "set", "replica-priority", priority)


def promote(lab: Lab, host: str, seconds: float = 60.0) -> None:
    """Have the Sentinels make a host the primary again, and wait until all follow it."""
    until("all is settled", lambda: settled(lab, *LEARNED), seconds)
    if all(primary(lab, host, one) == host for one in LEARNED):
        return

    def moved() -> bool:
        for instance in LEARNED:
            if primary(lab, host, instance) != host:
                _sentinel(lab, host, "failover", instance)
        time.sleep(1.0)
        return all(primary(lab, host, one) == host for one in LEARNED)

    prefer(lab, host, others=0)
    try:
        until(f"{host} is primary", moved, seconds)
    finally:
        prefer(lab, host)
    until("all is settled", lambda: settled(lab, *LEARNED), seconds)
