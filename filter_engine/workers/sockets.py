"""Opening the sockets workers listen on. The supervisor does it, so that no restart closes them."""

from __future__ import annotations

import errno
import grp
import logging
import os
import pwd
import socket
import stat
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from filter_engine.config.sockets import BindSocket, SystemdSocket, TcpSocket, UnixSocket

log = logging.getLogger(__name__)

BACKLOG = 1024
DEFAULT_MODE = 0o660
"""Of a unix socket whose ``bind_socket`` says nothing: its owner and group may connect."""
SYSTEMD_FIRST = 3
"""The first descriptor systemd hands over (sd_listen_fds)."""
# Not in Python's socket module (Linux, ip(7) and ipv6(7)).
_IP_FREEBIND = 15
_IPV6_FREEBIND = 78


_Place: TypeAlias = tuple[str, str | int, bool]


class BindError(Exception):
    """A socket cannot be opened; the message names worker, address, reason and likely fix."""


def open_sockets(
    bind: BindSocket,
    worker: str,
    environ: Mapping[str, str] = os.environ,
    *,
    udp: bool = False,
) -> list[socket.socket]:
    """Listening sockets for one ``bind_socket``; raises ``BindError``.

    With ``udp`` they take datagrams: only addresses will do.

    TCP sockets bind with FREEBIND: an address that is not there yet (a VPN that comes up later)
    does not stop the worker. Empty when an optional address family is missing on this machine.
    """
    try:
        if isinstance(bind, TcpSocket):
            return _internet(bind, worker, udp=udp)
        if udp and isinstance(bind, UnixSocket):
            raise OSError(errno.EINVAL, "datagrams need an address and a port")
        if isinstance(bind, UnixSocket):
            return [_unix(bind)]
        return [_systemd(bind, environ)]
    except OSError as error:
        hint = _hint(error, bind)
        reason = error.strerror or str(error)
        raise BindError(f"worker {worker} cannot listen on {bind}: {reason}{hint}") from error


class SocketPool:
    """The open sockets of a supervisor, kept from one configuration to the next."""

    def __init__(self) -> None:
        self._open: dict[_Place, list[socket.socket]] = {}
        self._files: dict[_Place, tuple[int, int]] = {}
        """Device and inode of the files of unix sockets, as they were made."""
        self._replaced: dict[_Place, list[socket.socket]] = {}
        """Sockets whose files were removed: the generation that has them may have to go on."""

    def get(self, bind: BindSocket, worker: str, *, udp: bool = False) -> list[socket.socket]:
        """The sockets of one ``bind_socket``, opened now or before; raises ``BindError``.

        A unix socket whose file somebody removed is made anew, since nobody can reach it. Then the
        caller says what becomes of the old one: ``accept`` or ``revert``.
        """
        place = _place(bind, udp=udp)
        known = self._open.get(place)
        if known is None or (isinstance(bind, UnixSocket) and not self._stands(place, bind.path)):
            opened = open_sockets(bind, worker, udp=udp)
            if known is not None:
                log.warning("worker %s: %s was removed: made anew", worker, bind)
                self._replaced[place] = known
            if isinstance(bind, UnixSocket):
                self._files[place] = _file(bind.path)
            known = self._open[place] = opened
        elif isinstance(bind, UnixSocket):
            try:
                _set_owner_and_mode(bind)
            except OSError as error:
                raise BindError(f"worker {worker}: {bind}: {error.strerror or error}") from error
        return known

    def _stands(self, place: _Place, path: str) -> bool:
        """Whether the file of a unix socket is still the one that was made."""
        try:
            return _file(path) == self._files[place]
        except OSError:
            return False

    def accept(self) -> None:
        """A generation that uses the new sockets serves: those that they replace may go."""
        for sockets in self._replaced.values():
            _close(sockets)
        self._replaced.clear()

    def revert(self) -> None:
        """What replaces other sockets is not used after all: close it, the others stay."""
        for place, sockets in self._replaced.items():
            close_sockets(self._open.get(place, []))
            self._open[place] = sockets
        self._replaced.clear()

    def close_others(self, needed: list[socket.socket]) -> None:
        """In a forked process: close what it does not serve, or a closed port would go on living.

        Files of unix sockets stay, they are the supervisor's.
        """
        for sockets in (*self._open.values(), *self._replaced.values()):
            for sock in sockets:
                if sock not in needed:
                    sock.close()

    def keep(self, binds: Iterable[BindSocket], udp: Iterable[BindSocket] = ()) -> None:
        """Close every socket that is not among ``binds``, or ``udp`` for datagrams."""
        wanted = {_place(bind, udp=False) for bind in binds}
        wanted |= {_place(bind, udp=True) for bind in udp}
        for place in [place for place in self._open if place not in wanted]:
            sockets = self._open.pop(place)
            if place[0] == "unix" and not self._stands(place, str(place[1])):
                _close(sockets)  # the file is gone, or another's
            else:
                close_sockets(sockets)


def _place(bind: BindSocket, *, udp: bool) -> _Place:
    """What two ways of writing the same socket have in common."""
    if isinstance(bind, TcpSocket):
        return bind.address, bind.port, udp
    return (
        ("unix", bind.path, udp)
        if isinstance(bind, UnixSocket)
        else ("systemd", bind.name or bind.index, udp)
    )


def _file(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def _close(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def close_sockets(sockets: list[socket.socket]) -> None:
    """Close sockets and remove the files of unix sockets that are still ours."""
    for sock in sockets:
        path = sock.getsockname() if sock.family == socket.AF_UNIX else ""
        sock.close()
        if isinstance(path, str) and path.startswith("/"):
            try:
                os.unlink(path)
            except OSError as error:
                log.warning("cannot remove %s: %s", path, error.strerror)


def _internet(bind: TcpSocket, worker: str, *, udp: bool) -> list[socket.socket]:
    opened: list[socket.socket] = []
    wanted = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    try:
        found = socket.getaddrinfo(bind.address, bind.port, type=wanted, flags=socket.AI_PASSIVE)
        for family, kind, proto, _, address in dict.fromkeys(found):
            sock = socket.socket(family, kind, proto)
            opened.append(sock)
            if not udp:  # or two storages could share an address unseen
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
            sock.bind(address)
            if not udp:
                sock.listen(BACKLOG)
            sock.setblocking(False)
    except OSError as error:
        for sock in opened:
            sock.close()
        if bind.optional and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            log.info("worker %s does not listen on %s: %s", worker, bind, error.strerror)
            return []
        raise
    return opened


def _unix(bind: UnixSocket) -> socket.socket:
    _remove_stale(bind.path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Nobody may connect before owner and mode are set.
        mask = os.umask(0o177)
        try:
            sock.bind(bind.path)
        finally:
            os.umask(mask)
        _set_owner_and_mode(bind)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _set_owner_and_mode(bind: UnixSocket) -> None:
    try:
        owner = pwd.getpwnam(bind.owner).pw_uid if bind.owner else -1
        group = grp.getgrnam(bind.group).gr_gid if bind.group else -1
    except KeyError as error:
        raise OSError(errno.EINVAL, f"unknown user or group ({error.args[0]})") from None
    if (owner, group) != (-1, -1):
        os.chown(bind.path, owner, group)
    os.chmod(bind.path, DEFAULT_MODE if bind.mode is None else bind.mode)


def _remove_stale(path: str) -> None:
    """Remove a socket nobody listens on; leave everything else where it is."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError(errno.EEXIST, "a file that is no socket is in the way")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except FileNotFoundError:
            return
        else:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _systemd(bind: SystemdSocket, environ: Mapping[str, str]) -> socket.socket:
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdigit():
        raise OSError(errno.ENOTSOCK, "systemd handed over no sockets (LISTEN_FDS)")
    index = bind.index
    if bind.name:
        names = environ.get("LISTEN_FDNAMES", "").split(":")
        if bind.name not in names:
            raise OSError(errno.ENOTSOCK, f"systemd handed over no socket named {bind.name!r}")
        index = names.index(bind.name)
    if index >= int(count):
        raise OSError(errno.ENOTSOCK, f"systemd handed over {count} sockets")
    sock = socket.socket(fileno=os.dup(SYSTEMD_FIRST + index))
    sock.setblocking(False)
    return sock


def _hint(error: OSError, bind: BindSocket) -> str:
    if error.errno == errno.EADDRINUSE and isinstance(bind, TcpSocket):
        return (
            f" (another filter-engine or Rspamd? 'ss -ltnp sport = :{bind.port}' shows who has it)"
        )
    if error.errno == errno.EADDRINUSE:
        return " (another process listens there)"
    if error.errno == errno.EACCES:
        return " (permission denied: choose a port above 1023 or a directory this user may write)"
    return ""
