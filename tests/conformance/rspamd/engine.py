"""The engine as a suite starts it: its configuration, its environment, its neighbours."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from support.ports import free_port

from zone_server import ZoneServer

from .adaptations import EDITS, SECOND
from .cases import FUNCTIONAL, TREE, Case, values_of

DEADLINE = 60.0
_PORTS = (
    *("NORMAL", "NORMAL_SSL", "NORMAL_SLAVE", "CONTROLLER", "CONTROLLER_SSL", "CONTROLLER_SLAVE"),
    *("PROXY", "FUZZY", "FUZZY_SLAVE", "CLAM", "FPROT", "FPROT2_DUPLICATE", "AVAST"),
    *("DUMMY_HTTP", "DUMMY_HTTPS", "DUMMY_UDP", "DUMMY_SSL", "REDIS"),
)


class StartError(Exception):
    """The engine did not get ready; the message ends with what it logged."""


class MissingError(Exception):
    """This machine lacks what the suite needs."""


class Engine:
    """One ``filter-engine serve`` for the cases of one configuration."""

    def __init__(self, case: Case, directory: Path) -> None:
        self.directory = directory
        self.ports = tuple(free_port() for _ in _PORTS)
        self.tests = directory / "tree" / "test" / "functional"
        self.redis: subprocess.Popen[bytes] | None = None
        self._log = directory / "engine.log"
        self._case = case
        self._second = SECOND.get(case.configuration)
        self._serving: list[subprocess.Popen[bytes]] = []
        self._nameserver = ZoneServer()
        self._environ = self._environment()
        self._render()

    # what the suite's variables stand for

    def port(self, name: str) -> int:
        """The port of a worker or neighbour: NORMAL, CONTROLLER, PROXY, REDIS, ..."""
        return self.ports[_PORTS.index(name)]

    def filled(self, text: str) -> str:
        """A text of the cases with its placeholders filled in."""
        known = {
            "TESTDIR": str(self.tests),
            "TMPDIR": str(self.directory),
            "INSTALLROOT": "/usr",
            "SSL_CERT": str(self.directory / "certificate.pem"),
            "SSL_KEY": str(self.directory / "key.pem"),
            '{"__result__": "file:tmp"}': str(self.directory),
            "{'__result__': 'file:tmp'}": str(self.directory),
        }
        for name, value in known.items():
            text = text.replace(name if name.startswith("{") else f"{{{name}}}", value)
        text = text.replace("{TODAY:%Y%m%d}", time.strftime("%Y%m%d"))
        read = r"\{'__result__': 'file:([^']+)'\}"  # what the suite reads from a file
        text = re.sub(read, lambda found: Path(found[1]).read_text(), text)
        return re.sub(
            r"\{RSPAMD_(?:PORT_(\w+)|(REDIS)_PORT)\}",
            lambda found: str(self.port(found[1] or found[2])),
            text,
        )

    def _environment(self) -> dict[str, str]:
        values = {name: self.filled(value) for name, value in values_of(self._case)}
        values |= {f"PORT_{name}": str(port) for name, port in zip(_PORTS, self.ports, strict=True)}
        values |= {
            "TESTDIR": str(self.tests),
            "TMPDIR": str(self.directory),
            "DBDIR": str(self.directory),
            "INSTALLROOT": "/usr",
            "REDIS_PORT": str(self.port("REDIS")),
        }
        values.setdefault("LOCAL_ADDR", "127.0.0.1")
        values.setdefault("REDIS_ADDR", "127.0.0.1")
        # Some suites take the configuration that speaks TLS and name no certificate.
        values.setdefault("SSL_CERT", self.filled("{SSL_CERT}"))
        values.setdefault("SSL_KEY", self.filled("{SSL_KEY}"))
        return {f"RSPAMD_{name}": value for name, value in values.items()}

    def _render(self) -> None:
        """The tree of the tests with what has to be different here, and the main file around it."""
        shutil.copytree(FUNCTIONAL / "configs", self.tests / "configs")
        (self.tests / "messages").symlink_to(FUNCTIONAL / "messages")
        (self.directory / "tree" / "conf").symlink_to(TREE / "conf")
        for edit in EDITS:
            path = self.tests / edit.file
            if path.is_file():
                path.write_text(re.sub(edit.pattern, edit.replacement, path.read_text()))
        self._place(self.directory, self._case.said["config"])
        if self._second is not None:
            self._place(self.directory / "second", self._second.config)
            for name, text in self._second.rules.items():
                rule = self.directory / "second" / "site" / "rules.d" / name
                rule.parent.mkdir(exist_ok=True)
                rule.write_text(text)

    def _place(self, directory: Path, config: str) -> None:
        """The main file of an engine in a directory of its own."""
        (directory / "site").mkdir(parents=True)
        (directory / "main.conf").write_text(
            f'.include "{self.tests / config}"\n'
            f'options {{ dns {{ nameserver = "127.0.0.1:{self._nameserver.port}"; '
            "timeout = 2s; } }\n"
        )

    # life

    def start(self) -> None:
        """Start the neighbours the suite needs, then the engine; wait until it is ready."""
        if "redis" in self._case.said["suite_needs"]:
            self._start_redis()
        if "PORT_NORMAL_SSL" in (self._case.said["env"] or {}):
            self._make_certificate()
        if self._second is not None:
            self._serve(self.directory / "second")
        self._serve(self.directory)

    def _serve(self, directory: Path) -> None:
        """Start the engine of a directory and wait until it is ready."""
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready,
            self._log.open("ab") as log,
        ):
            ready.bind(str(directory / "notify"))
            ready.settimeout(DEADLINE)
            environ = {
                **{k: v for k, v in os.environ.items() if not k.startswith("RSPAMD_")},
                **self._environ,
                "NOTIFY_SOCKET": str(directory / "notify"),
            }
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "filter_engine.cli.main", "serve"),
                    *("-c", str(directory / "main.conf")),
                    *("--var", f"CONFDIR={TREE / 'conf'}"),
                    *("--var", f"LOCAL_CONFDIR={directory / 'site'}"),
                    *("--var", f"DBDIR={directory}", "--var", f"RUNDIR={directory}"),
                ],
                env=environ,
                stdout=log,
                stderr=log,
            )
            self._serving.append(process)
            self._wait_ready(ready, process)

    def _wait_ready(self, ready: socket.socket, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + DEADLINE
        ready.settimeout(0.2)
        while time.monotonic() < end:
            with contextlib.suppress(TimeoutError):
                if "READY=1" in ready.recv(4096).decode().splitlines():
                    return
            if process.poll() is not None:
                break
        raise StartError(f"the engine did not start:\n{self.log()[-3000:]}")

    def _start_redis(self) -> None:
        server = shutil.which("redis-server")
        if server is None:
            raise MissingError("redis-server is not installed")
        self.redis = subprocess.Popen(
            [
                *(server, "--port", str(self.port("REDIS")), "--bind", "127.0.0.1"),
                *("--save", "", "--appendonly", "no", "--dir", str(self.directory)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port("REDIS")), 1).close()
                return
            time.sleep(0.05)
        raise StartError("redis-server did not start")

    def _make_certificate(self) -> None:
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
                *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
                *("-keyout", str(self.directory / "key.pem")),
                *("-out", str(self.directory / "certificate.pem")),
            ],
            check=True,
            capture_output=True,
        )

    def redis_until_kept(self, pattern: str) -> None:
        """Wait until the suite's Redis has a key: what is remembered is written after the reply."""
        end = time.monotonic() + 20
        while self.redis_command("KEYS", pattern) == b"*0\r\n":
            assert time.monotonic() < end, f"no {pattern} in Redis"
            time.sleep(0.02)

    def redis_command(self, *words: str) -> bytes:
        """Send one command to the suite's Redis; the beginning of its reply."""
        parts = [b"$%d\r\n%s\r\n" % (len(raw), raw) for raw in (w.encode() for w in words)]
        with socket.create_connection(("127.0.0.1", self.port("REDIS")), 5) as connection:
            connection.sendall(b"*%d\r\n" % len(words) + b"".join(parts))
            said = connection.recv(200)
            assert not said.startswith(b"-")
            return said

    def log(self) -> str:
        """What the engine has logged so far."""
        text = self._log.read_text(errors="replace")
        for name in ("rspamd.log",):  # where the configurations of the suites log
            path = self.directory / name
            if path.exists():
                text += path.read_text(errors="replace")
        return text

    def stop(self) -> None:
        """End what was started."""
        for process in (*reversed(self._serving), self.redis):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self._nameserver.close()
