"""``serve --env`` as a real process: the quick start, a restart, FORCE_CONFIG."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.ports import free_port

COMMAND = (sys.executable, "-m", "filter_engine.cli.main", "serve", "--env")
DEADLINE = 60.0


class Service:
    """One site and the process that serves it."""

    def __init__(self, directory: Path) -> None:
        self.site = directory / "etc" / "site"
        self.log = directory / "log"
        self.notify = directory / "notify"
        self.controller = free_port()
        # Port 9 of this host refuses: no name is asked for elsewhere, and nothing waits.
        self.environ = {
            "PATH": os.environ["PATH"],
            "NOTIFY_SOCKET": str(self.notify),
            "WORKER_CONTROLLER": f'password="secret"; bind_socket = "127.0.0.1:{self.controller}";'
            "secure_ip = [];",
            "WORKER_PROXY": f'bind_socket = "127.0.0.1:{free_port()}";',
            "WORKER_NORMAL": f'bind_socket = "127.0.0.1:{free_port()}";',
            "OPTIONS": 'dns { nameserver = "127.0.0.1:9"; }',
        }

    @contextlib.contextmanager
    def running(self, **more: str) -> Iterator[None]:
        self.notify.unlink(missing_ok=True)
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told,
            self.log.open("wb") as log,
        ):
            told.bind(str(self.notify))
            process = subprocess.Popen(
                [*COMMAND, f"--var=LOCAL_CONFDIR={self.site}"],
                env=self.environ | more,
                stdout=log,
                stderr=log,
            )
            told.settimeout(DEADLINE)
            try:
                while b"READY=1" not in told.recv(4096).splitlines():
                    pass
                yield
            except TimeoutError:
                raise AssertionError(f"never ready; log:\n{self.log.read_text()}") from None
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(DEADLINE)

    def status(self, password: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.controller, timeout=DEADLINE)
        with contextlib.closing(connection):
            connection.request("GET", "/stat", headers={"Password": password})
            response = connection.getresponse()
            body = response.read()
        if response.status == 200:
            assert "scanned" in json.loads(body)
        return response.status


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


def test_quick_start_restart_and_force(service: Service) -> None:
    inc = service.site / "local.d" / "worker-controller.inc"
    with service.running():
        assert service.status("secret") == 200
        assert service.status("wrong") == 401
    assert service.site.stat().st_mode & 0o777 == 0o750
    assert "secret" not in service.log.read_text()

    inc.write_text(inc.read_text().replace("secret", "edited"))
    with service.running():
        assert service.status("edited") == 200
        assert service.status("secret") == 401

    with service.running(FORCE_CONFIG="OVERWRITE"):
        assert service.status("secret") == 200
    assert "edited" in inc.with_name("worker-controller.inc.bak").read_text()
    log = service.log.read_text()
    assert "worker-controller.inc: changed" in log
    assert "edited" not in log


def test_a_bad_value_stops_the_start_and_leaves_nothing(service: Service) -> None:
    done = subprocess.run(
        [*COMMAND, f"--var=LOCAL_CONFDIR={service.site}"],
        env=service.environ | {"ACTIONS": "reject = high;"},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    assert done.returncode == 1
    assert "ACTIONS" in done.stderr
    assert "secret" not in done.stderr
    assert list(service.site.iterdir()) == []


def test_a_directory_must_be_there_without_env(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND[:-1], f"--var=LOCAL_CONFDIR={tmp_path / 'none'}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    assert done.returncode == 2
    assert "there is no directory" in done.stderr
