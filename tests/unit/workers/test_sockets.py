from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from support.ports import free_port

from filter_engine.config.sockets import SystemdSocket, TcpSocket, UnixSocket
from filter_engine.workers.sockets import BindError, SocketPool, close_sockets, open_sockets


def test_an_address_that_is_not_on_this_machine() -> None:
    for address in ("192.0.2.77", "2001:db8::77"):
        (sock,) = open_sockets(TcpSocket(address, free_port()), "normal")
        assert sock.getsockname()[0] == address
        sock.close()


def test_both_families_side_by_side() -> None:
    port = free_port()
    opened = [
        sock
        for address in ("0.0.0.0", "::")
        for sock in open_sockets(TcpSocket(address, port, optional=True), "normal")
    ]
    assert {sock.family for sock in opened} == {socket.AF_INET, socket.AF_INET6}
    for sock in opened:
        sock.close()


def test_a_host_name_that_does_not_exist() -> None:
    with pytest.raises(BindError, match=r"worker proxy cannot listen on no\.such\.invalid:1"):
        open_sockets(TcpSocket("no.such.invalid", 1), "proxy")


def test_an_optional_socket_still_minds_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BindError, match=f"127.0.0.1:{port}: Address already in use"):
            open_sockets(TcpSocket("127.0.0.1", port, optional=True), "normal")


def test_mode_owner_and_group_of_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "s"
    opened = open_sockets(UnixSocket(str(path), 0o620, "root", "daemon"), "proxy")
    found = path.stat()
    assert stat.S_IMODE(found.st_mode) == 0o620
    assert found.st_gid == 1
    close_sockets(opened)
    assert not path.exists()


def test_an_unknown_owner_is_named(tmp_path: Path) -> None:
    with pytest.raises(BindError, match="nobody-of-that-name"):
        open_sockets(UnixSocket(str(tmp_path / "s"), owner="nobody-of-that-name"), "proxy")


def test_a_socket_left_behind_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(path)
        old.listen()
    close_sockets(open_sockets(UnixSocket(path), "proxy"))


def test_a_socket_in_use_is_left_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        with pytest.raises(BindError, match="another process listens there"):
            open_sockets(UnixSocket(path), "proxy")
        assert os.path.exists(path)


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(BindError, match="no socket is in the way"):
        open_sockets(UnixSocket(str(path)), "proxy")
    assert path.read_text() == "precious"


def test_systemd_without_systemd() -> None:
    with pytest.raises(BindError, match="systemd handed over no sockets"):
        open_sockets(SystemdSocket(0), "proxy", {})
    ours = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
    with pytest.raises(BindError, match="systemd handed over 1 sockets"):
        open_sockets(SystemdSocket(1), "proxy", ours)
    with pytest.raises(BindError, match="no socket named 'scan'"):
        open_sockets(SystemdSocket(0, "scan"), "proxy", ours | {"LISTEN_FDNAMES": "other"})
    with pytest.raises(BindError, match="systemd handed over 1 sockets"):
        open_sockets(SystemdSocket(0, "scan"), "proxy", ours | {"LISTEN_FDNAMES": "other:scan"})


def test_a_pool_keeps_sockets_and_follows_changes(tmp_path: Path) -> None:
    pool = SocketPool()
    port = free_port()
    one = pool.get(TcpSocket("127.0.0.1", port), "normal")
    assert pool.get(TcpSocket("127.0.0.1", port, optional=True), "normal") is one
    path = tmp_path / "s"
    unix = pool.get(UnixSocket(str(path), 0o600), "proxy")
    assert pool.get(UnixSocket(str(path), 0o660), "proxy") is unix
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    pool.keep([TcpSocket("127.0.0.1", port)])
    assert not path.exists()
    assert one[0].fileno() >= 0
    pool.keep([])
    assert one[0].fileno() == -1


def test_a_socket_whose_file_was_removed_is_made_anew(tmp_path: Path) -> None:
    pool = SocketPool()
    bind = UnixSocket(str(tmp_path / "s"))
    old = pool.get(bind, "proxy")
    (tmp_path / "s").unlink()
    new = pool.get(bind, "proxy")
    assert pool.get(bind, "proxy") is new
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(bind.path)
    assert old[0].fileno() >= 0  # its processes may have to be started again
    pool.accept()
    assert old[0].fileno() == -1
    pool.keep([])
    assert not os.path.exists(bind.path)


def test_a_socket_made_anew_for_nothing_is_closed(tmp_path: Path) -> None:
    pool = SocketPool()
    bind = UnixSocket(str(tmp_path / "s"))
    old = pool.get(bind, "proxy")
    (tmp_path / "s").unlink()
    new = pool.get(bind, "proxy")
    pool.revert()
    assert (new[0].fileno(), old[0].fileno() >= 0) == (-1, True)
    assert not os.path.exists(bind.path)  # or clients would wait for nobody
    assert pool.get(bind, "proxy") is not old
    pool.accept()
    pool.keep([])


def test_a_file_of_somebody_else_stays_when_a_pool_closes(tmp_path: Path) -> None:
    pool = SocketPool()
    path = tmp_path / "s"
    pool.get(UnixSocket(str(path)), "proxy")
    path.unlink()
    (tmp_path / "other").write_text("not ours")
    (tmp_path / "other").rename(path)
    pool.keep([])
    assert path.read_text() == "not ours"
