"""A real ``filter-engine serve`` with its own configuration, and a milter client for it."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import orjson
from support.ports import free_port

from filter_engine.wire.milter.codec import Splitter, negotiation, packet

COMMAND = (sys.executable, "-m", "filter_engine.cli.main", "serve")
DEADLINE = 60.0
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
MESSAGE = (
    b"From: Alice <alice@client.example>\r\nTo: bob@home.example\r\nSubject: hello\r\n"
    b"Date: Fri, 20 Nov 2026 23:41:00 +0000\r\nMessage-ID: <1@client.example>\r\n\r\n"
    b"How are you?\r\n"
)
SPAM = MESSAGE + GTUBE + b"\r\n"


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds; fails with ``what`` after a while."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.02)


class Engine:
    """One service; ``local`` are files below local.d by name."""

    def __init__(self, directory: Path, local: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.local_d = directory / "local.d"
        self.local_d.mkdir(parents=True)
        self.proxy, self.normal, self.controller = free_port(), free_port(), free_port()
        self.log = directory / "log"
        # Port 9 of this host refuses: no name is asked for elsewhere, and nothing waits.
        self.write(
            "options.inc",
            'dns { nameserver = "127.0.0.1:9"; timeout = 0.2s; retransmits = 1; }\n'
            "task_timeout = 30s;",
        )
        self.write("worker-proxy.inc", self.proxy_inc())
        self.write("worker-normal.inc", f'bind_socket = "127.0.0.1:{self.normal}"; count = 2;')
        self.write("worker-controller.inc", f'bind_socket = "127.0.0.1:{self.controller}";')
        for name, text in (local or {}).items():
            self.write(name, text)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(directory / "notify"))
        self._notify.settimeout(DEADLINE)
        self.process: subprocess.Popen[bytes] | None = None
        self.command: tuple[str, ...] = COMMAND

    def proxy_inc(self, hosts: str | None = None, more: str = "") -> str:
        hosts = hosts or f"127.0.0.1:{self.normal}"
        return (
            f'bind_socket = "127.0.0.1:{self.proxy}";\n'
            f'upstream "scan" {{ default = yes; hosts = "{hosts}"; }}\n{more}'
        )

    def write(self, name: str, text: str) -> None:
        (self.local_d / name).write_text(text)

    def launch(self) -> None:
        """Start the process without waiting."""
        environ = os.environ | {"NOTIFY_SOCKET": str(self.directory / "notify")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, f"--var=LOCAL_CONFDIR={self.directory}"],
                env=environ,
                stdout=log,
                stderr=log,
            )

    def start(self) -> Engine:
        """Start and wait until it says that it is ready."""
        self.launch()
        self.told("READY=1")
        return self

    def told(self, what: str) -> str:
        """Wait for a notification that holds a line; returns it whole."""
        while True:
            try:
                said = self._notify.recv(4096).decode()
            except TimeoutError:
                raise AssertionError(f"never told {what}; log:\n{self.log.read_text()}") from None
            if what in said.splitlines():
                return said

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def hup(self) -> None:
        """Reload and wait for the end of it."""
        self._forget_notifications()
        os.kill(self.pid, signal.SIGHUP)
        self.told("RELOADING=1")
        self.told("READY=1")

    def _forget_notifications(self) -> None:
        """Those of earlier reloads, which nobody waited for."""
        self._notify.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._notify.recv(4096)
        self._notify.settimeout(DEADLINE)

    @contextlib.contextmanager
    def replaced(self) -> Iterator[None]:
        """For what reloads: afterwards no process is left of those that served before.

        Until then one of them may take a connection, and answer as before.
        """
        before = self._children()
        yield
        until(lambda: not before & self._children(), "processes of before end")

    def _children(self) -> set[str]:
        return set(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split())

    def workers(self) -> dict[str, list[int]]:
        """Title without number -> process ids of the supervisor's children."""
        found: dict[str, list[int]] = {}
        for child in sorted(self._children(), key=int):
            try:
                title = Path(f"/proc/{child}/comm").read_text().strip().removeprefix("fe: ")
            except (FileNotFoundError, ProcessLookupError):  # gone while it is looked at
                continue
            found.setdefault(title.split()[0], []).append(int(child))
        return found

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(DEADLINE)

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._notify.close()

    def http(
        self,
        port: int,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own: status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        try:
            connection.request("GET" if body is None else "POST", path, body, dict(headers or {}))
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def scan(self, message: bytes = MESSAGE, **headers: str) -> dict[str, object]:
        """The scanner's reply to one message."""
        status, _, body = self.http(
            self.normal, "/checkv2", message, {"IP": "198.51.100.7", **headers}
        )
        assert status == 200, body
        reply: dict[str, object] = orjson.loads(body)
        return reply

    def stat(self) -> dict[str, int]:
        """The controller's counters."""
        status, _, body = self.http(self.controller, "/stat")
        assert status == 200
        counters: dict[str, int] = orjson.loads(body)
        return counters


class Mta:
    """The MTA's side of a milter connection, blocking, as Postfix speaks it."""

    def __init__(self, port: int, address: str = "198.51.100.7", granted: int = 0xFF080) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self._splitter = Splitter()
        self._received: list[tuple[int, bytes]] = []
        self._sock.sendall(negotiation(6, 0x1FF, 0x1FFFFF))
        command, payload = self.receive()
        assert command == "O"
        assert payload[8:] == granted.to_bytes(4, "big")
        client = b"[%b]\0004\x12\x34%b\0" % (address.encode(), address.encode())
        self.say("D", b"Cj\0mx1.home.example\0{daemon_name}\0mx1.home.example\0v\0Postfix 3.7.11\0")
        self.say("C", client)
        self.say("H", b"client.example\0")

    def say(self, command: str, payload: bytes = b"") -> None:
        self._sock.sendall(packet(ord(command), payload))

    def close(self) -> None:
        """Hang up."""
        self._sock.close()

    def receive(self) -> tuple[str, bytes]:
        """The next packet; raises EOFError when the filter closes the connection."""
        while not self._received:
            try:
                data = self._sock.recv(65536)
            except ConnectionResetError:
                data = b""  # closed while something of ours was on its way
            if not data:
                raise EOFError
            self._received = self._splitter.feed(data)
        command, payload = self._received.pop(0)
        return chr(command), payload

    def begin(self, sender: bytes = b"alice@client.example", queue_id: bytes = b"Q1") -> None:
        """MAIL, RCPT and DATA."""
        self.say("D", b"M{client_name}\0unknown\0")
        self.say("M", b"<%b>\0" % sender)
        self.say("R", b"<bob@home.example>\0")
        self.say("D", b"Ti\0%b\0" % queue_id)
        self.say("T")

    def content(self, message: bytes) -> None:
        """Header fields and body."""
        head, _, body = message.partition(b"\r\n\r\n")
        for line in head.replace(b"\r\n\t", b"\n\t").split(b"\r\n"):
            name, _, value = line.partition(b": ")
            self.say("L", name + b"\0" + value + b"\0")
        self.say("N")
        for start in range(0, len(body), 65535):
            self.say("B", body[start : start + 65535])

    def finish(self) -> list[tuple[str, bytes]]:
        """End of message; every packet of the reply, the verdict last."""
        self.say("E")
        replies = [self.receive()]
        while replies[-1][0] not in "adrty":
            replies.append(self.receive())
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.say("A")  # as Postfix does; a filter that stops may be gone already
        return replies

    def send(self, message: bytes) -> list[tuple[str, bytes]]:
        """One message; the reply."""
        self.begin()
        self.content(message)
        return self.finish()

    def quit(self) -> None:
        self.say("Q")
        self._sock.close()

    def __enter__(self) -> Mta:
        return self

    def __exit__(self, *exc: object) -> None:
        self._sock.close()
