"""How a running engine starts, reloads, survives and stops."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import orjson
import pytest

from filter_engine.cli.exit_status import REFUSED

from .conftest import MakeEngine
from .engine import DEADLINE, MESSAGE, SPAM, Engine, Mta, until


def test_it_tells_systemd_and_ends_with_success(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.launch()
    said = engine.told("READY=1")
    assert f"MAINPID={engine.pid}" in said
    assert "STATUS=1 proxy, 2 normal, 1 controller" in said
    assert engine.stop() == 0
    engine.told("STOPPING=1")


def test_process_titles(engine: Engine) -> None:
    assert Path(f"/proc/{engine.pid}/comm").read_text() == "fe: supervisor\n"
    assert {kind: len(pids) for kind, pids in engine.workers().items()} == {
        "proxy": 1,
        "normal": 2,
        "controller": 1,
    }


@pytest.mark.parametrize("kind", ["normal", "proxy", "controller"])
def test_a_killed_worker_comes_back(make_engine: MakeEngine, kind: str) -> None:
    engine = make_engine().start()
    engine.scan()
    (victim, *others) = engine.workers()[kind]
    os.kill(victim, signal.SIGKILL)
    until(
        lambda: victim not in (now := engine.workers().get(kind, [])) and len(now) > len(others),
        "another process",
    )
    with Mta(engine.proxy) as mta:
        assert mta.send(SPAM)[-1][0] == "y"
    stat = engine.stat()
    assert stat["scanned"] == 2  # counts outlive the process
    log = engine.log.read_text()
    assert f"(process {victim}) was killed by SIGKILL; starting it again" in log


def test_a_worker_that_keeps_dying_is_started_ever_more_slowly(make_engine: MakeEngine) -> None:
    engine = make_engine().start()
    for _ in range(3):
        (victim,) = engine.workers()["controller"]
        os.kill(victim, signal.SIGKILL)
        until(lambda victim=victim: engine.workers().get("controller", [victim]) != [victim], "it")
    waits = [
        line.rpartition("starting it again")[2]
        for line in engine.log.read_text().splitlines()
        if "starting it again" in line
    ]
    assert waits == ["", " in 0.4 s", " in 0.8 s"]
    assert engine.http(engine.controller, "/ping")[0] == 200


class Stream:
    """Requests without pause until told to end, and what went wrong."""

    def __init__(self, engine: Engine) -> None:
        self.done = threading.Event()
        self.answered = 0
        self.wrong: list[str] = []
        self._engine = engine
        kinds = (self._scans, self._kept_alive, self._milter)
        self._threads = [threading.Thread(target=kind) for kind in kinds]

    def __enter__(self) -> Stream:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.done.set()
        for thread in self._threads:
            thread.join(DEADLINE)

    def more(self, count: int = 60) -> None:
        """Wait for further answers of all kinds together."""
        goal = self.answered + count
        until(lambda: self.answered >= goal or self.wrong, "answers")

    def _note(self, right: bool, what: str) -> None:
        if right:
            self.answered += 1
        else:
            self.wrong.append(what)

    def _scans(self) -> None:
        while not self.done.is_set():
            try:
                self._note(self._engine.scan(SPAM)["action"] == "reject", "scan")
            except Exception as error:
                self.wrong.append(f"scan: {error!r}")

    def _kept_alive(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._engine.normal, timeout=DEADLINE)
        while not self.done.is_set():
            try:
                connection.request("POST", "/checkv2", SPAM)
                response = connection.getresponse()
                self._note(b"GTUBE" in response.read(), "keep-alive")
            except Exception as error:
                self.wrong.append(f"keep-alive: {error!r}")
                connection.close()
        connection.close()

    def _milter(self) -> None:
        while not self.done.is_set():
            try:
                with Mta(self._engine.proxy) as mta:
                    for _ in range(3):
                        self._note(mta.send(SPAM)[-1][0] == "y", "milter")
                    mta.quit()
            except Exception as error:
                self.wrong.append(f"milter: {error!r}")


def test_reloading_under_load_loses_nothing(make_engine: MakeEngine) -> None:
    engine = make_engine().start()
    with Stream(engine) as stream:
        stream.more()
        for limit in (20, 25, 30):
            engine.write("actions.conf", f"reject = {limit};")
            old = engine.workers()
            engine.hup()
            assert engine.scan()["required_score"] == limit
            stream.more()
            until(
                lambda old=old: not set(old["normal"]) & set(engine.workers()["normal"]),
                "the old generation ends",
            )
        stream.more()
    assert stream.wrong == []


def test_a_bad_configuration_changes_nothing(make_engine: MakeEngine) -> None:
    engine = make_engine().start()
    before = engine.workers()
    engine.write("actions.conf", "reject = 99;\nadd_header = lots;\n")
    os.kill(engine.pid, signal.SIGHUP)
    engine.told("RELOADING=1")
    assert "old configuration stays" in engine.told("READY=1")
    assert engine.scan()["required_score"] == 15.0
    assert engine.workers() == before
    log = engine.log.read_text()
    assert "actions.conf:2" in log
    assert "the old one stays" in log
    engine.write("actions.conf", "reject = 99;")
    engine.hup()
    assert engine.scan()["required_score"] == 99.0


def test_a_reload_does_not_wait_for_a_pipe_nor_takes_a_cut_hash(make_engine: MakeEngine) -> None:
    engine = make_engine().start()
    before = engine.workers()
    engine.write("worker-controller.inc", 'enable_password = "$1$yyyyyyyyyy$y";')
    engine.write("options.inc", "")
    pipe = engine.local_d / "options.inc"
    pipe.unlink()
    os.mkfifo(pipe)
    os.kill(engine.pid, signal.SIGHUP)
    engine.told("RELOADING=1")
    assert "old configuration stays" in engine.told("READY=1")
    assert engine.workers() == before
    assert engine.scan()["required_score"] == 15.0
    log = engine.log.read_text()
    assert "not a regular file" in log
    assert "no hash of a password" in log


def ready(engine: Engine) -> dict[str, object]:
    status, _, body = engine.http(engine.controller, "/ready")
    assert status == 200
    answer: dict[str, object] = orjson.loads(body)
    assert answer["success"] is True
    return answer


def test_the_controller_tells_what_became_of_a_reload(make_engine: MakeEngine) -> None:
    engine = make_engine().start()
    first = ready(engine)
    assert (first["reload_error"], first["reloads"]) == (None, 0)
    engine.write("actions.conf", "reject = 99;\nadd_header = lots;\n")
    engine.hup()
    refused = ready(engine)
    assert "actions.conf:2" in str(refused["reload_error"])
    assert (refused["config_id"], refused["reloads"]) == (first["config_id"], 1)
    engine.write("actions.conf", "reject = 99;")
    engine.hup()
    until(lambda: ready(engine)["config_id"] != first["config_id"], "the new controller")
    good = ready(engine)
    assert (good["reload_error"], good["reloads"]) == (None, 2)


def test_a_hangup_during_a_reload_is_remembered(make_engine: MakeEngine) -> None:
    """The last state of the files counts, however fast they change."""
    engine = make_engine().start()
    for limit in range(20, 26):
        engine.write("actions.conf", f"reject = {limit};")
        os.kill(engine.pid, signal.SIGHUP)
        engine.told("RELOADING=1") if limit == 20 else None
    until(lambda: engine.scan()["required_score"] == 25.0, "the last configuration serves")
    assert ready(engine)["reload_error"] is None


def test_a_socket_that_cannot_be_had_changes_nothing(make_engine: MakeEngine) -> None:
    engine = make_engine().start()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        engine.write("worker-controller.inc", f'bind_socket = "127.0.0.1:{port}";')
        os.kill(engine.pid, signal.SIGHUP)
        assert "old configuration stays" in engine.told("READY=1")
    assert engine.http(engine.controller, "/ping")[0] == 200
    assert f"worker controller cannot listen on 127.0.0.1:{port}" in engine.log.read_text()


def test_a_reload_can_move_a_socket(make_engine: MakeEngine) -> None:
    engine = make_engine().start()
    old = engine.controller
    engine.controller = make_engine().controller
    engine.write("worker-controller.inc", f'bind_socket = "127.0.0.1:{engine.controller}";')
    engine.hup()
    assert engine.http(engine.controller, "/ping")[0] == 200

    def closed() -> bool:
        try:
            engine.http(old, "/ping")
        except ConnectionRefusedError:
            return True
        except ConnectionError:
            return False  # at the very moment it closes
        return False

    until(closed, "the old socket is closed")


def test_a_reload_makes_a_removed_socket_anew(make_engine: MakeEngine) -> None:
    engine = make_engine()
    path = engine.directory / "controller.sock"
    engine.write("worker-controller.inc", f'bind_socket = "{path}";')
    engine.start()
    path.unlink()
    engine.hup()
    assert "made anew" in engine.log.read_text()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE)
        client.connect(str(path))
        client.sendall(b"GET /ping HTTP/1.0\r\n\r\n")
        assert b" 200 OK" in client.makefile("rb").readline()
    assert engine.stop() == 0
    assert not path.exists()


def test_a_milter_session_outlives_a_reload(make_engine: MakeEngine) -> None:
    engine = make_engine().start()
    with Mta(engine.proxy) as mta:
        assert mta.send(MESSAGE)[-1] == ("a", b"")
        mta.begin()
        engine.hup()
        mta.content(SPAM)
        assert mta.finish()[-1][0] == "y"
        assert mta.send(MESSAGE)[-1] == ("a", b"")
        mta.quit()


def is_refused(port: int) -> bool:
    try:
        Mta(port).close()
    except ConnectionRefusedError:
        return True
    except (EOFError, OSError):  # closed before anybody took it
        pass
    return False


def test_stopping_finishes_what_is_under_way(make_engine: MakeEngine) -> None:
    engine = make_engine().start()
    idle = Mta(engine.proxy)
    idle.send(MESSAGE)
    with Mta(engine.proxy) as mta, socket.create_connection(("127.0.0.1", engine.normal)) as sock:
        mta.begin()
        mta.content(SPAM)
        sock.settimeout(DEADLINE)
        head = b"POST /checkv2 HTTP/1.1\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n"
        sock.sendall(head % len(SPAM))
        assert sock.recv(100).startswith(b"HTTP/1.1 100")
        os.kill(engine.pid, signal.SIGTERM)
        engine.told("STOPPING=1")
        with pytest.raises(EOFError):
            idle.receive()
        until(lambda: is_refused(engine.proxy), "nobody listens")
        # The scanner goes after the proxies: a message under way still gets its verdict.
        assert mta.finish()[-1] == ("y", b"554 5.7.1 Gtube pattern\0")
        with pytest.raises(EOFError):
            mta.receive()
        sock.sendall(SPAM)
        answer = b""
        while data := sock.recv(65536):
            answer += data
        assert b"200 OK" in answer
        assert b"GTUBE" in answer
    assert engine.process is not None
    assert engine.process.wait(DEADLINE) == 0
    assert "cut off" not in engine.log.read_text()


def test_workers_do_not_outlive_their_supervisor(make_engine: MakeEngine) -> None:
    engine = make_engine().start()
    pids = [pid for group in engine.workers().values() for pid in group]
    assert engine.process is not None
    engine.process.kill()
    engine.process.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the workers end")


def test_a_port_in_use_is_named_with_its_worker(make_engine: MakeEngine) -> None:
    engine = make_engine()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", engine.normal))
        taken.listen()
        engine.launch()
        assert engine.process is not None
        assert engine.process.wait(DEADLINE) == 1
    log = engine.log.read_text()
    assert (
        f"worker normal cannot listen on 127.0.0.1:{engine.normal}: Address already in use" in log
    )
    assert f"sport = :{engine.normal}" in log
    assert "Traceback" not in log


def test_a_bad_configuration_does_not_start(make_engine: MakeEngine) -> None:
    engine = make_engine({"actions.conf": "reject = {"})
    engine.launch()
    assert engine.process is not None
    assert engine.process.wait(DEADLINE) == REFUSED
    log = engine.log.read_text()
    assert "actions.conf:1" in log
    assert "Traceback" not in log


def test_an_address_that_is_not_there_yet_does_not_stop_it(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.write(
        "worker-normal.inc",
        f'bind_socket = ["127.0.0.1:{engine.normal}", "192.0.2.77:{engine.normal}"]; count = 1;',
    )
    engine.start()
    assert engine.scan(SPAM)["action"] == "reject"


def test_it_works_without_uvloop(make_engine: MakeEngine) -> None:
    engine = make_engine()
    program = (
        "import sys; sys.modules['uvloop'] = None; from filter_engine.cli.main import main; main()"
    )
    engine.command = (sys.executable, "-c", program, "serve")
    engine.start()
    with Mta(engine.proxy) as mta:
        assert mta.send(SPAM)[-1][0] == "y"
    engine.write("actions.conf", "reject = 33;")
    engine.hup()
    assert engine.scan()["required_score"] == 33.0
    assert engine.stop() == 0


def test_no_worker_at_all_is_an_error(make_engine: MakeEngine) -> None:
    off = "enabled = false;"
    engine = make_engine({f"worker-{kind}.inc": off for kind in ("proxy", "normal", "controller")})
    engine.launch()
    assert engine.process is not None
    assert engine.process.wait(DEADLINE) == 1
    assert "nothing to serve" in engine.log.read_text()
