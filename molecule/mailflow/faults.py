"""Breaking things for real, and mending them; each is a context that leaves the site whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from lab.lab import Lab
from mailflow import everywhere, redis_hosts
from mailflow.redis_hosts import until
from mailflow.trial import Site

_VPN_PORT = 51820


def kill_unit(lab: Lab, host: str, unit: str) -> None:
    """kill -9 for every process of a unit; systemd starts it again."""
    lab.ssh.run(host, ["systemctl", "kill", "--kill-whom=all", "--signal=KILL", unit])


def answers(lab: Lab, host: str, port: int = 11333) -> bool:
    """Whether a worker of the engine answers on its host's loopback."""
    probe = f"curl -s -m 2 http://127.0.0.1:{port}/ping"
    return b"pong" in lab.ssh.run(host, ["sh", "-c", probe], check=False).stdout


@contextmanager
def host_killed(lab: Lab, host: str) -> Iterator[None]:
    """A host that crashed, until the end; it boots again with its disk."""
    lab.kill(host)
    try:
        yield
    finally:
        lab.start(host)


@contextmanager
def host_frozen(lab: Lab, host: str) -> Iterator[None]:
    """A host whose every process stands still; its kernel still takes connections."""
    lab.freeze(host)
    try:
        yield
    finally:
        lab.thaw(host)


@contextmanager
def tunnel_cut(lab: Lab, host: str, others: list[str]) -> Iterator[None]:
    """No packet of the VPN between a host and these others, in either direction."""
    addresses = [lab.host(other).ipv4 for other in others]
    addresses += [address for other in others if (address := lab.host(other).ipv6)]
    table = "inet mailfleet_fault"
    chain = "add chain {0} {1} {{ type filter hook {1} priority 0; }}"
    nft = [f"add table {table}", *(chain.format(table, hook) for hook in ("input", "output"))]
    for address in addresses:
        family = "ip6" if ":" in address else "ip"
        nft.append(f"add rule {table} input {family} saddr {address} udp dport {_VPN_PORT} drop")
        nft.append(f"add rule {table} output {family} daddr {address} udp dport {_VPN_PORT} drop")
    lab.ssh.run(host, ["nft", "-f", "-"], stdin="\n".join(nft) + "\n")
    try:
        yield
    finally:
        lab.ssh.run(host, ["nft", "delete", "table", "inet", "mailfleet_fault"])


@contextmanager
def vpn_stopped(lab: Lab, host: str) -> Iterator[None]:
    """A host whose tunnel was taken down as its operator does it."""
    lab.ssh.run(host, ["systemctl", "stop", "wg-quick@wg0"])
    try:
        yield
    finally:
        lab.ssh.run(host, ["systemctl", "start", "wg-quick@wg0"])


@contextmanager
def disk_full(lab: Lab, host: str, instance: str) -> Iterator[None]:
    """An instance's directory on a disk of its own that has no byte left."""
    place, unit = f"/var/lib/redis/{instance}", f"redis-server@{instance}.service"
    copy = f"/var/tmp/{instance}.copy"  # noqa: S108 - of a lab's host
    options = "mode=0750,uid=$(id -u redis),gid=$(id -g redis)"
    script = (
        f"set -e; systemctl stop {unit}; rm -rf {copy}; cp -a {place} {copy};"
        f" mount -t tmpfs -o size=$(($(du -sm {copy} | cut -f1) + 8))m,{options} tmpfs {place};"
        f" cp -a {copy}/. {place}/; systemctl start mailfleet-redis.target"
    )
    try:
        lab.ssh.run(host, ["sh", "-c", script])
        lab.ssh.run(host, ["sh", "-c", f"cat /dev/zero > {place}/filler || true"])
        yield
    finally:
        # Room first: with nothing but a full disk Redis does not end when it is told to.
        script = (
            f"set -e; rm -f {place}/filler; systemctl stop {unit}; if mountpoint -q {place}; then"
            f" rm -rf {copy}; cp -a {place} {copy}; umount {place}; cp -a {copy}/. {place}/; fi;"
            f" rm -rf {copy}; systemctl start mailfleet-redis.target"
        )
        lab.ssh.run(host, ["sh", "-c", script])


@contextmanager
def redis_gone(site: Site) -> Iterator[None]:
    """No Redis on any host."""
    try:
        everywhere.shell(site.lab, "systemctl stop 'redis-server@*'")
        yield
    finally:
        # At once: a replica that starts waits for its primary.
        everywhere.shell(site.lab, "systemctl start mailfleet-redis.target")


def whole(site: Site, seconds: float = 90.0) -> None:
    """Wait until every part of the site is well again, with its primary where it began.

    Raises LabError.
    """
    lab = site.lab
    for host in everywhere.host_names(lab):
        until(f"scanner of {host}", partial(answers, lab, host), seconds)
    redis_hosts.promote(lab, site.access_server, seconds)
    redis_hosts.prefer(lab, "")
