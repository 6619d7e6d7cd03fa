"""What systemd is told while it does not listen."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from filter_engine.workers import notify


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Its socket, of which nothing is read yet."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield sock
    notify.flush()


def read(sock: socket.socket) -> list[str]:
    """All that stands in a socket."""
    found: list[str] = []
    while True:
        try:
            found.append(sock.recv(4096).decode())
        except BlockingIOError:
            return found


def fill(path: str) -> None:
    """Messages of somebody else, until no more are taken."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        try:
            while True:
                other.sendto(b"STATUS=full", path)
        except BlockingIOError:
            return


def test_a_full_socket_holds_nobody_up_and_loses_nothing(systemd: socket.socket) -> None:
    fill(systemd.getsockname())
    notify.reloading()
    notify.ready("serving")
    assert notify.is_waiting()
    assert set(read(systemd)) == {"STATUS=full"}
    notify.flush()
    assert not notify.is_waiting()
    (said,) = read(systemd)
    assert said.splitlines()[0] == "READY=1"
    assert said.endswith("STATUS=serving")


def test_stopping_makes_ready_void(systemd: socket.socket) -> None:
    fill(systemd.getsockname())
    notify.ready("serving")
    notify.stopping()
    read(systemd)
    notify.flush()
    (said,) = read(systemd)
    assert said.startswith("STOPPING=1\n")


def test_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not notify.notify("READY=1")
    assert not notify.is_waiting()
