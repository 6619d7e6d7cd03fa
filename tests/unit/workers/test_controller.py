"""The controller of a running engine: endpoints, rights, proxies before it."""

from __future__ import annotations

import contextlib
import logging
import secrets
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson
import pytest
from aiohttp.http_exceptions import BadHttpMessage, BadStatusLine, InvalidHeader, LineTooLong

from filter_engine.config.base32 import encode_base32
from filter_engine.wire.compression import decompress
from filter_engine.workers.bad_requests import LINES, PERIOD, BadRequests
from filter_engine.workers.password import PBKDF2_ROUNDS, pbkdf2_blake2b

from .conftest import MakeEngine
from .engine import SPAM, Engine, until

READ, CHANGE = secrets.token_hex(8), secrets.token_hex(8)


def hashed(password: str) -> str:
    salt = secrets.token_bytes(20)
    key = pbkdf2_blake2b(password.encode(), salt, PBKDF2_ROUNDS, 32)
    return f"$1${encode_base32(salt)}${encode_base32(key)}"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that trusts nobody by address."""
    engine = Engine(tmp_path_factory.mktemp("guarded") / "e")
    engine.write(
        "worker-controller.inc",
        f'bind_socket = "127.0.0.1:{engine.controller}";\nsecure_ip = "192.0.2.1";\n'
        f'password = "{hashed(READ)}";\nenable_password = "{hashed(CHANGE)}";\n'
        'trusted_ips = "127.0.0.1";\n',
    )
    options = (engine.local_d / "options.inc").read_text()
    engine.write(
        "options.inc",
        options
        + '\nneighbours { mx1 { host = "https://mx1.example:443"; path = "/rspamd/mx1"; } }',
    )
    try:
        yield engine.start()
    finally:
        engine.close()


def ask(engine: Engine, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, object]:
    status, sent, body = engine.http(engine.controller, path, headers=headers)
    assert sent["Cache-Control"] == "no-store"
    return status, orjson.loads(body) if sent["Content-Type"] == "application/json" else body


def test_shapes_as_rspamd_has_them(engine: Engine) -> None:
    engine.scan(SPAM)
    status, auth = ask(engine, "/auth")
    assert isinstance(auth, dict)
    assert status == 200
    assert {
        "version",
        "host",
        "auth",
        "uptime",
        "clean",
        "probable",
        "greylist",
        "reject",
        "soft_reject",
        "scanned",
        "learned",
        "read_only",
        "config_id",
    } == set(auth)
    assert (auth["auth"], auth["read_only"]) == ("ok", False)
    assert auth["host"] == socket.gethostname()
    assert auth["reject"] >= 1
    _, stat = ask(engine, "/stat")
    assert isinstance(stat, dict)
    assert {
        "version",
        "config_id",
        "uptime",
        "read_only",
        "scanned",
        "learned",
        "actions",
        "scan_times",
        "spam_count",
        "ham_count",
        "connections",
        "control_connections",
        "total_learns",
        "statfiles",
        "fuzzy_hashes",
    } <= set(stat)
    assert stat["config_id"] == auth["config_id"]
    assert list(stat["actions"]) == [
        "reject",
        "soft reject",
        "rewrite subject",
        "add header",
        "greylist",
        "no action",
    ]
    assert ask(engine, "/healthy") == (200, {"success": True})
    _, ready = ask(engine, "/ready")
    assert ready == {
        "success": True,
        "config_id": auth["config_id"],
        "reload_error": None,
        "reloads": 0,
    }
    assert ask(engine, "/neighbours") == (200, {})
    _, actions = ask(engine, "/actions")
    assert isinstance(actions, list)
    assert actions[:3] == [
        {"action": "greylist", "value": 4.0},
        {"action": "add header", "value": 6.0},
        {"action": "reject", "value": 15.0},
    ]
    _, pie = ask(engine, "/pie")
    assert isinstance(pie, list)
    assert [entry["label"] for entry in pie][-1] == "Rejected"
    assert pie[-1]["value"] >= 1


def test_what_does_not_exist(engine: Engine) -> None:
    assert ask(engine, "/nosuch") == (404, b"Not found")


def test_without_password_only_signs_of_life(guarded: Engine) -> None:
    for path in ("/ping", "/ready", "/healthy"):
        assert ask(guarded, path)[0] == 200
    for path in ("/auth", "/stat", "/statreset", "/pie", "/actions", "/neighbours"):
        assert ask(guarded, path) == (401, {"error": "Unauthorized"}), path
    assert ask(guarded, "/stat", {"Password": "q1"})[0] == 401
    assert ask(guarded, "/stat", {"Password": ""})[0] == 401
    assert ask(guarded, "/stat", {"Password": "x" * 5000})[0] == 401


def test_the_password_for_reading(guarded: Engine) -> None:
    for _ in range(2):  # the second time from memory
        status, auth = ask(guarded, "/auth", {"Password": READ})
        assert isinstance(auth, dict)
        assert (status, auth["read_only"]) == (200, True)
    status, _ = ask(guarded, "/statreset", {"Password": READ})
    assert status == 403


def test_a_password_as_a_bearer_token(guarded: Engine) -> None:
    """As Prometheus says it."""
    bearer = {"Authorization": f"Bearer {READ}"}
    assert guarded.http(guarded.controller, "/metrics", headers=bearer)[0] == 200
    assert ask(guarded, "/statreset", bearer)[0] == 403
    assert ask(guarded, "/stat", {"Authorization": f"Bearer {READ}x"})[0] == 403


def test_the_password_for_changing(guarded: Engine) -> None:
    guarded.scan(SPAM)
    status, before = ask(guarded, "/statreset", {"Password": CHANGE})
    assert isinstance(before, dict)
    assert (status, before["read_only"]) == (200, False)
    assert before["scanned"] >= 1
    _, after = ask(guarded, "/stat", {"Password": CHANGE})
    assert isinstance(after, dict)
    assert after["scanned"] == 0
    guarded.scan(SPAM)
    _, later = ask(guarded, "/stat", {"Password": CHANGE})
    assert isinstance(later, dict)
    assert later["scanned"] == 1


def test_neighbours_and_the_name_of_the_configuration(guarded: Engine, engine: Engine) -> None:
    assert ask(guarded, "/neighbours", {"Password": READ})[1] == {
        "mx1": {
            "host": "https://mx1.example:443",
            "path": "/rspamd/mx1",
            "url": "https://mx1.example:443/rspamd/mx1/",
        }
    }
    _, one = ask(guarded, "/auth", {"Password": READ})
    _, other = ask(engine, "/auth")
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    assert one["config_id"] != other["config_id"]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP"])
def test_a_proxy_in_front_does_not_open_the_door(engine: Engine, header: str) -> None:
    """The engine trusts loopback, where a web server may stand in for all the world."""
    assert ask(engine, "/stat", {header: "203.0.113.9"})[0] == 401
    assert ask(engine, "/stat", {header: "127.0.0.1, 203.0.113.9"})[0] == 401
    assert ask(engine, "/stat", {header: "nonsense"})[0] == 401
    assert ask(engine, "/stat", {header: "203.0.113.9, 127.0.0.1"})[0] == 200


def test_a_trusted_proxy_may_name_a_trusted_client(guarded: Engine) -> None:
    assert ask(guarded, "/stat", {"X-Forwarded-For": "192.0.2.1"})[0] == 200
    assert ask(guarded, "/stat", {"X-Forwarded-For": "192.0.2.2"})[0] == 401


def test_no_secret_reaches_the_log_or_the_process_list(guarded: Engine) -> None:
    log = guarded.log.read_text()
    command = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
            command += path.read_bytes()
    assert str(guarded.directory).encode() in command
    for secret in (READ, CHANGE):
        assert secret not in log
        assert secret.encode() not in command


def test_requests_that_are_no_http_fill_no_log(make_engine: MakeEngine) -> None:
    engine = make_engine().start()
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", engine.controller), timeout=10) as sock:
            sock.sendall(b"GET /ping HTTP/1.1\r\nContent-Length: minus one\r\n\r\n")
            assert b" 400 " in sock.makefile("rb").readline()
    assert ask(engine, "/ping")[0] == 200
    log = engine.log.read_text()
    assert "Traceback" not in log
    assert 1 <= log.count("Error handling request from 127.0.0.1: 400 ") <= LINES


@pytest.mark.parametrize(
    "lines",
    [
        b"Password: hidden\x01word\r\n",
        b"Password: " + b"hidden" * 3000 + b"\r\n",
        b"Host: a\r\nPassword hidden\r\n",
        b"Content-Length: hidden\r\n",
    ],
)
def test_what_a_refused_request_has_is_not_logged(engine: Engine, lines: bytes) -> None:
    told = engine.log.stat().st_size
    with socket.create_connection(("127.0.0.1", engine.controller), timeout=10) as sock:
        sock.sendall(b"GET /stat HTTP/1.1\r\n" + lines + b"\r\n")
        assert b" 400 " in sock.makefile("rb").readline()
    until(lambda: b" 400 " in engine.log.read_bytes()[told:], "a line of the refused request")
    line = engine.log.read_bytes()[told:]
    assert b"hidden" not in line
    assert b"Error handling request from 127.0.0.1: 400 '" in line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            BadHttpMessage("Invalid header value char:\n\n  b'Password: x'\n  ^"),
            "Invalid header value char'",
        ),
        (InvalidHeader(b"Password: x"), "'Invalid HTTP header'"),
        (BadStatusLine("x"), "'Bad status line'"),
        (LineTooLong(b'it\'s "x"', 8190), "'Got more than 8190 bytes when reading'"),
        (BadHttpMessage("Duplicate 'x' header found."), "'Duplicate'"),
    ],
)
def test_what_a_parser_quotes_is_cut_off(error: Exception, said: str) -> None:
    found = (type(error), error, None)
    record = logging.LogRecord("x", logging.ERROR, "", 0, "Error", (), found)
    assert BadRequests().filter(record)
    assert record.getMessage().endswith(said)
    assert "x" not in record.getMessage().removesuffix(said)


def test_what_is_left_out_is_counted_and_faults_of_ours_are_kept_whole() -> None:
    clock = iter([0.0] * (LINES + 5) + [PERIOD])
    filters = BadRequests(lambda: next(clock))

    def record(error: Exception) -> logging.LogRecord:
        found = (type(error), error, None)
        return logging.LogRecord("x", logging.ERROR, "", 0, "Error from %s", ("1.2.3.4",), found)

    bad = [record(BadHttpMessage("bad\r\nthing")) for _ in range(LINES + 6)]
    passed = [one for one in bad if filters.filter(one)]
    assert len(passed) == LINES + 1
    assert passed[0].getMessage() == "Error from 1.2.3.4: 400 'bad thing'"
    assert passed[0].exc_info is None
    assert passed[-1].getMessage().endswith("(5 such lines left out before)")
    ours = record(RuntimeError("a fault"))
    assert filters.filter(ours)
    assert ours.exc_info is not None


@pytest.mark.parametrize(
    ("accepts", "encoded"),
    [("zstd", True), ("gzip, ZSTD;q=0.5", True), ("gzip", False), ("zstd;q=0", False), ("", False)],
)
def test_replies_in_zstd(engine: Engine, accepts: str, *, encoded: bool) -> None:
    status, sent, body = engine.http(
        engine.controller, "/stat", headers={"Accept-Encoding": accepts}
    )
    assert status == 200
    assert sent.get("Content-Encoding") == ("zstd" if encoded else None)
    assert sent["Vary"] == "Accept, Accept-Encoding"
    plain = decompress(body, 1_000_000) if encoded else body
    assert "scanned" in orjson.loads(plain)
