"""A proxy whose scanners fail, in every way they can."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from support.ports import free_port

from .conftest import MakeEngine
from .engine import MESSAGE, SPAM, Engine, Mta, until


@contextmanager
def scanner_that_says(answer: bytes | None) -> Iterator[tuple[int, list[int]]]:
    """A false scanner: its port, and a list that grows with every request; None says nothing."""
    requests: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        ended = threading.Event()
        kept: list[socket.socket] = []

        def serve() -> None:
            while not ended.is_set():
                try:
                    sock, _ = listener.accept()
                except TimeoutError:
                    continue
                kept.append(sock)
                data = b""
                while SPAM[-20:] not in data and MESSAGE[-20:] not in data:
                    more = sock.recv(65536)
                    if not more:  # else this would read for ever
                        break
                    data += more
                if not data:  # whoever came said nothing
                    continue
                requests.append(len(data))
                if answer is not None:
                    sock.sendall(answer)
                    sock.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], requests
        finally:
            ended.set()
            thread.join()
            for sock in kept:
                sock.close()


def proxy_only(engine: Engine, hosts: str, more: str = "") -> None:
    engine.write("worker-proxy.inc", engine.proxy_inc(f"master-slave:{hosts}", more))
    engine.write("worker-normal.inc", "enabled = false;")


def response(status: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


def test_the_peer_scans_when_the_local_scanner_is_down(
    make_engine: MakeEngine, engine: Engine
) -> None:
    before = engine.stat()["scanned"]
    proxy = make_engine()
    proxy_only(proxy, f"127.0.0.1:{proxy.normal}:30,127.0.0.1:{engine.normal}:20")
    proxy.start()
    with Mta(proxy.proxy) as mta:
        assert mta.send(SPAM)[-1][0] == "y"
    assert engine.stat()["scanned"] - before == 1
    assert proxy.stat()["scanned"] == 0
    assert proxy.stat()["upstream_errors"] == 1
    assert f"scanner: 127.0.0.1:{engine.normal}" in proxy.log.read_text()


def test_the_local_scanner_is_preferred(make_engine: MakeEngine, engine: Engine) -> None:
    before = engine.stat()["scanned"]
    local = make_engine()
    hosts = f"master-slave:127.0.0.1:{engine.normal}:20,127.0.0.1:{local.normal}:30"
    local.write("worker-proxy.inc", local.proxy_inc(hosts))
    local.start()
    with Mta(local.proxy) as mta:
        for _ in range(3):
            mta.send(SPAM)
    assert (local.stat()["scanned"], engine.stat()["scanned"] - before) == (3, 0)


BAD_ANSWERS = (
    b"",
    b"garbage",
    response(b"500 Internal error", b"{}"),
    response(b"503 Too many messages at once", b""),
    response(b"404 Not found", b""),
    response(b"200 OK", b"not json"),
    response(b"200 OK", b'{"action":"explode"}'),
    b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{",
)


def test_the_next_scanner_is_asked_after_a_bad_answer(
    make_engine: MakeEngine, engine: Engine
) -> None:
    """One message goes past scanners that fail in every way, and gets one verdict."""
    before = engine.stat()["scanned"]
    proxy = make_engine()
    with ExitStack() as stack:
        bad = [stack.enter_context(scanner_that_says(answer)) for answer in BAD_ANSWERS]
        hosts = ",".join(f"127.0.0.1:{port}:30" for port, _ in bad)
        proxy_only(proxy, f"{hosts},127.0.0.1:{engine.normal}:20", "max_retries = 20;")
        proxy.start()
        with Mta(proxy.proxy) as mta:
            replies = mta.send(SPAM)
        assert replies[-1] == ("y", b"554 5.7.1 Gtube pattern\0")
        assert len([command for command, _ in replies if command in "adrty"]) == 1
        assert [len(requests) for _, requests in bad] == [1] * len(BAD_ANSWERS)
    assert engine.stat()["scanned"] - before == 1
    assert proxy.stat()["upstream_errors"] == len(BAD_ANSWERS)


def test_a_scanner_that_hangs_leaves_time_for_the_next(
    make_engine: MakeEngine, engine: Engine
) -> None:
    proxy = make_engine()
    with scanner_that_says(None) as (port, requests):
        hosts = f"127.0.0.1:{port}:30,127.0.0.1:{engine.normal}:20"
        proxy_only(proxy, hosts, "timeout = 4s;")
        proxy.start()
        began = time.monotonic()
        with Mta(proxy.proxy) as mta:
            assert mta.send(SPAM)[-1][0] == "y"  # without time left: a temporary failure
        assert time.monotonic() - began > 1.9
        assert len(requests) == 1


def test_no_scanner_left_is_a_temporary_failure(make_engine: MakeEngine) -> None:
    engine = make_engine()
    proxy_only(engine, f"127.0.0.1:{engine.normal}:30,127.0.0.1:{free_port()}:20")
    engine.start()
    with Mta(engine.proxy) as mta:
        assert mta.send(MESSAGE) == [("t", b"")]
        assert mta.send(SPAM) == [("t", b"")]
    assert engine.stat()["tempfailed"] == 2
    log = engine.log.read_text()
    assert "temporary failure: " in log
    assert "Connection refused" in log


def test_mail_flows_again_when_a_scanner_is_back(make_engine: MakeEngine) -> None:
    engine = make_engine()
    proxy_only(engine, f"127.0.0.1:{engine.normal}:30")
    engine.start()
    with Mta(engine.proxy) as mta:
        for _ in range(5):  # enough for it to count as dead
            assert mta.send(SPAM) == [("t", b"")]
        scanner = make_engine()
        scanner.write("worker-normal.inc", f'bind_socket = "127.0.0.1:{engine.normal}";')
        scanner.start()
        assert mta.send(SPAM)[-1] == ("y", b"554 5.7.1 Gtube pattern\0")
    assert "counts as dead" in engine.log.read_text()
    assert "is back" in engine.log.read_text()


def test_a_dead_scanner_is_left_alone(make_engine: MakeEngine, engine: Engine) -> None:
    proxy = make_engine()
    with scanner_that_says(response(b"500 Internal error", b"")) as (port, requests):
        proxy_only(proxy, f"127.0.0.1:{port}:30,127.0.0.1:{engine.normal}:20")
        proxy.start()
        with Mta(proxy.proxy) as mta:
            for _ in range(8):
                assert mta.send(SPAM)[-1][0] == "y"
        assert len(requests) == 4


def test_no_more_scanners_than_max_retries_are_tried(
    make_engine: MakeEngine, engine: Engine
) -> None:
    proxy = make_engine()
    dead = ",".join(f"127.0.0.1:{free_port()}:30" for _ in range(2))
    proxy_only(proxy, f"{dead},127.0.0.1:{engine.normal}:20", "max_retries = 2;")
    proxy.start()
    with Mta(proxy.proxy) as mta:
        assert mta.send(SPAM) == [("t", b"")]


def test_an_abort_during_a_scan_leaves_the_connection_usable(
    make_engine: MakeEngine, engine: Engine
) -> None:
    proxy = make_engine()
    with scanner_that_says(None) as (port, requests):
        proxy_only(proxy, f"127.0.0.1:{port}:30,127.0.0.1:{engine.normal}:20", "timeout = 4s;")
        proxy.start()
        with Mta(proxy.proxy) as mta:
            mta.begin()
            mta.content(MESSAGE)
            mta.say("E")
            until(lambda: requests, "the request arrives")
            mta.say("A")
            assert mta.send(SPAM) == [("y", b"554 5.7.1 Gtube pattern\0")]


def test_both_supervisors_survive_a_killed_scanner(make_engine: MakeEngine) -> None:
    engine = make_engine().start()
    with Mta(engine.proxy) as mta:
        for pid in engine.workers()["normal"]:
            os.kill(pid, signal.SIGKILL)
        # The sockets are the supervisor's: requests wait there for the next process.
        assert mta.send(SPAM)[-1] == ("y", b"554 5.7.1 Gtube pattern\0")


def test_a_message_that_is_refused_does_not_kill_the_scanner(make_engine: MakeEngine) -> None:
    """Ten refusals of a message leave the scanner alive; ten errors of its own do not."""
    proxy = make_engine()
    with (
        scanner_that_says(response(b"431 Request headers too large", b"")) as (refusing, _),
        scanner_that_says(response(b"429 Too many requests", b"")) as (busy, _),
    ):
        proxy_only(proxy, f"127.0.0.1:{refusing}:30,127.0.0.1:{busy}:20")
        proxy.start()
        with Mta(proxy.proxy) as mta:
            for _ in range(5):
                assert mta.send(MESSAGE)[-1] == ("t", b"")
    log = proxy.log.read_text()
    assert f"scanner 127.0.0.1:{busy} counts as dead" in log
    assert f"scanner 127.0.0.1:{refusing} counts as dead" not in log


def test_a_message_to_two_thousand_reaches_the_scanner(engine: Engine) -> None:
    with Mta(engine.proxy) as mta:
        mta.begin()
        mta.say("A")
        mta.say("M", b"<alice@client.example>\0")
        for number in range(2_000):
            mta.say("R", b"<%b%d@home.example>\0" % (b"u" * 1_000, number))
        mta.say("T")
        mta.content(SPAM)
        assert mta.finish()[-1] == ("y", b"554 5.7.1 Gtube pattern\0")
