"""Commands that ask a running controller; and what they say when there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result
from unit.workers.engine import COMMAND, SPAM, Engine

from filter_engine.cli.health import health, ready
from filter_engine.cli.main import COMMANDS
from filter_engine.cli.pw import pw
from filter_engine.cli.remote import parse_host
from filter_engine.cli.top import top
from filter_engine.cli.watch import changes, counters, errors, history, maps, stat, symbols
from filter_engine.workers.password import matches

READ, CHANGE = "look only", "ändert all€s"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A filter whose controller listens on TCP, with passwords, and on a unix socket."""
    directory = tmp_path_factory.mktemp("remote")
    running = Engine(directory / "e")
    (directory / "db").mkdir()
    running.command = (*COMMAND, f"--var=DBDIR={directory / 'db'}")
    running.write(
        "worker-controller.inc",
        f'bind_socket = ["127.0.0.1:{running.controller}", "{directory}/ctl mode=0600"];\n'
        f'secure_ip = []; password = "{READ}"; enable_password = "{CHANGE}";',
    )
    for name, password in (("read", READ), ("change", CHANGE), ("wrong", "guess")):
        file = directory / name
        file.touch(0o600)
        file.write_text(f"{password}\n", encoding="utf-8")
    try:
        running.start()
        running.scan(SPAM)
        yield running
    finally:
        running.close()


def run(command: object, engine: Engine, *words: str, password: str = "read") -> Result:
    place = engine.directory.parent
    host = f"127.0.0.1:{engine.controller}"
    arguments = ["--host", host, "--password-file", str(place / password), *words]
    return CliRunner().invoke(command, arguments)  # type: ignore[arg-type]


def test_every_command_shows_something(engine: Engine) -> None:
    shown = run(stat, engine).output
    assert "Messages scanned\t1" in shown
    assert "Action reject\t1" in shown
    assert "GTUBE\t" in run(counters, engine).output
    assert "FROM_HAS_DN\t0.00\t" in run(symbols, engine, "headers").output
    assert "time\taction" in run(history, engine).output
    assert "may be changed" in run(maps, engine).output
    assert "time\tprocess" in run(errors, engine, password="change").output
    assert "number\ttime" in run(changes, engine, password="change").output
    assert "1 scanned" in run(top, engine, "--times", "1").output


def test_json_is_the_reply(engine: Engine) -> None:
    for command, key in ((stat, "scanned"), (health, "ok"), (ready, "ok")):
        assert json.loads(run(command, engine, "--json").output)[key]
    assert json.loads(run(maps, engine, "--json").output) is not None


def test_a_unix_socket_needs_no_password(engine: Engine) -> None:
    done = CliRunner().invoke(stat, ["--host", str(engine.directory.parent / "ctl")])
    assert (done.exit_code, "version" in done.output) == (0, True)


def test_the_configuration_says_where_the_controller_is(engine: Engine) -> None:
    arguments = [f"--var=LOCAL_CONFDIR={engine.directory}"]
    password = str(engine.directory.parent / "read")
    done = CliRunner().invoke(ready, [*arguments, "--password-file", password])
    assert done.exit_code == 0
    assert done.output.startswith("ok")


def test_health_scans_a_mail_and_counts_nothing(engine: Engine) -> None:
    before = json.loads(run(stat, engine, "--json").output)["scanned"]
    done = run(health, engine)
    assert done.exit_code == 0
    assert "a mail is scanned: no action" in done.output
    assert json.loads(run(stat, engine, "--json").output)["scanned"] == before


def test_what_is_wrong_is_said(engine: Engine) -> None:
    done = run(stat, engine, password="wrong")
    assert done.exit_code == 1
    assert "401 a password is needed" in done.output
    done = run(errors, engine)
    assert "403 this password may only read" in done.output
    nobody = CliRunner().invoke(health, ["--host", "127.0.0.1:9"])
    assert nobody.exit_code == 1
    assert "FAIL every process answers" in nobody.output


def test_a_password_that_everybody_may_read_is_refused(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(READ)
    file.chmod(0o644)
    host = f"127.0.0.1:{engine.controller}"
    done = CliRunner().invoke(stat, ["--host", host, "--password-file", str(file)])
    assert done.exit_code == 1
    assert "chmod" in done.output
    assert READ not in done.output


@pytest.mark.parametrize(
    ("written", "host", "port", "tls", "base"),
    [
        ("mx1", "mx1", 11334, False, ""),
        ("mx1:80", "mx1", 80, False, ""),
        ("[::1]:11334", "::1", 11334, False, ""),
        ("https://mx1/rspamd/a/", "mx1", 443, True, "/rspamd/a"),
        ("http://mx1", "mx1", 80, False, ""),
    ],
)
def test_hosts(written: str, host: str, port: int, tls: bool, base: str) -> None:
    found = parse_host(written)
    assert (found.host, found.port, found.tls, found.base) == (host, port, tls, base)


def test_a_password_that_is_no_latin_1_is_read_as_pw_reads_it(engine: Engine) -> None:
    """``ändert all€s``: the controller has it in plain text, and the hash of pw fits it."""
    assert run(errors, engine, password="change").exit_code == 0
    made = CliRunner().invoke(pw, input=f"{CHANGE}\n".encode()).output.strip()
    assert matches(CHANGE.encode(), made)
    host = f"127.0.0.1:{engine.controller}"
    done = CliRunner().invoke(
        errors, ["--host", host, "--password-file", "-"], input=f"{CHANGE}\r\n".encode()
    )
    assert done.exit_code == 0


def test_a_password_that_http_does_not_carry_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.touch(0o600)
    for content, why in ((b"a\x01b\n", "control characters"), (b"", "expected the password")):
        file.write_bytes(content)
        done = CliRunner().invoke(stat, ["--host", "127.0.0.1:9", "--password-file", str(file)])
        assert (done.exit_code, why in done.output) == (1, True)
        assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "it is empty"),
        ("a..b", "a part between dots is empty or over 63 octets"),
        ("a" * 70, "a part between dots is empty or over 63 octets"),
        ("::1", "an IPv6 address stands in brackets: [::1]:11334"),
        ("/" + "a" * 110, "at most 107 octets, this one 111"),
    ],
)
def test_hosts_that_cannot_be_asked_are_named(written: str, why: str) -> None:
    for command in (stat, health):
        done = CliRunner().invoke(command, ["--host", written])
        assert (done.exit_code, why in done.output) == (2, True), done.output


class _Stranger(BaseHTTPRequestHandler):
    """Some other service: every reply is the same JSON."""

    said = b"{}"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.said)))
        self.end_headers()
        self.wfile.write(self.said)

    do_POST = do_GET  # the library's name

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.parametrize("said", [b"{}", b"[]", b"[{}]", b"7", b'{"rows": 1, "scan_times": 2}'])
def test_who_is_no_controller_is_told_so(said: bytes) -> None:
    handler = type("Handler", (_Stranger,), {"said": said})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            host = f"127.0.0.1:{server.server_port}"
            for command in (stat, history, top, ready, health):
                done = CliRunner().invoke(command, ["--host", host])
                assert done.exit_code == 1, (command, done.output)
                assert isinstance(done.exception, SystemExit)
                assert f"{host} is not a filter-engine controller" in done.output
                assert ("FAIL" in done.output) is (command in (ready, health))
        finally:
            server.shutdown()
            thread.join()


def test_a_scanner_in_place_of_the_controller_is_named(engine: Engine) -> None:
    for command in (stat, ready):
        done = CliRunner().invoke(command, ["--host", f"127.0.0.1:{engine.normal}"])
        assert done.exit_code == 1
        assert "that is a scanner; the controller is on 11334" in done.output


@pytest.mark.parametrize("written", ["ftp://mx1", "mx1:port", "http://user@mx1", ":1", "mx1:99999"])
def test_hosts_that_are_none(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_host(written)


def test_the_commands_are_in_the_table() -> None:
    wanted = {"stat", "counters", "symbols", "history", "maps", "errors", "changes", "top"}
    assert wanted | {"health", "ready"} <= COMMANDS.keys()
