"""Files whose bytes are no UTF-8: commands tell what they find, and raise nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

USABLE = {
    "worker-controller.inc": b'password = "caf\xe9"; enable_password = "\xff";'
    b'bind_socket = "/run/\xff/socket";',
    "redis.conf": b'servers = "127.0.0.1"; password = "\xff";',
    "settings.conf": b'r { from = "\xff@\xfe"; whitelist = yes; }',
}
FAULTY = USABLE | {
    "redis.conf": b'servers = "h\xf6st";',
    "options.inc": b'local_networks = "\xff"; \xfe = 1;',
    "composites.conf": b'A { expression = "B & \xff[\xfe]"; }',
}


@pytest.mark.parametrize("command", [["configtest"], ["configtest", "--json"], ["configdump"]])
@pytest.mark.parametrize("files", [USABLE, FAULTY], ids=["usable", "faulty"])
def test_nothing_is_raised(tmp_path: Path, command: list[str], files: dict[str, bytes]) -> None:
    (tmp_path / "local.d").mkdir()
    for name, text in files.items():
        (tmp_path / "local.d" / name).write_bytes(text)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "filter_engine.cli.main",
            *command,
            f"--var=LOCAL_CONFDIR={tmp_path}",
        ],
        capture_output=True,
        check=False,
        timeout=600,
    )
    assert b"Traceback" not in done.stderr
    assert done.returncode == (0 if files is USABLE else 1)
    assert done.stdout + done.stderr
