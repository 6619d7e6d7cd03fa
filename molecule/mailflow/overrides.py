"""Other settings of the filter for a while: files in override.d, which wins over all the site's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from lab.errors import LabError
from lab.lab import Lab

_FOLDER = "/etc/filter_engine/override.d"
_PATIENCE = 60.0


@contextmanager
def overridden(lab: Lab, hosts: Sequence[str], files: Mapping[str, str]) -> Iterator[None]:
    """Files (name -> text) that count on these hosts; removed again at the end."""
    try:
        for host in hosts:
            for name, text in files.items():
                lab.ssh.run(host, ["tee", f"{_FOLDER}/{name}"], stdin=text)
            reload(lab, host)
        yield
    finally:
        for host in hosts:
            lab.ssh.run(host, ["rm", "-f", *(f"{_FOLDER}/{name}" for name in files)])
            reload(lab, host)


def reload(lab: Lab, host: str) -> None:
    """Have the filter read its configuration, and wait until the new one answers."""
    before = _ready(lab, host)["reloads"]
    lab.ssh.run(host, ["systemctl", "reload", "filter-engine"])
    end = time.monotonic() + _PATIENCE
    while (now := _ready(lab, host)).get("reloads", before) == before or "error" in now:
        if time.monotonic() > end:
            raise LabError(f"{host}: the filter never answered with the new configuration: {now}")
        time.sleep(0.2)
    if now["reload_error"]:
        raise LabError(f"{host}: {now['reload_error']}")


def _ready(lab: Lab, host: str) -> dict[str, Any]:
    done = lab.ssh.run(host, ["curl", "-s", "-m", "5", "http://127.0.0.1:11334/ready"], check=False)
    try:
        said: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return {"error": done.stderr.decode(errors="replace")}
    return said
