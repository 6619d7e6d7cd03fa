"""Redis as it fails: away, frozen, full, a replica, behind a password, TLS or Sentinels."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.ports import free_port

from filter_engine.config.redis import RedisConfig
from filter_engine.config.upstreams import parse_upstreams
from filter_engine.scan.store import Place, Script, Store, StoreAnswer, StoreStatus
from filter_engine.store.redis.login import Login
from redis_server import PROGRAM, RedisServer

from .conftest import PATIENCE, Asked, servers, store_of
from .test_commands import ADD

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no redis-server")


def test_one_connection_serves_all(ask: Asked, redis: RedisServer) -> None:
    store, other = store_of(redis), store_of(redis, prefix=b"other")
    assert all(a.ok for a in ask.together(*(store.get(b"%d" % n) for n in range(300))))
    assert ask(other.get(b"a")).ok
    redis.until(b"connected_clients:2\r", "INFO", "clients")  # that one and this


def test_questions_that_leave_together_are_one_write(ask: Asked, redis: RedisServer) -> None:
    store = store_of(redis)
    ask(store.get(b"a"))
    before = _events(redis)
    ask.together(*(store.get(b"%d" % n) for n in range(30)))
    assert _events(redis) - before <= 3, "the server reads thirty commands at once, and ours"


def _events(redis: RedisServer) -> int:
    said = redis.say("INFO", "stats").decode()
    return int(said.partition("total_reads_processed:")[2].split()[0])


def test_a_script_travels_once(ask: Asked, redis: RedisServer) -> None:
    store = store_of(redis)
    for _ in range(3):
        assert ask(store.run(ADD, [b"h", b"l"], [b"1", b"x"])).ok
    said = redis.say("INFO", "commandstats")
    assert b"cmdstat_eval:calls=1," in said
    redis.say("SCRIPT", "FLUSH")
    assert ask(store.run(ADD, [b"h", b"l"], [b"1", b"x"])).value[0] == 4, "and again when forgotten"


def test_an_error_of_a_script_is_an_answer(ask: Asked, redis: RedisServer) -> None:
    broken = Script("broken", "return redis.call('NOSUCH')", lambda *_: None, writes=False)
    answer = ask(store_of(redis).run(broken, [], []))
    assert answer.status is StoreStatus.ERROR
    assert answer.server == redis.name


def test_gone_fails_at_once_and_comes_back(ask: Asked, redis: RedisServer) -> None:
    store = store_of(redis)
    assert ask(store.set(b"a", b"1")).ok
    redis.stop(hard=True)
    lost = ask.until(store.get(b"a"), lambda answer: not answer.ok)
    assert lost.status in (StoreStatus.LOST, StoreStatus.UNREACHABLE)
    ask(store.get(b"a"))
    answers = ask.together(*(store.get(b"a") for _ in range(2000)))
    # who waited for a server that is away would be told so: TIMEOUT
    assert {answer.status for answer in answers} == {StoreStatus.UNREACHABLE}
    assert ask.client.statistics.failed["test"] >= 2000
    redis.start()
    assert ask.until(store.get(b"a"), lambda answer: answer.ok).value is None


def test_a_dead_server_sees_no_storm(ask: Asked) -> None:
    """Attempts grow rarer: two seconds of questions make a handful of connections."""
    store = Store("test", RedisConfig(servers=parse_upstreams(f"127.0.0.1:{free_port()}", 6379)))
    end = time.monotonic() + 2.0
    asked = 0
    while time.monotonic() < end or asked <= 1000:
        asked += len(ask.together(*(store.get(b"a") for _ in range(50))))
    backend = ask.client._backends[store]
    (link,) = backend._links  # type: ignore[attr-defined]
    assert 2 <= link.connections <= 12


def test_what_is_asked_upon_a_failure_fails_at_once_too(ask: Asked) -> None:
    """A check may ask again when it is told; nobody would have connected for that question."""
    where = RedisConfig(servers=parse_upstreams(f"127.0.0.1:{free_port()}", 6379), timeout=20.0)
    store = Store("test", where)

    async def twice() -> list[StoreStatus]:
        loop = asyncio.get_running_loop()
        second: asyncio.Future[StoreAnswer] = loop.create_future()
        said: list[StoreStatus] = []

        def again(answer: StoreAnswer) -> None:
            said.append(answer.status)
            ask.client.store(store.get(b"b"), second.set_result)

        ask.client.store(store.get(b"a"), again)
        async with asyncio.timeout(10.0):
            said.append((await second).status)
        return said

    assert ask.run(twice()) == [StoreStatus.UNREACHABLE] * 2


def test_what_did_not_leave_was_not_written(ask: Asked) -> None:
    """A server that takes a connection and says nothing, and one that takes none."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        name = f"127.0.0.1:{mute.getsockname()[1]}"
        store = Store("test", RedisConfig(servers=parse_upstreams(name, 6379), timeout=0.2))
        answer = ask(store.set(b"a", b"1"))
    assert (answer.status, answer.detail) == (StoreStatus.UNREACHABLE, "no connection in 0.2 s")


def test_a_frozen_server_costs_a_few_timeouts_only(ask: Asked, redis: RedisServer) -> None:
    store = store_of(redis, timeout=0.2)
    ask.until(store.set(b"a", b"1"), lambda answer: answer.ok)
    os.kill(redis.pid, signal.SIGSTOP)
    try:
        statuses = [ask(store.get(b"a")).status for _ in range(3)]
        assert statuses == [StoreStatus.TIMEOUT] * 3
        # Now and then one looks whether it is back, and waits; all others are told at once.
        told = {StoreStatus.TIMEOUT: 0, StoreStatus.UNREACHABLE: 0}
        while told[StoreStatus.UNREACHABLE] < 200:
            told[ask(store.get(b"a")).status] += 1
        assert told[StoreStatus.TIMEOUT] < 20
    finally:
        os.kill(redis.pid, signal.SIGCONT)
    assert ask.until(store.get(b"a"), lambda answer: answer.ok).value == b"1"


def test_a_late_reply_is_not_taken_for_another(ask: Asked, redis: RedisServer) -> None:
    store = store_of(redis, timeout=0.2)
    for key, value in ((b"a", b"1"), (b"b", b"2")):
        ask.until(store.set(key, value), lambda answer: answer.ok)
    os.kill(redis.pid, signal.SIGSTOP)
    try:
        assert ask(store.get(b"a")).status is StoreStatus.TIMEOUT
    finally:
        os.kill(redis.pid, signal.SIGCONT)
    assert ask.until(store.get(b"b"), lambda answer: answer.ok).value == b"2"


def test_reads_move_to_another_server(ask: Asked, redis: RedisServer, tmp_path: Path) -> None:
    with RedisServer(tmp_path / "other", [f"replicaof 127.0.0.1 {redis.port}"]) as replica:
        replica.until(b"master_link_status:up", "INFO", "replication")
        where = RedisConfig(
            read_servers=servers(replica, redis), write_servers=servers(redis), timeout=PATIENCE
        )
        store = Store("test", where)
        assert ask(store.set(b"a", b"1")).server == redis.name
        read = ask.until(store.get(b"a"), lambda answer: answer.value == b"1")
        assert read.server == replica.name
        replica.stop(hard=True)
        answer = ask(store.get(b"a"))
        assert (answer.value, answer.server) == (b"1", redis.name), "the same question, elsewhere"


@pytest.mark.parametrize("lax", [False, True])
def test_a_replica_is_never_written_to(
    ask: Asked, redis: RedisServer, tmp_path: Path, lax: bool
) -> None:
    """Not even one that would take it (replica-read-only no)."""
    lines = [f"replicaof 127.0.0.1 {redis.port}", f"replica-read-only {'no' if lax else 'yes'}"]
    with RedisServer(tmp_path / "replica", lines) as replica:
        replica.until(b"master_link_status:up", "INFO", "replication")
        store = store_of(replica)
        for question in (store.set(b"a", b"1"), store.run(ADD, [b"h", b"l"], [b"1"])):
            answer = ask(question)
            assert answer.status is StoreStatus.READONLY
            assert replica.name in answer.evidence
            assert "replica" in answer.evidence
        assert ask(store.get(b"a")).value is None, "it may be read"
        assert replica.say("DBSIZE") == b":0\r\n"
        replica.say("REPLICAOF", "NO", "ONE")
        assert ask.until(store.set(b"a", b"1"), lambda answer: answer.ok).server == replica.name


def test_a_primary_that_becomes_a_replica_is_noticed(
    ask: Asked, redis: RedisServer, tmp_path: Path
) -> None:
    store = store_of(redis)
    assert ask(store.set(b"a", b"1")).ok
    with RedisServer(tmp_path / "new") as new:
        redis.say("REPLICAOF", "127.0.0.1", str(new.port))
        assert ask(store.set(b"a", b"2")).status is StoreStatus.READONLY


def test_a_full_server_is_named(ask: Asked, tmp_path: Path) -> None:
    with RedisServer(tmp_path / "full", ["maxmemory 1", "maxmemory-policy noeviction"]) as full:
        answer = ask(store_of(full).set(b"a", b"1"))
        assert answer.status is StoreStatus.ERROR
        assert answer.evidence.startswith(f"{full.name}: OOM")


def test_databases_passwords_and_users(ask: Asked, tmp_path: Path) -> None:
    lines = ["user filter on >s3cret ~f:* +@all -role"]
    with RedisServer(tmp_path / "locked", lines, password="hunter-two") as locked:
        plain = store_of(locked, password="hunter-two", db="3")
        assert ask(plain.set(b"a", b"1")).ok
        assert ask(store_of(locked, password="hunter-two").get(b"a")).value is None
        user = store_of(locked, username="filter", password="s3cret", prefix=b"f:")
        assert ask(user.set(b"a", b"1")).ok, "it may not ask for the role, and works"
        denied = ask(Store("test", user.where).get(b"other"))
        assert denied.status is StoreStatus.ERROR
        assert "NOPERM" in denied.detail
        wrong = ask(store_of(locked, password="wrong").get(b"a"))
        assert wrong.status is StoreStatus.UNREACHABLE
        assert "login was refused: WRONGPASS" in wrong.detail
        for text in (str(wrong), repr(plain), repr(Login.of(user.where))):  # type: ignore[arg-type]
            assert "hunter" not in text
            assert "s3cret" not in text


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private


def test_tls(ask: Asked, tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    port = free_port()
    lines = [
        f"tls-port {port}",
        f"tls-cert-file {certificate}",
        f"tls-key-file {key}",
        "tls-auth-clients no",
    ]
    with RedisServer(tmp_path / "tls", lines):
        address = parse_upstreams(f"127.0.0.1:{port}", 6379)

        def store(**options: Any) -> Store:
            return Store(
                "test", RedisConfig(servers=address, ssl=True, timeout=PATIENCE, **options)
            )

        good = store(ssl_ca=str(certificate), ssl_name="localhost")
        assert ask(good.set(b"a", b"1")).ok
        assert ask(good.get(b"a")).value == b"1"
        unknown = ask(store(ssl_name="localhost").get(b"a"))
        assert unknown.status is StoreStatus.UNREACHABLE
        assert "its certificate is not accepted: self-signed certificate" in unknown.detail
        other = ask(store(ssl_ca=str(certificate), ssl_name="example.org").get(b"a"))
        assert other.status is StoreStatus.UNREACHABLE
        assert "its certificate is not accepted: Hostname mismatch" in other.detail
        missing = ask(store(ssl_ca=str(tmp_path / "none.pem")).get(b"a"))
        assert missing.status is StoreStatus.UNREACHABLE
        assert f"ssl_ca {tmp_path}/none.pem: No such file" in missing.detail
        empty = ask(store(ssl_ca=str(key)).get(b"a"))
        assert f"ssl_ca {key}: no certificate of an authority" in empty.detail
        own = ask(store(ssl_ca=str(certificate), ssl_cert=str(tmp_path / "c.pem")).get(b"a"))
        assert f"ssl_cert {tmp_path}/c.pem: No such file" in own.detail
        plain = ask(Store("test", RedisConfig(servers=address, timeout=PATIENCE)).get(b"a"))
        assert "TLS alone? Then write ssl = true" in plain.detail


def test_a_unix_socket(ask: Asked, redis: RedisServer) -> None:
    where = RedisConfig(servers=parse_upstreams(str(redis.path), 6379), timeout=PATIENCE)
    assert ask(Store("test", where).set(b"a", b"1")).server == str(redis.path)


def test_what_is_no_redis_is_told(ask: Asked, tmp_path: Path) -> None:
    import socketserver
    import threading

    class Banner(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"220 mx.example ESMTP\r\n")
            self.request.recv(100)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Banner) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = parse_upstreams(f"127.0.0.1:{server.server_address[1]}", 6379)
        where = RedisConfig(servers=address, timeout=PATIENCE)
        answer = ask(Store("test", where).get(b"a"))
        secure = ask(Store("test", replace(where, ssl=True)).get(b"a"))
        server.shutdown()
    assert "no TLS: " in secure.detail
    assert not answer.ok
    assert "no reply of Redis" in answer.detail


def test_a_name_without_address_is_an_answer(ask: Asked) -> None:
    where = RedisConfig(servers=parse_upstreams("redis.example.net", 6379))
    answer = ask(Store("test", where).get(b"a"))
    assert answer.status is StoreStatus.UNREACHABLE
    assert "has no address" in answer.detail


def test_the_text_of_a_store_names_module_and_servers() -> None:
    where = RedisConfig(servers=parse_upstreams("192.0.2.1", 6379), password="hunter")
    assert str(Store("bayes", where)) == "bayes: round-robin:192.0.2.1:6379:1"
    assert str(Store("bayes", Place("/var/lib/x.sqlite"))) == "bayes: /var/lib/x.sqlite"
