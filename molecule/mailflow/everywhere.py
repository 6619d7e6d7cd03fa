"""The same command on several hosts of the lab at once."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from lab.lab import Lab


def host_names(lab: Lab) -> list[str]:
    """Names of the site's hosts."""
    return [host.name for host in lab.site().hosts]


def shell(
    lab: Lab, script: str, hosts: Iterable[str] = (), *, check: bool = True
) -> dict[str, str]:
    """What a shell script says on each host (all of the site), errors too unless `check`.

    Raises the first LabError when all have ended.
    """
    names = list(hosts) or host_names(lab)

    def run(host: str) -> str:
        done = lab.ssh.run(host, ["sh", "-c", script], check=check)
        return (done.stdout if check else done.stdout + done.stderr).decode()

    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        return dict(zip(names, pool.map(run, names), strict=True))
