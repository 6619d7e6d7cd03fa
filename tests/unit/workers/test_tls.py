"""Listening with TLS."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from support.ports import free_port

from certificate import certificate
from filter_engine.cli.remote import AskError, configured
from filter_engine.config.model import Config
from filter_engine.config.sockets import TcpSocket
from filter_engine.config.workers import ControllerConfig, NormalConfig
from filter_engine.wire.http.message import HttpLimits, Request, Response
from filter_engine.wire.http.server import HttpServer
from filter_engine.workers.process import loop_factory
from filter_engine.workers.service import Listeners
from filter_engine.workers.sockets import BindError
from filter_engine.workers.tls import Handshakes, Tls, server_context

from .conftest import MakeEngine
from .engine import DEADLINE, SPAM, Engine, Mta, until


def trusting(file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=file)


def ask(
    port: int, client: ssl.SSLContext, path: str, body: bytes | None = None
) -> tuple[int, bytes]:
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=DEADLINE, context=client)
    try:
        connection.request("GET" if body is None else "POST", path, body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def serving(engine: Engine, file: Path) -> tuple[int, int, int]:
    """Ports where a scanner, a controller and a milter proxy speak TLS, beside plain ones."""
    scanner, controller, proxy = free_port(), free_port(), free_port()
    files = f'ssl_cert = "{file}";'
    engine.write(
        "worker-normal.inc",
        f'bind_socket = ["127.0.0.1:{engine.normal}", "127.0.0.1:{scanner} ssl"];'
        f"{files} count = 1;",
    )
    engine.write(
        "worker-controller.inc",
        f'bind_socket = ["127.0.0.1:{engine.controller}", "127.0.0.1:{controller} ssl"];'
        f"{files} timeout = 5s;",
    )
    engine.write(
        "worker-proxy.inc",
        engine.proxy_inc(more=f'bind_socket = "127.0.0.1:{proxy} ssl"; {files}'),
    )
    return scanner, controller, proxy


def test_scanner_controller_and_proxy(make_engine: MakeEngine, tmp_path: Path) -> None:
    file, _ = certificate(tmp_path)
    client = trusting(file)
    engine = make_engine()
    scanner, controller, proxy = serving(engine, file)
    engine.start()
    # Clients that say nothing hold nobody.
    silent = [
        socket.create_connection(("127.0.0.1", port))
        for port in (scanner, controller, proxy)
        for _ in range(20)
    ]
    status, body = ask(scanner, client, "/checkv2", SPAM)
    assert (status, orjson.loads(body)["action"]) == (200, "reject")
    status, body = ask(controller, client, "/stat")
    assert (status, orjson.loads(body)["scanned"]) == (200, 1)
    # The commands of this host know the certificate from the configuration.
    place = TcpSocket("127.0.0.1", controller, ssl=True)
    said = ControllerConfig(bind_socket=(place,), ssl_cert=str(file))
    assert configured(Config(workers=(said,))).get("stat")["scanned"] == 1
    (tmp_path / "other").mkdir()
    other = replace(said, ssl_cert=str(certificate(tmp_path / "other")[0]))
    with pytest.raises(AskError, match=r"(?i)certificate"):
        configured(Config(workers=(other,))).get("stat")
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(scanner, ssl.create_default_context(), "/ping")
    assert engine.scan(SPAM)["action"] == "reject"
    assert engine.http(engine.controller, "/ping")[0] == 200
    with (
        socket.create_connection(("127.0.0.1", proxy), DEADLINE) as plain,
        client.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall(b"\x00\x00\x00\x0dO\x00\x00\x00\x06\x00\x00\x01\xff\x00\x1f\xff\xff")
        assert secure.recv(100)[4:5] == b"O"
    Mta(engine.proxy).close()
    # A connection that is kept open lives on through a reload.
    kept = http.client.HTTPSConnection("127.0.0.1", scanner, timeout=DEADLINE, context=client)
    kept.request("GET", "/ping")
    kept.getresponse().read()
    engine.hup()
    assert ask(scanner, client, "/ping") == (200, b"pong\r\n")
    assert ask(controller, client, "/ping")[0] == 200
    kept.close()
    for sock in silent:
        sock.close()
    assert engine.stop() == 0
    assert "Traceback" not in engine.log.read_text()


def test_a_proxy_asks_its_scanner_by_tls(make_engine: MakeEngine, tmp_path: Path) -> None:
    file, _ = certificate(tmp_path)
    (tmp_path / "other").mkdir()
    other, _ = certificate(tmp_path / "other")
    engine = make_engine()
    scanner, _, _ = serving(engine, file)
    secure = f"127.0.0.1:{scanner}"

    def write(hosts: str, more: str) -> None:
        text = engine.proxy_inc(hosts).replace(
            "default = yes;", f"default = yes; ssl = yes; {more}"
        )
        engine.write("worker-proxy.inc", text)

    # The first speaks no TLS: it has failed, and the next is asked.
    write(f"sequential:127.0.0.1:{engine.normal},{secure}", f'ssl_ca = "{file}";')
    engine.start()
    with Mta(engine.proxy) as mta:
        assert mta.send(SPAM)[-1][0] == "y"
        assert mta.send(SPAM)[-1][0] == "y"
    log = engine.log.read_text()
    assert f"scanner failed, trying the next: 127.0.0.1:{engine.normal}: no TLS: " in log
    errors = engine.stat()["upstream_errors"]
    assert errors >= 1
    for more, why in (
        (f'ssl_ca = "{other}";', "self-signed certificate"),
        (f'ssl_ca = "{file}"; ssl_name = "mx1.example.net";', "Hostname mismatch"),
    ):
        write(secure, more)
        engine.hup()
        with Mta(engine.proxy) as mta:
            assert mta.send(SPAM)[-1][0] == "t"  # the sender tries again
        log = engine.log.read_text()
        assert f"{secure}: its certificate is not accepted: {why}" in log
        errors += 1
        assert engine.stat()["upstream_errors"] == errors
    # Of authorities that cannot be read there is no proxy.
    write(secure, f'ssl_ca = "{tmp_path}/none";')
    os.kill(engine.pid, signal.SIGHUP)
    engine.told("STATUS=reload failed, the old configuration stays")
    assert f"worker proxy: ssl_ca {tmp_path}/none: No such file" in engine.log.read_text()
    assert engine.stop() == 0
    assert "Traceback" not in engine.log.read_text()


def test_a_bad_certificate_stops_a_start_and_leaves_a_reload_as_it_was(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    file, _ = certificate(tmp_path)
    engine = make_engine()
    scanner, _, _ = serving(engine, file)
    engine.start()
    good = file.read_bytes()
    file.write_text("nothing")
    os.kill(engine.pid, signal.SIGHUP)
    engine.told("RELOADING=1")
    engine.told("READY=1")
    assert f"certificate {file} cannot be used" in engine.log.read_text()
    file.write_bytes(good)
    assert ask(scanner, trusting(file), "/ping")[0] == 200
    other = make_engine({"worker-normal.inc": 'ssl = true; ssl_cert = "/nonexistent";'})
    other.launch()
    assert other.process is not None
    assert other.process.wait(DEADLINE) != 0
    assert "ssl_cert /nonexistent: No such file" in other.log.read_text()


def test_certificates_that_cannot_be_used(tmp_path: Path) -> None:
    file, _ = certificate(tmp_path)
    assert server_context(NormalConfig(ssl_cert=str(file)), "normal").minimum_version == (
        ssl.TLSVersion.TLSv1_2
    )
    key = ec.generate_private_key(ec.SECP256R1())
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    )
    (tmp_path / "other").mkdir()
    other, _ = certificate(tmp_path / "other")
    for cert, private, said in (
        (file, locked, "has a passphrase"),
        (file, other, "key values mismatch"),
        (file, tmp_path / "none", "No such file"),
        (tmp_path, "", "Is a directory"),
        (locked, "", "cannot be used|has a passphrase"),
    ):
        config = NormalConfig(ssl_cert=str(cert), ssl_key=str(private))
        with pytest.raises(BindError, match=said):
            server_context(config, "normal")


class Server:
    """Listeners of this process, with a certificate and bounds of their own."""

    def __init__(self, file: Path, **bounds: float) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setblocking(False)
        self.port = self.listening.getsockname()[1]
        self._context = server_context(NormalConfig(ssl_cert=str(file)), "test")
        self._bounds = bounds
        self.listeners = Listeners()

    async def start(self) -> HttpServer:
        async def answer(request: Request) -> Response:
            return Response(request.body)

        self.http = HttpServer(answer, HttpLimits(1_000_000))
        handshakes = Handshakes(self._context, **self._bounds)  # type: ignore[arg-type]
        tls = Tls(handshakes, frozenset({self.listening.fileno()}))
        await self.listeners.start(self.http.connection, [self.listening], tls)
        return self.http

    async def stop(self) -> None:
        self.listeners.stop()
        self.http.drain()
        await self.listeners.settle()
        assert await self.http.wait_drained(60)


def run(main: Callable[[], Coroutine[object, object, None]], *, fast: bool) -> None:
    with asyncio.Runner(loop_factory=loop_factory() if fast else None) as runner:
        runner.run(main())


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("fast", [True, False], ids=["uvloop", "asyncio"])
def test_handshakes_are_bounded_in_time_and_number(
    tmp_path: Path, fast: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    file, _ = certificate(tmp_path)
    client = trusting(file)

    async def exchange(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
        assert await reader.readuntil(b"hi")
        writer.close()

    async def main() -> None:
        server = Server(file, seconds=2.0, most=3)
        await server.start()
        await exchange(server.port)
        before = descriptors()
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(8)]
        await exchange(server.port)
        garbage = await asyncio.open_connection("127.0.0.1", server.port)
        garbage[1].write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        for one, other in (*silent, garbage):
            async with asyncio.timeout(60):  # all are ended, the last after two seconds
                with contextlib.suppress(ConnectionResetError):
                    await one.read()
            other.close()
        await asyncio.to_thread(until, lambda: descriptors() <= before, "descriptors are left")
        await server.stop()

    run(main, fast=fast)
    lines = [line for line in caplog.messages if "TLS handshakes failed" in line]
    assert len(lines) == 1


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("fast", [True, False], ids=["uvloop", "asyncio"])
def test_an_end_of_stream_and_old_versions(
    tmp_path: Path, fast: bool, caplog: pytest.LogCaptureFixture
) -> None:
    file, _ = certificate(tmp_path)

    def half_closed(port: int) -> None:
        with (
            socket.create_connection(("127.0.0.1", port), 60) as plain,
            trusting(file).wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            secure.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhi")
            secure.unwrap()

    def old(port: int) -> None:
        client = trusting(file)
        client.set_ciphers("ALL:@SECLEVEL=0")
        client.minimum_version = ssl.TLSVersion.TLSv1
        client.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(OSError, match=r"(?i)version|reset|EOF|protocol"):
            ask(port, client, "/")

    async def main() -> None:
        server = Server(file)
        http_server = await server.start()
        await asyncio.to_thread(half_closed, server.port)
        await asyncio.to_thread(old, server.port)
        await asyncio.to_thread(until, lambda: not http_server.connections, "connections are left")
        await server.stop()

    run(main, fast=fast)
    assert "eof_received" not in caplog.text


def test_a_handshake_under_way_does_not_hold_an_end(tmp_path: Path) -> None:
    file, _ = certificate(tmp_path)

    async def main() -> None:
        server = Server(file)
        await server.start()
        before = descriptors()
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.to_thread(until, lambda: descriptors() >= before + 2, "no connection")
        began = asyncio.get_running_loop().time()
        await server.stop()
        assert asyncio.get_running_loop().time() - began < 5
        writer.close()

    run(main, fast=True)
