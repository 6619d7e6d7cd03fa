"""``filter-engine control`` and ``workers`` against a running filter."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.ports import free_port
from unit.workers.engine import COMMAND, SPAM, Engine

from filter_engine.cli.control import control
from filter_engine.cli.workers import workers

READ, CHANGE = "look only", "change all"
ANEW = "loading the configuration anew"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A filter whose controller has passwords on TCP and none on its unix socket.

    It is one for all tests, each of which writes what it needs.
    """
    directory = tmp_path_factory.mktemp("control")
    running = Engine(directory / "e")
    (directory / "db").mkdir()
    running.command = (*COMMAND, f"--var=DBDIR={directory / 'db'}")
    running.write(
        "worker-controller.inc",
        f'bind_socket = ["{directory}/ctl mode=0600", "127.0.0.1:{running.controller}"];\n'
        f'secure_ip = []; password = "{READ}"; enable_password = "{CHANGE}";',
    )
    options = (running.local_d / "options.inc").read_text()
    running.write("options.inc", f'{options}\npidfile = "{directory}/pid";')
    try:
        yield running.start()
    finally:
        running.close()


def run(engine: Engine, *words: str, host: str = "", command: object = control) -> Result:
    place = host or str(engine.directory.parent / "ctl")
    return CliRunner().invoke(command, [*words, "--host", place])  # type: ignore[arg-type]


def locally(engine: Engine, *words: str) -> Result:
    """By the configuration of this host, without ``--host``."""
    return CliRunner().invoke(control, [*words, f"--var=LOCAL_CONFDIR={engine.directory}"])


def test_workers_shows_every_process_and_what_it_takes(engine: Engine) -> None:
    engine.scan(SPAM)
    engine.scan(SPAM)
    rows = json.loads(run(engine, "--json", command=workers).output)
    by_name = {row["name"]: row for row in rows}
    assert list(by_name) == ["supervisor", "controller", "normal 1", "normal 2", "proxy"]
    assert by_name["supervisor"]["pid"] == engine.pid
    assert {by_name[f"normal {n}"]["pid"] for n in (1, 2)} == set(engine.workers()["normal"])
    assert sum(by_name[f"normal {n}"]["scans"] for n in (1, 2)) == 2
    assert by_name["normal 1"]["sockets"] == [f"127.0.0.1:{engine.normal}"]
    assert str(engine.directory.parent / "ctl") in by_name["controller"]["sockets"]
    for row in rows:
        assert 0 < row["pss"] < 1e9
        assert 0 <= row["cpu"] < 600
        assert 0 <= row["uptime"] < 3600
        assert row["state"] == "serving"
    table = run(engine, command=workers).output.splitlines()
    assert table[0].split("\t")[:3] == ["worker", "pid", "state"]
    assert table[1].startswith(f"supervisor\t{engine.pid}\tserving\t0 d 0 h ")


def test_a_new_process_counts_its_own_scans(engine: Engine) -> None:
    engine.scan()
    with engine.replaced():
        assert run(engine, "reload").exit_code == 0
    engine.scan()
    rows = json.loads(run(engine, "--json", command=workers).output)
    serving = [row for row in rows if row["kind"] == "normal" and row["state"] == "serving"]
    assert sum(row["scans"] for row in serving) == 1


def test_a_reload_loses_no_mail_and_is_waited_for(engine: Engine) -> None:
    wrong: list[object] = []
    enough = threading.Event()

    def scan_on() -> None:
        while not enough.is_set():
            try:
                wrong.extend(a for a in (engine.scan(SPAM)["action"],) if a != "reject")
            except Exception as error:
                wrong.append(error)

    client = threading.Thread(target=scan_on)
    client.start()
    try:
        engine.write("actions.conf", "reject = 14;")
        with engine.replaced():
            done = run(engine, "reload")
    finally:
        enough.set()
        client.join()
    assert (done.exit_code, wrong) == (0, [])
    assert "the new configuration is at work: " in done.output
    assert engine.scan(SPAM)["required_score"] == 14


def test_what_configtest_refuses_is_not_tried(engine: Engine) -> None:
    engine.write("actions.conf", "rejekt = 14;\nreject = often;")
    before = engine.workers()
    loads = engine.log.read_text().count(ANEW)
    for words in (("reload",), ("recompile",)):
        done = run(engine, *words)
        assert done.exit_code == 1
        assert f"{engine.local_d}/actions.conf:2" in done.output
        assert "the configuration is refused; the old one stays at work: 1 error" in done.output
    said = json.loads(run(engine, "reload", "--json").stdout)
    severities = {finding["severity"] for finding in said["findings"]}
    assert (said["ok"], severities) == (False, {"warning", "error"})
    assert engine.workers() == before
    assert engine.log.read_text().count(ANEW) == loads
    engine.write("actions.conf", "")


def test_what_configtest_misses_is_told_as_well(engine: Engine) -> None:
    """A port that somebody else has taken is found only by binding it."""
    before, port = (engine.local_d / "worker-normal.inc").read_text(), free_port()
    engine.write("worker-normal.inc", f'bind_socket = "127.0.0.1:{port}"; count = 2;')
    with socket.create_server(("127.0.0.1", port)):
        done = run(engine, "reload")
    engine.write("worker-normal.inc", before)
    assert done.exit_code == 1
    assert "the old configuration stays: " in done.output
    assert f"127.0.0.1:{port}" in done.output


def test_recompile_keeps_no_database(engine: Engine) -> None:
    kept = engine.directory.parent / "db" / "hyperscan"

    def files() -> dict[str, int]:
        return {file.name: file.stat().st_mtime_ns for file in kept.iterdir()}

    old = files()
    assert run(engine, "reload").exit_code == 0
    assert files() == old
    with engine.replaced():
        done = run(engine, "recompile")
    assert (done.exit_code, "the new configuration is at work" in done.output) == (0, True)
    new = files()
    assert new.keys() == old.keys()
    assert all(new[name] > old[name] for name in old)
    assert engine.scan(SPAM)["action"] == "reject"


def test_who_may_only_read_reloads_nothing(engine: Engine, tmp_path: Path) -> None:
    for name, password in (("read", READ), ("change", CHANGE)):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(password)
    host = f"127.0.0.1:{engine.controller}"
    done = run(engine, "reload", "--password-file", str(tmp_path / "read"), host=host)
    assert (done.exit_code, "this password may only read" in done.output) == (1, True)
    done = run(engine, "reload", host=host)
    assert "a password is needed" in done.output
    said = run(engine, "statreset", "--password-file", str(tmp_path / "change"), host=host)
    assert (said.exit_code, said.output) == (0, "the counters begin anew\n")
    shown = run(
        engine, "--password-file", str(tmp_path / "read"), "--json", host=host, command=workers
    )
    names = [row["name"] for row in json.loads(shown.output) if row["state"] == "serving"]
    assert names == ["supervisor", "controller", "normal 1", "normal 2", "proxy"]


def test_without_a_controller_the_supervisor_is_told(engine: Engine) -> None:
    place = engine.directory.parent / "ctl"
    loads = engine.log.read_text().count(ANEW)
    place.unlink()
    with engine.replaced():
        done = locally(engine, "reload")
    assert done.exit_code == 0
    assert f"process {engine.pid} was sent SIGHUP" in done.stdout
    assert engine.log.read_text().count(ANEW) == loads + 1
    place.unlink()  # the reload has made it anew
    (engine.directory.parent / "pid").write_text(f"{os.getpid()}\n")  # some other process
    done = locally(engine, "reload")
    assert (done.exit_code, "names no supervisor that runs" in done.output) == (1, True)
