"""Where workers listen."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import PurePath

from filter_engine.config.findings import Finding, Severity
from filter_engine.config.sockets import TcpSocket, UnixSocket
from filter_engine.config.workers import ControllerConfig
from filter_engine.lint.declare import rule
from filter_engine.lint.listeners import PORTS, STANDARD_PORT, Listener
from filter_engine.lint.situation import Situation

#: Directories every user may write to on every system.
_PUBLIC_DIRECTORIES = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  # what is warned of
_OTHERS_WRITE = 0o002
#: RFC 5737 and RFC 3849.
_DOCUMENTATION = tuple(
    map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)


def _address(listener: Listener) -> IPv4Address | IPv6Address | None:
    if isinstance(listener.socket, TcpSocket):
        try:
            return ip_address(listener.socket.address)
        except ValueError:
            return None  # a name, which is not looked up here
    return None


@rule(
    "port-role",
    doc="A worker listens on the port that clients use for another kind of worker: they reach "
    "the wrong one, or nobody. 11332 is the proxy's, 11333 the normal worker's, 11334 the "
    "controller's, 11335 (UDP) the fuzzy storage's.",
)
def port_role(situation: Situation) -> Iterator[Finding]:
    """Rspamd's standard ports."""
    for listener in situation.listeners:
        if not isinstance(listener.socket, TcpSocket):
            continue
        kind, port = listener.worker.kind, listener.socket.port
        role = PORTS.get(port, kind)
        if role != kind:
            own = STANDARD_PORT[kind]
            transport = "/udp" if listener.is_udp else ""
            yield situation.finding(
                "port-role",
                listener.origin,
                f"worker {kind!r} listens on {listener.socket}{transport}, the port of worker "
                f"{role!r}: its own clients look for it on {own}{transport}",
                f"write {TcpSocket(listener.socket.address, own)}",
            )


@rule(
    "same-socket",
    Severity.ERROR,
    doc="Two workers listen on one address and port: the second cannot start.",
)
def same_socket(situation: Situation) -> Iterator[Finding]:
    """UDP and TCP do not meet."""
    taken: dict[object, Listener] = {}
    for listener in situation.listeners:
        socket = listener.socket
        key: object
        if isinstance(socket, TcpSocket):
            key = (listener.is_udp, socket.address, socket.port)
        elif isinstance(socket, UnixSocket):
            key = socket.path
        else:
            key = (listener.is_udp, str(socket))
        first = taken.setdefault(key, listener)
        if first.worker is listener.worker:
            continue
        at, other = (listener, first) if listener.origin.line else (first, listener)
        where = str(other.origin) if other.origin.line else "its default"
        yield situation.finding(
            "same-socket",
            at.origin,
            f"{socket} is the socket of worker {other.worker.kind!r} as well ({where}): "
            "the second cannot start",
            f"give worker {at.worker.kind!r} another port (standard: "
            f"{STANDARD_PORT[at.worker.kind]})",
            Severity.ERROR,
        )


@rule(
    "public-worker",
    Severity.ERROR,
    doc="A worker listens on an address that the Internet can reach (or on all of them): anybody "
    "may scan, read statistics or guess the password there. An error for the controller. "
    "Loopback, private, unique local, link-local and shared (100.64.0.0/10) addresses are fine; "
    "addresses for documentation count as public, whose place they hold.",
)
def public_worker(situation: Situation) -> Iterator[Finding]:
    """No worker speaks to strangers."""
    for listener in situation.listeners:
        address = _address(listener)
        if address is None or situation.is_shipped(listener.origin) or not _is_public(address):
            continue
        kind = listener.worker.kind
        where = "every address" if address.is_unspecified else f"the public address {address}"
        is_controller = isinstance(listener.worker, ControllerConfig)
        danger = "commands and messages" if is_controller else "whatever it is sent"
        yield situation.finding(
            "public-worker",
            listener.origin,
            f"worker {kind!r} listens on {where}: it takes {danger} from anybody who reaches it",
            "listen on 127.0.0.1, [::1] and the VPN's addresses",
            Severity.ERROR if is_controller else Severity.WARNING,
        )


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if address.is_unspecified:
        return True
    if address.is_loopback or address.is_link_local or address.is_multicast:
        return False
    return address.is_global or any(address in network for network in _DOCUMENTATION)


@rule(
    "open-socket",
    doc="Every user of the host may write to the unix socket, or it lies in a directory where "
    "every user may put a socket of that name first. Unix clients of the controller need no "
    "password.",
)
def open_socket(situation: Situation) -> Iterator[Finding]:
    """``mode=0666``, and sockets in /tmp."""
    for listener in situation.listeners:
        socket = listener.socket
        if not isinstance(socket, UnixSocket):
            continue
        directory = str(PurePath(socket.path).parent)
        faults = []
        if socket.mode is not None and socket.mode & _OTHERS_WRITE:
            without = (
                "command it without a password"
                if isinstance(listener.worker, ControllerConfig)
                else "send it what he likes"
            )
            faults.append(f"mode={socket.mode:04o} lets every user of this host {without}")
        if _is_public_directory(directory, situation):
            faults.append(f"every user may take a name in {directory} before it starts")
        if faults:
            yield situation.finding(
                "open-socket",
                listener.origin,
                f"worker {listener.worker.kind!r}, {socket.path}: {'; '.join(faults)}",
                f"write {situation.config.variables.get('RUNDIR', '/run/filter_engine')}/"
                f"{PurePath(socket.path).name} mode=0660 with the group of its clients",
            )


def _is_public_directory(directory: str, situation: Situation) -> bool:
    if any(directory == name or directory.startswith(f"{name}/") for name in _PUBLIC_DIRECTORIES):
        return True
    return situation.host is not None and situation.host.is_world_writable(directory)


@rule(
    "address-not-on-host",
    needs_host=True,
    doc="A worker is to listen on an address that this host does not have (another host's, or of "
    "a VPN that is gone): nothing reaches it there.",
)
def address_not_on_host(situation: Situation) -> Iterator[Finding]:
    """Addresses are derived, not typed."""
    assert situation.host is not None
    for listener in situation.listeners:
        address = _address(listener)
        if address is None or address.is_unspecified or address.is_loopback:
            continue
        if not situation.host.has_address(str(address)):
            yield situation.finding(
                "address-not-on-host",
                listener.origin,
                f"worker {listener.worker.kind!r} is to listen on {address}, which is no address "
                "of this host: nothing reaches it there",
                "write an address of this host (ip -brief address), or remove the line",
            )
