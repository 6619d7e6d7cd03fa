"""Podman: the lab's network and its containers. Every call runs in the lab's network namespace."""

from __future__ import annotations

import json
import os
import resource
import secrets
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from lab.errors import LabError
from lab.internet import Link
from lab.namespace import Namespace
from lab.paths import LabPaths, make_command
from lab.plan import LabHost
from lab.programs import run

LABEL = "mailfleet.lab"
_CAPABILITIES = "SYS_ADMIN,NET_ADMIN,NET_RAW,SYS_PTRACE,AUDIT_WRITE,MKNOD,DAC_READ_SEARCH"
_POLL = 0.02  # seconds
_NAMES = "--format={{.Names}}"
_NOFILE = 1048576  # what Podman asks for as root; more than some machines allow


class Containers:
    """The containers of one lab, named lab-LAB-HOST."""

    def __init__(self, paths: LabPaths, namespace: Namespace) -> None:
        self._paths = paths
        self._namespace = namespace

    def container(self, host: str) -> str:
        return f"{self._namespace.name}-{host}"

    def podman(
        self, *arguments: str, check: bool = True, timeout: float = 120.0
    ) -> subprocess.CompletedProcess[bytes]:
        """Run podman in the lab's namespace with the lab's own network directory."""
        conf = self._paths.containers_conf
        return run(
            [
                *self._namespace.prefix(),
                "podman",
                f"--network-config-dir={self._paths.networks}",
                *arguments,
            ],
            env={"CONTAINERS_CONF": str(conf)} if conf.exists() else None,
            check=check,
            timeout=timeout,
        )

    def configure(self) -> None:
        """Write containers.conf if this machine needs one."""
        text = containers_conf()
        if text:
            self._paths.containers_conf.write_text(text)

    def create_network(self, link: Link) -> None:
        """Make the link all hosts share: no way out, no DNS of Podman's.

        Its name is new every time. Podman remembers by name which addresses are taken, and what
        it remembers of a network whose containers were torn out from under it is never forgotten.
        """
        self._paths.networks.mkdir(parents=True, exist_ok=True)
        ipv4, ipv6 = link.controller
        self.podman(
            "network",
            "create",
            "--internal",
            "--disable-dns",
            "--ipv6",
            f"--subnet={link.ipv4}",
            f"--gateway={ipv4}",
            f"--subnet={link.ipv6}",
            f"--gateway={ipv6}",
            f"{self._namespace.name}-{secrets.token_hex(4)}",
        )

    def _network(self) -> str:
        """The name of the lab's network: its file is the only one in the directory."""
        (file,) = self._paths.networks.glob("*.json")
        return file.stem

    def pin_bridge(self) -> None:
        """Have the bridge keep its hardware address.

        It would take the lowest one of its ports: with every host that comes or goes it may be
        another, and for half a minute the hosts would answer the controller at the old one.
        """
        ip = [*self._namespace.prefix(), "ip"]
        for bridge in json.loads(run([*ip, "-json", "link", "show", "type", "bridge"]).stdout):
            run([*ip, "link", "set", bridge["ifname"], "address", bridge["address"]])

    def remove_network(self) -> None:
        """Remove the network, and its bridge if Podman did not."""
        for file in self._paths.networks.glob("*.json"):
            self.podman("network", "rm", "--force", file.stem)
        ip = [*self._namespace.prefix(), "ip"]
        for bridge in json.loads(run([*ip, "-json", "link", "show", "type", "bridge"]).stdout):
            run([*ip, "link", "delete", bridge["ifname"]])

    def start_new(self, host: LabHost, image: str, seed: Path) -> None:
        """Create and boot a host."""
        network = f"{self._network()}:ip={host.ipv4},mac={host.mac}"
        if host.ipv6:
            network += f",ip={host.ipv6}"
        sysctl = ["net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0"]
        if host.forwards:
            sysctl += ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
        self.podman(
            "run",
            "--detach",
            f"--name={self.container(host.name)}",
            f"--hostname={host.name}",
            f"--label={LABEL}={self._paths.name}",
            "--systemd=always",
            f"--network={network}",
            "--no-hosts",
            f"--cap-add={_CAPABILITIES}",
            "--security-opt=seccomp=unconfined",
            "--security-opt=apparmor=unconfined",
            "--device=/dev/net/tun",
            *(f"--sysctl={setting}" for setting in sysctl),
            f"--volume={seed}:/lab:ro",
            image,
        )

    def states(self) -> dict[str, str]:
        """Host name to state (`running`, `exited`, ...) of every container of this lab."""
        listing = self.podman(
            "ps", "--all", f"--filter=label={LABEL}={self._paths.name}", "--format=json"
        )
        prefix = self.container("")
        return {
            container["Names"][0].removeprefix(prefix): str(container["State"])
            for container in json.loads(listing.stdout or b"[]")
        }

    def leftovers(self) -> list[str]:
        """Hosts that exist as containers, found without the lab's namespace and state."""
        listing = run(
            ["podman", "ps", "--all", f"--filter=label={LABEL}={self._paths.name}", _NAMES]
        )
        prefix = self.container("")
        return [name.removeprefix(prefix) for name in listing.stdout.decode().split()]

    def wait_idle(self, timeout: float = 60.0) -> None:
        """Wait until no podman is at work in the lab's namespace.

        Raises LabError after `timeout` seconds, naming the process.
        """
        deadline = time.monotonic() + timeout
        while busy := [
            f"{pid} ({' '.join(command)[:60]})"
            for pid, command in self._namespace.processes().items()
            if Path(command[0]).name in {"podman", "netavark"}
        ]:
            if time.monotonic() > deadline:
                raise LabError(f"podman is still at work after {timeout:g} s: {', '.join(busy)}")
            time.sleep(_POLL)

    def kill(self, host: str) -> None:
        """Crash the host: every process dies at once, its disk stays."""
        self.podman("kill", "--signal=KILL", self.container(host))
        self.podman("wait", "--condition=stopped", "--condition=exited", self.container(host))

    def freeze(self, host: str) -> None:
        """Stop every process of the host where it is; its kernel goes on.

        By signals: `podman pause` needs a cgroup freezer, which not every machine has.
        """
        for _ in range(10):  # again for what was born meanwhile
            if not self._signal(host, signal.SIGSTOP):
                break

    def thaw(self, host: str) -> None:
        """Let a frozen host go on."""
        self._signal(host, signal.SIGCONT)

    def _signal(self, host: str, number: signal.Signals) -> int:
        """Send a signal to the host's processes that are not stopped (or are, for SIGCONT)."""
        name = self.container(host)
        first = self.podman("inspect", "--format={{.State.Pid}}", name).stdout.decode().strip()
        if first in {"", "0"}:
            raise LabError(f"host {host} does not run")
        inside = os.readlink(f"/proc/{first}/ns/pid")
        count = 0
        for entry in Path("/proc").iterdir():
            try:
                if not entry.name.isdigit() or os.readlink(entry / "ns/pid") != inside:
                    continue
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state not in "ZX" and (state == "T") == (number == signal.SIGCONT):
                    os.kill(int(entry.name), number)
                    count += 1
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # ended meanwhile, or nobody's
        return count

    def start(self, host: str) -> None:
        """Boot a host again after kill or a power-off of its own."""
        self.podman("start", self.container(host))

    def journal(self, host: str) -> bytes:
        """What a host said since it booted, without SSH; empty when it does not run."""
        argv = ("exec", self.container(host), "journalctl", "--boot", "--no-pager")
        return self.podman(*argv, check=False).stdout

    def remove(self, hosts: Sequence[str]) -> None:
        """Remove hosts with their disks."""
        if hosts:
            self.podman("rm", "--force", "--time=0", *(self.container(host) for host in hosts))

    def port(self, host: str) -> str:
        """The name of the bridge's port that leads to the host, as seen in the lab's namespace.

        Raises LabError when the host does not run.
        """
        inspected = self.podman(
            "inspect", "--format={{.State.Pid}}", self.container(host), check=False
        )
        pid = inspected.stdout.decode().strip()
        if inspected.returncode != 0 or pid in {"", "0"}:
            raise LabError(
                f"host {host} does not run; {make_command('lab-up', self._paths.name)} starts it"
            )
        show = run(["nsenter", f"--target={pid}", "--net", "ip", "-json", "link", "show", "eth0"])
        index = json.loads(show.stdout)[0]["link_index"]
        links = run([*self._namespace.prefix(), "ip", "-json", "link", "show"])
        for link in json.loads(links.stdout):
            if link["ifindex"] == index:
                return str(link["ifname"])
        raise LabError(f"host {host} has no port on the lab's bridge")


def containers_conf() -> str | None:
    """What Podman must be told here; None on a machine with systemd and cgroup v2.

    Without systemd as PID 1 there is nobody to ask for a cgroup; with cgroup v1 crun and systemd
    do not get along; and Podman asks for more open files than some machines allow.
    """
    engine, containers = [], []
    unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    if not Path("/run/systemd/system").exists():
        engine.append('cgroup_manager = "cgroupfs"')
    if not unified:
        engine.append('runtime = "runc"')
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < _NOFILE:
        containers.append(f'default_ulimits = ["nofile={hard}:{hard}", "nproc=32768:32768"]')
    sections = []
    if containers:
        sections += ["[containers]", *containers]
    if engine:
        sections += ["[engine]", *engine]
    return "\n".join([*sections, ""]) if sections else None
