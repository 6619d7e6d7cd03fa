"""SSH to lab hosts: configuration files, readiness, commands."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Iterable, Mapping

from lab.errors import LabError
from lab.keys import KeyPair, write_private
from lab.namespace import Namespace
from lab.paths import LabPaths
from lab.plan import LabHost
from lab.programs import run

_POLL = 0.05  # seconds between two attempts to reach a host that boots


def ssh_config(paths: LabPaths, hosts: Iterable[LabHost]) -> str:
    """The text of ssh_config, for ssh, testinfra and Ansible alike."""
    blocks = [f"Host {host.name}\n  HostName {host.ipv4}\n" for host in hosts]
    return "".join(blocks) + (
        "Host *\n"
        "  User root\n"
        f"  IdentityFile {_quoted(paths.ssh_key)}\n"
        "  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {_quoted(paths.known_hosts)}\n"
        "  GlobalKnownHostsFile none\n"
        "  StrictHostKeyChecking yes\n"
        "  UpdateHostKeys no\n"
        "  PreferredAuthentications publickey\n"
        "  BatchMode yes\n"
        "  ControlMaster auto\n"
        "  ControlPersist 120\n"
        f"  ControlPath {paths.sockets}/%C\n"
        "  LogLevel ERROR\n"
    )


def known_hosts(hosts: Iterable[LabHost], keys: Mapping[str, KeyPair]) -> str:
    """Lines for known_hosts: each host by name and address with the key it is seeded with."""
    return "".join(f"{host.name},{host.ipv4} {keys[host.name].public.decode()}\n" for host in hosts)


def _quoted(path: object) -> str:
    return f'"{path}"'


class Ssh:
    """Commands on the hosts of one lab, over connections that stay open."""

    def __init__(self, paths: LabPaths, namespace: Namespace) -> None:
        self._paths = paths
        self._namespace = namespace

    def write_files(
        self, hosts: Iterable[LabHost], login: KeyPair, host_keys: Mapping[str, KeyPair]
    ) -> None:
        """Write the login key, known_hosts and ssh_config."""
        hosts = list(hosts)
        write_private(self._paths.ssh_key, login.private)
        self._paths.known_hosts.write_text(known_hosts(hosts, host_keys))
        self._paths.ssh_config.write_text(ssh_config(self._paths, hosts))

    def argv(self, host: str, *options: str) -> list[str]:
        """An ssh command line for a host, without the remote command."""
        return [
            *self._namespace.prefix(),
            "ssh",
            "-F",
            str(self._paths.ssh_config),
            *options,
            host,
        ]

    def run(
        self,
        host: str,
        command: Iterable[str],
        *,
        stdin: str | bytes | None = None,
        check: bool = True,
        timeout: float = 60.0,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command on a host; arguments arrive as they are given."""
        return run(
            [*self.argv(host), "--", shlex.join(command)],
            stdin=stdin,
            check=check,
            timeout=timeout,
        )

    def wait_ready(self, host: str, timeout: float = 120.0) -> None:
        """Wait until the host lets us in and has finished booting.

        Raises LabError after `timeout` seconds, or when a unit failed at boot.
        """
        deadline = time.monotonic() + timeout
        while True:
            attempt = run(
                [*self.argv(host, "-o", "ConnectTimeout=1"), "true"], check=False, timeout=15
            )
            if attempt.returncode == 0:
                break
            if time.monotonic() > deadline:
                words = attempt.stderr.decode(errors="replace").strip()
                raise LabError(f"host {host} not reached by SSH within {timeout:g} s: {words}")
            time.sleep(_POLL)
        state = self.run(
            host,
            ["systemctl", "is-system-running", "--wait"],
            check=False,
            timeout=max(1.0, deadline - time.monotonic()),
        )
        if state.stdout.strip() != b"running":
            failed = self.run(
                host, ["systemctl", "list-units", "--failed", "--plain", "--no-legend"]
            )
            raise LabError(
                f"host {host} booted as {state.stdout.decode().strip() or 'unknown'}:\n"
                f"{failed.stdout.decode().strip()}"
            )

    def forget(self, host: str) -> None:
        """Close the open connection to a host, if there is one."""
        run([*self.argv(host, "-O", "exit")], check=False, timeout=10)

    def close_all(self) -> None:
        """End every open connection of this lab, Ansible's too: each would keep the network
        namespace alive."""
        if not self._paths.sockets.is_dir():
            return
        for socket in self._paths.sockets.rglob("*"):
            if socket.is_socket():
                run(["ssh", "-O", "exit", "-S", str(socket), "lab"], check=False, timeout=10)
                socket.unlink(missing_ok=True)
