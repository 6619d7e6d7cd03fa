"""Running other programs: one way to do it, with errors a person can act on."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lab.errors import LabError
from lab.paths import PACKAGE

CONTROLLER_PACKAGES = PACKAGE / "controller_packages.txt"
REQUIRED = ("ip", "iptables", "nsenter", "podman", "ssh", "mmdebstrap")


def controller_packages(path: Path = CONTROLLER_PACKAGES) -> list[str]:
    """The apt packages the controller needs, in the order of the file."""
    lines = (line.split("#", 1)[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def require(programs: Iterable[str] = REQUIRED) -> None:
    """Raise LabError if one of the programs is not installed."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    missing = [program for program in programs if shutil.which(program, path=path) is None]
    if missing:
        raise LabError(
            f"not installed: {', '.join(missing)}; as root: "
            f"apt-get install --no-install-recommends {' '.join(controller_packages())}"
        )


def run(
    argv: Sequence[str],
    *,
    stdin: str | bytes | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 120.0,
    check: bool = True,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program and return it with its output.

    `env` is added to the environment; `timeout` is in seconds. Raises LabError when the program
    is missing, takes too long or (with `check`) fails; the message ends with its last words.
    """
    data = stdin.encode() if isinstance(stdin, str) else stdin
    try:
        done = subprocess.run(  # noqa: S603 - argv is ours, never a shell line
            list(argv),
            input=data if data is not None else b"",
            capture_output=True,
            env={**os.environ, **(env or {})},
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f"cannot run {argv[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"took more than {timeout:g} s: {shlex.join(argv)}") from error
    if check and done.returncode != 0:
        words = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-8:]
        raise LabError(
            f"exit status {done.returncode}: {shlex.join(argv)}\n  " + "\n  ".join(words)
        )
    return done
