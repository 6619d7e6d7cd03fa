"""Real Redis servers on loopback, each in a folder of its own, for tests."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Self

from support.ports import free_port

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")
_START = 60.0


class RedisServer:
    """One server (or Sentinel). A context manager; ``start`` and ``stop`` it as often as wanted."""

    def __init__(
        self,
        folder: Path,
        lines: Iterable[str] = (),
        *,
        port: int = 0,
        sentinel: bool = False,
        password: str = "",
        tls: Path | None = None,
    ) -> None:
        """``tls`` is a folder with ``tls.pem``, certificate and key, and ``tls-ca.pem``."""
        assert PROGRAM is not None, "no redis-server on this machine"
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.folder = folder
        self.path = folder / "redis.sock"
        self._sentinel = sentinel
        self._password = password
        self._context: ssl.SSLContext | None = None
        self._file = folder / "redis.conf"
        self._process: subprocess.Popen[bytes] | None = None
        own = [f"port {self.port}"]
        if tls is not None:
            self._context = ssl.create_default_context(cafile=str(tls / "tls-ca.pem"))
            own = [
                "port 0",
                f"tls-port {self.port}",
                "tls-replication yes",
                "tls-auth-clients no",
                f"tls-cert-file {tls / 'tls.pem'}",
                f"tls-key-file {tls / 'tls.pem'}",
                f"tls-ca-cert-file {tls / 'tls-ca.pem'}",
            ]
        own += ["bind 127.0.0.1", f"dir {folder}", 'logfile "log"']
        if password:
            own.append(f"requirepass {password}")
        if not sentinel:
            own += ['save ""', "repl-diskless-sync-delay 0", f"unixsocket {self.path}"]
        self._file.write_text("\n".join([*own, *lines]) + "\n")

    @property
    def name(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> Self:
        """Start, and wait until it answers."""
        extra = ["--sentinel"] if self._sentinel else []
        self._process = subprocess.Popen([str(PROGRAM), str(self._file), *extra])
        end = time.monotonic() + _START
        while time.monotonic() < end and self._process.poll() is None:
            try:
                if not self.say("PING").startswith(b"-LOADING"):
                    return self
            except OSError:
                pass
            time.sleep(0.01)
        raise RuntimeError(f"redis did not start:\n{(self.folder / 'log').read_text()[-2000:]}")

    def stop(self, *, hard: bool = False) -> None:
        """Stop; ``hard`` as a host that loses its power."""
        if self._process is not None:
            if hard:
                self._process.kill()
            else:
                self._process.terminate()
            self._process.wait(_START)
            self._process = None

    def say(self, *words: str) -> bytes:
        """The raw reply to one command."""
        with self._connection() as sock, sock.makefile("rb") as replies:
            said = b""
            for line in (*([("AUTH", self._password)] if self._password else ()), words):
                parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in line]
                sock.sendall(f"*{len(line)}\r\n{''.join(parts)}".encode())
                said = _whole(replies)
            return said

    def _connection(self) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=_START)
        if self._context is None:
            return sock
        return self._context.wrap_socket(sock, server_hostname="127.0.0.1")

    def until(self, wanted: bytes, *words: str, seconds: float = 60.0) -> bytes:
        """Repeat a command until its reply has ``wanted`` in it.

        A server that changes its role closes its clients' connections: that is no reply.
        """
        end = time.monotonic() + seconds
        reply = b""
        while time.monotonic() < end:
            try:
                reply = self.say(*words)
            except OSError as error:
                reply = str(error).encode()
            if wanted in reply:
                return reply
            time.sleep(0.02)
        raise AssertionError(f"{words}: {reply!r} instead of {wanted!r}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _whole(replies: BinaryIO) -> bytes:
    """The octets of the next reply (RESP2), in however many pieces they come."""
    line = replies.readline()
    if line[:1] == b"$" and line != b"$-1\r\n":
        return line + replies.read(int(line[1:]) + 2)
    if line[:1] == b"*":
        return line + b"".join(_whole(replies) for _ in range(int(line[1:])))
    return line
