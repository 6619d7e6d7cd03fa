"""One lab: made, taken down, broken and mended. The command line and the tests call this."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from lab import keys
from lab.containers import Containers
from lab.dnssec import DnsKeys, zone_key
from lab.errors import LabError
from lab.image import ensure_image
from lab.internet import Internet, load_internet
from lab.internet_services import UNITS, service_files
from lab.inventory import write_inventory
from lab.keys import KeyPair
from lab.lock import locked
from lab.machine import LIMIT, raise_limit, restore_limit
from lab.namespace import Namespace
from lab.owner import claim, owner, refuse_strangers, release
from lab.paths import DEFAULT_NAME, DEFAULT_SITE, PROJECT, LabPaths, make_command
from lab.plan import LabHost, plan_hosts
from lab.programs import require, run
from lab.progress import Say, Steps, silent
from lab.record import Record, read_record
from lab.seed import Seed, identity_files, write_seed
from lab.site import Site, load_site
from lab.ssh import Ssh
from lab.zones import render_zones

Item = TypeVar("Item")


class Lab:
    """The lab called `name`. All methods raise LabError with a cause and a likely fix."""

    def __init__(
        self, name: str = DEFAULT_NAME, say: Say = silent, project: Path = PROJECT
    ) -> None:
        self.paths = LabPaths(name, project)
        self.namespace = Namespace(name)
        self.containers = Containers(self.paths, self.namespace)
        self.ssh = Ssh(self.paths, self.namespace)
        self.internet: Internet = load_internet()
        self._say = say

    # -- what is there -----------------------------------------------------------------------

    @property
    def record(self) -> Record:
        """Site, image and hosts. Raises LabError when the lab is not up."""
        record = read_record(self.paths.description)
        if record is None:
            refuse_strangers(self.paths)
            name = self.paths.name
            raise LabError(f"lab {name} is not up; {make_command('lab-up', name)} boots it")
        return record

    def host(self, name: str) -> LabHost:
        """A host by name."""
        hosts = {host.name: host for host in self.record.hosts}
        if name not in hosts:
            raise LabError(f"no host {name!r} in lab {self.paths.name}: {', '.join(hosts)}")
        return hosts[name]

    def site(self) -> Site:
        """The site that was booted."""
        return load_site(Path(self.record.site))

    def states(self) -> dict[str, str]:
        """State of every host; empty when the lab is down."""
        return self.containers.states() if self.namespace.exists() else {}

    # -- up and down -------------------------------------------------------------------------

    def up(self, site_directory: Path = DEFAULT_SITE) -> bool:
        """Boot the Internet and all hosts of a site; return whether anything had to be done.

        A lab that is up already stays as it is; what an interrupted `up` left is removed first.
        """
        site_directory = site_directory.resolve()
        require()
        with locked(self.paths.lock):
            refuse_strangers(self.paths)
            before = read_record(self.paths.description)
            if before is not None and self._stands(before, site_directory):
                self._say(f"lab {self.paths.name} is up already")
                return False
            steps = Steps(5, self._say)
            steps.next(f"planning {site_directory.name}")
            site = load_site(site_directory)
            hosts = plan_hosts(site, self.internet)
            self._remove()
            steps.next("making sure of the image (built once, then reused)")
            image, _built = ensure_image()
            record = Record(str(site_directory), image, hosts, complete=False)
            steps.next("making the network namespace, keys, zones and inventory")
            self._prepare(site, record)
            steps.next(f"booting {', '.join(host.name for host in hosts)}")
            self._boot(record)
            steps.next("waiting until every host is ready")
            _side_by_side(self._wait_ready, [host.name for host in hosts])
            Record(record.site, record.image, record.hosts, complete=True).write(
                self.paths.description
            )
            steps.done(f"lab {self.paths.name} is up")
            return True

    def _stands(self, record: Record, site_directory: Path) -> bool:
        """Whether the recorded lab can be kept; raises LabError if it is another site's."""
        if not record.complete:
            return False
        if Path(record.site) != site_directory:
            raise LabError(
                f"lab {self.paths.name} is up for {record.site}; take it down first "
                f"({make_command('lab-down', self.paths.name)}) or use another name (LAB=othername)"
            )
        states = self.states()
        if any(host.name not in states for host in record.hosts):
            return False
        for host in record.hosts:
            if states[host.name] != "running":
                self._start(host.name)
        return True

    def _prepare(self, site: Site, record: Record) -> None:
        paths = self.paths
        claim(paths)
        paths.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        record.write(paths.description)
        if not raise_limit():
            self._say(f"{LIMIT} is low and read-only: with a dozen hosts, boots will hang")
        self.namespace.create()
        self.containers.configure()
        login = keys.ssh_key_pair()
        host_keys = {host.name: keys.ssh_key_pair() for host in record.hosts}
        self.ssh.write_files(record.hosts, login, host_keys)
        dns = DnsKeys(zone_key(), keys.tsig_secret())
        write_inventory(paths, site, record.hosts, self.internet, dns)
        for host in record.hosts:
            self._write_seed(host, site, login, host_keys[host.name], dns)

    def _write_seed(
        self, host: LabHost, site: Site, login: KeyPair, host_key: KeyPair, dns: DnsKeys
    ) -> None:
        authorized = login.public.decode() + "\n"
        files = identity_files(host, self.internet, authorized, host_key.private)
        enable: Sequence[str] = ()
        if host.name == self.internet.name:
            zones = render_zones(self.internet, site, self._make_dkim_keys(), dns.zone.public)
            certificate = keys.self_signed_certificate(self.internet.receiver.fqdn)
            files += service_files(self.internet, zones, certificate, dns)
            enable = UNITS
        write_seed(self.paths.seeds / host.name, Seed(files, host.network_batch, enable))

    def _make_dkim_keys(self) -> dict[tuple[str, str], bytes]:
        """A key for every selector of a mail domain; returns the values of their records."""
        public = {}
        for domain, facts in self.internet.domains.items():
            for selector, kind in facts.dkim.items():
                pair = keys.dkim_key_pair(kind)
                keys.write_private(self.paths.dkim_key(domain, selector), pair.private)
                public[domain, selector] = pair.public
        return public

    def _boot(self, record: Record) -> None:
        self.containers.create_network(self.internet.link)

        def start(host: LabHost) -> None:
            self.containers.start_new(host, record.image, self.paths.seeds / host.name)

        # The first makes the bridge; the others only join it.
        start(record.hosts[0])
        self.containers.pin_bridge()
        _side_by_side(start, record.hosts[1:])
        self._route()

    def _route(self) -> None:
        """Lead the controller's way to the Internet's further addresses through the Internet."""
        gateways = {":" in address: address for address in self.internet.host.addresses}
        lines = [
            f"route replace {address} via {gateways[':' in address]}"
            for address in self.internet.held_addresses
        ]
        run([*self.namespace.prefix(), "ip", "-batch", "-"], stdin="\n".join(lines) + "\n")

    def _wait_ready(self, host: str) -> None:
        try:
            self.ssh.wait_ready(host)
        except LabError as error:
            log = self.paths.journal(host)
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(self.containers.journal(host))
            raise LabError(f"{error}\n(the host's journal: {log})") from error

    def down(self, *, force: bool = False) -> bool:
        """Remove every trace of the lab, also of one half made; return whether there was any.

        A lab of another project is refused unless `force` is given.
        """
        theirs = owner(self.paths)
        if force and theirs is not None and theirs != self.paths.project and theirs.is_dir():
            return Lab(self.paths.name, self._say, theirs).down(force=True)
        with locked(self.paths.lock):
            if not force:
                refuse_strangers(self.paths)
            steps = Steps(1, self._say)
            steps.next(f"taking lab {self.paths.name} down")
            found = self._remove()
            if self.namespace.inside():
                self._say("the network namespace stays until the command that runs in it ends")
            else:
                self._name_strangers()
                found = self.namespace.delete() or found
                release(self.paths)
            steps.done("down" if found else "nothing was up")
            return found

    def _name_strangers(self) -> None:
        """Say what still runs in the namespace: it goes on, cut off, and is not ours to end."""
        for pid, command in self.namespace.processes().items():
            if Path(command[0]).name != "conmon":  # ends with the container it watched
                self._say(f"left running, without a network: {pid} {' '.join(command)[:80]}")

    def _remove(self) -> bool:
        """Remove containers, network and state, but not the namespace."""
        self.ssh.close_all()
        existed = self.paths.state.exists()
        leftovers = self.containers.leftovers()
        if existed or leftovers:
            self.namespace.create()  # what a machine restarted in between no longer has
            self.paths.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.containers.configure()
            self.containers.wait_idle()  # an `up` that was killed leaves its podman at work
            self.containers.remove(self.containers.leftovers())
            self.containers.wait_idle()  # each container that ends is cleaned up after
            self.containers.remove_network()
        shutil.rmtree(self.paths.state, ignore_errors=True)
        shutil.rmtree(self.paths.sockets, ignore_errors=True)
        restore_limit()
        return existed or bool(leftovers)

    # -- breaking and mending ----------------------------------------------------------------

    def cut(self, host: str) -> None:
        """Cut a host off: its link goes down; it runs on and keeps its addresses."""
        self._set_port(host, "down")

    def heal(self, host: str) -> None:
        """Give a host its link back and wait until it is reached."""
        self._set_port(host, "up")
        self.ssh.forget(host)
        self._wait_ready(host)

    def _set_port(self, host: str, state: str) -> None:
        port = self.containers.port(self.host(host).name)
        run([*self.namespace.prefix(), "ip", "link", "set", port, state])

    def kill(self, host: str) -> None:
        """Crash a host; its disk stays."""
        self.containers.kill(self.host(host).name)
        self.ssh.forget(host)

    def freeze(self, host: str) -> None:
        """Stop every process of a host where it is."""
        self.containers.freeze(self.host(host).name)

    def thaw(self, host: str) -> None:
        """Let a frozen host go on."""
        self.containers.thaw(self.host(host).name)

    def start(self, host: str) -> None:
        """Boot a host again and wait until it is ready."""
        self._start(self.host(host).name)

    def _start(self, host: str) -> None:
        self.ssh.forget(host)
        self.containers.start(host)
        if host == self.internet.name:
            self._route()
        self._wait_ready(host)

    # -- commands inside ---------------------------------------------------------------------

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | bytes | None = None,
        check: bool = True,
        timeout: float = 120.0,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command of the controller in the lab's network namespace, output captured."""
        return run([*self.namespace.prefix(), *argv], stdin=stdin, check=check, timeout=timeout)

    def exec(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        watch: Say | None = None,
    ) -> int:
        """Run a command in the lab's network namespace on this terminal; return its exit status.

        With `watch`, what it says goes there, line by line, instead of to the terminal.

        The namespace is made if it is missing and, if no lab came up in it, removed again: a
        Molecule run started this way creates and destroys the lab inside it. The programs of this
        Python's virtual environment come first in PATH; LAB_NAME names the lab.
        """
        programs = Path(sys.executable).parent
        environment = {
            **os.environ,
            "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}",
            "LAB_NAME": self.paths.name,
            **(env or {}),
        }
        with locked(self.paths.lock):
            claim(self.paths)
            self.namespace.create()
        try:
            with subprocess.Popen(  # noqa: S603 - runs what the user asks for
                [*self.namespace.prefix(), *argv],
                env=environment,
                stdout=subprocess.PIPE if watch else None,
                stderr=subprocess.STDOUT if watch else None,
            ) as child:
                return _wait(child, watch)
        finally:
            if not self.namespace.inside() and not self.paths.state.exists():
                with locked(self.paths.lock):
                    self.namespace.delete()
                    release(self.paths)


def _wait(child: subprocess.Popen[bytes], watch: Say | None = None) -> int:
    """Wait for a child, leaving Ctrl-C to it and passing SIGTERM on."""
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    terminate = signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    try:
        if watch is not None and child.stdout is not None:
            for line in child.stdout:
                watch(line.decode(errors="replace").rstrip("\n"))
        return child.wait()
    finally:
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, terminate)


def _side_by_side(work: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Do the same to several hosts at once; raise the first error when all have ended."""
    items = list(items)
    with ThreadPoolExecutor(max_workers=max(1, len(items))) as pool:
        for future in [pool.submit(work, item) for item in items]:
            future.result()
