"""Rspamd itself, started privately on loopback with the stock configuration."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from support.ports import free_port
from support.zone_server import ZoneServer

from filter_engine.scanner import Scanner

from .ours import replies
from .recording import ZONE, Reply, Sample, reply_of

STOCK = Path("/etc/rspamd/rspamd.conf")
DATABASES = Path("/var/lib/rspamd")
"""Where Debian's Rspamd keeps its compiled patterns: to compile them takes 20 s of CPU."""
_START = 300.0
_HEADERS = {"ip": "IP", "helo": "Helo", "hostname": "Hostname", "frm": "From"}


class Rspamd:
    """One private Rspamd; ``site`` are files below local.d by name. A context manager."""

    def __init__(self, site: Mapping[str, str] | None = None, main: Path = STOCK) -> None:
        self._site = site or {}
        self._main = main
        self._directory = Path(tempfile.mkdtemp(prefix="oracle-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._zone: ZoneServer | None = None

    def __enter__(self) -> Rspamd:
        program = shutil.which("rspamd")
        if program is None:
            raise SystemExit("no rspamd on this machine")
        self._zone = ZoneServer(ZONE.read_text())
        self._write_site(self._zone.port)
        place = self._directory
        with (place / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(program, "-f", "-i", "-c", str(self._main)),
                    *("--var", f"LOCAL_CONFDIR={place}", "--var", f"DBDIR={place}"),
                    *("--var", f"RUNDIR={place}", "--var", f"LOGDIR={place}"),
                ],
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + _START
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError):
                self.ask(b"", {}, "/ping")
                return self
            time.sleep(0.2)
        said = (place / "log").read_text(errors="replace")[-2000:]
        self.__exit__()
        raise SystemExit(f"rspamd did not start:\n{said}")

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._zone is not None:
            self._zone.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def ask(self, raw: bytes, headers: Mapping[str, str], path: str = "/checkv2") -> bytes:
        """One request; the body of the reply."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST" if raw else "GET", path, raw or None, dict(headers))
            body: bytes = connection.getresponse().read()
            return body
        finally:
            connection.close()

    def reply(self, sample: Sample) -> Reply:
        """What it says of a sample."""
        said = sample.envelope
        headers = {header: said[key] for key, header in _HEADERS.items() if said.get(key)}
        if said.get("rcpt"):
            headers["Rcpt"] = ",".join(f"<{rcpt}>" for rcpt in said["rcpt"])
        return reply_of(self.ask(sample.raw, headers).decode("utf-8", "replace"))

    def _write_site(self, dns_port: int) -> None:
        site = {
            "options.inc": f'dns {{ nameserver = ["127.0.0.1:{dns_port}:10"]; }}\n{_databases()}',
            "logging.inc": 'type = "console"; level = "info";',
            "greylist.conf": "enabled = false;",
            "fuzzy_check.conf": 'rule "rspamd.com" { enabled = false; }',
            "worker-normal.inc": f'bind_socket = "127.0.0.1:{self.port}"; count = 1;',
            "worker-proxy.inc": "count = -1;",
            "worker-controller.inc": "count = -1;",
            "worker-fuzzy.inc": "count = -1;",
            **self._site,
        }
        folder = self._directory / "local.d"
        folder.mkdir()
        (self._directory / "override.d").mkdir()
        for name, text in site.items():
            (folder / name).write_text(text + "\n")


def asked_live(engine: Scanner, samples: Iterable[Sample]) -> Iterator[tuple[Sample, Reply, Reply]]:
    """Each sample with Rspamd's reply of now and this engine's, whose clock is now as well."""
    with Rspamd() as rspamd:
        for sample, ours in replies(engine, samples):
            yield sample, rspamd.reply(sample), ours


def _databases() -> str:
    """The option that has compiled patterns shared by all that are started."""
    return f'hs_cache_dir = "{DATABASES}/";' if os.access(DATABASES, os.W_OK) else ""
