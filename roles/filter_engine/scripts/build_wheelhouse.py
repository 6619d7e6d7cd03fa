"""Build the wheelhouse: the engine's wheel and the wheels of everything it depends on.

    python roles/filter_engine/scripts/build_wheelhouse.py [--project DIR] [--output DIR]

Role `filter_engine` installs from it without the Internet. The output directory holds the wheels
(pip's too: hosts need none), one archive of them, quick to copy, and `manifest.json`:

    {"digest": "20 hex digits", "archive": "wheelhouse-DIGEST.tar", "python": "cp311",
     "engine": "mailfleet_filter_engine-….whl", "pip": "pip-….whl", "inputs": {...},
     "wheels": [{"name": "aiohttp-….whl", "size": 1234, "sha256": "…"}, ...]}

The digest names the release on the hosts: it changes when any wheel does. Nothing is built when the
inputs (engine sources, dependencies, constraints, this script) are those of the manifest; when only
the engine's sources changed, only its wheel is built.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PYTHON_TAG = "cp311"
PYTHON_VERSION = (3, 11)
"""The hosts' Python (Debian 12). Compiled wheels fit one minor version only."""

DIGEST_LENGTH = 20
SOURCE_DATE_EPOCH = "1700000000"
"""Any fixed time: wheels built from sdists become reproducible, and with them the digest."""

PORTABLE_PLATFORMS = ("any", "manylinux")


class WheelhouseError(Exception):
    """Something the person at the keyboard must put right; the text says what."""


def main(argv: list[str] | None = None) -> int:
    """Build or reuse the wheelhouse; print its digest. Exit status 1 with a reason on failure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--project", type=Path, default=ROOT, help="the engine's source tree")
    parser.add_argument("--output", type=Path, help="default: PROJECT/.cache/wheelhouse")
    options = parser.parse_args(argv)
    project = options.project.resolve()
    output = (options.output or project / ".cache" / "wheelhouse").resolve()
    started = time.monotonic()
    try:
        with alone(output):
            manifest, built = ensure(project, output)
    except WheelhouseError as error:
        print(f"build_wheelhouse: {error}", file=sys.stderr)
        return 1
    size = sum(wheel["size"] for wheel in manifest["wheels"]) / 1e6
    print(
        f"wheelhouse {manifest['digest']}: {len(manifest['wheels'])} wheels, {size:.1f} MB, "
        f"{'built: ' + ', '.join(built) if built else 'unchanged'} "
        f"({time.monotonic() - started:.1f} s)"
    )
    return 0


def ensure(project: Path, output: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the manifest of an up-to-date wheelhouse and what had to be built for it.

    Raises:
        WheelhouseError: no pyproject.toml, a build failed, a wheel fits this machine only, or
            `output` is somebody else's directory.
    """
    wanted = inputs(project)
    present = read_manifest(output)
    if output.exists() and any(output.iterdir()) and not (output / "manifest.json").exists():
        raise WheelhouseError(f"{output} holds other files: name a directory of its own")
    known = present.get("inputs", {}) if present else {}
    if present and known == wanted:
        return present, []
    built = ["engine"]
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".wheelhouse-") as directory:
        staging = Path(directory) / "wheelhouse"
        staging.mkdir()
        if present and known["dependencies"] == wanted["dependencies"]:
            for wheel in present["wheels"]:
                if wheel["name"] != present["engine"]:
                    os.link(output / wheel["name"], staging / wheel["name"])
            engine = build_engine(project, staging)
        else:
            built.append("dependencies")
            engine = build_engine(project, staging)
            collect_dependencies(project, staging, engine)
        manifest = describe(staging, wanted, engine)
        pack(staging, manifest)
        (staging / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
        replace(staging, output, Path(directory) / "old")
    return manifest, built


def inputs(project: Path) -> dict[str, str]:
    """Hash what the wheels are made of: the engine's sources, and its dependencies."""
    pyproject = project / "pyproject.toml"
    if not pyproject.is_file():
        raise WheelhouseError(f"{pyproject} does not exist: --project must name the source tree")
    dependencies = tomllib.loads(pyproject.read_text())["project"].get("dependencies", [])
    constraints = project / "constraints.txt"
    package = project / "filter_engine"
    sources = [
        path
        for path in sorted(package.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]
    documents = [project / name for name in ("README.md", "LICENSE")]
    return {
        "dependencies": digest(
            [
                *(item.encode() for item in dependencies),
                constraints.read_bytes() if constraints.is_file() else b"",
                Path(__file__).read_bytes(),
                PYTHON_TAG.encode(),
            ]
        ),
        "engine": digest(
            part
            for path in [pyproject, *documents, *sources]
            if path.is_file()
            for part in (path.relative_to(project).as_posix().encode(), path.read_bytes())
        ),
    }


def digest(parts: Iterable[bytes]) -> str:
    """SHA-256 over length-prefixed parts, as hex digits."""
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big") + part)
    return hasher.hexdigest()


def read_manifest(output: Path) -> dict[str, Any] | None:
    """The manifest of a complete wheelhouse, None when there is none or a file is missing."""
    try:
        manifest: dict[str, Any] = json.loads((output / "manifest.json").read_text())
        files = [(wheel["name"], wheel["size"]) for wheel in manifest["wheels"]]
        sized = all((output / name).stat().st_size == size for name, size in files)
        complete = sized and (output / manifest["archive"]).is_file()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return manifest if complete else None


def build_engine(project: Path, staging: Path) -> str:
    """Build the engine's own wheel into `staging`; return its file name.

    The build runs in a copy: a build back end must not find caches or the virtual environment, and
    a source that changes meanwhile must not end up in a half-old wheel.
    """
    with tempfile.TemporaryDirectory(prefix="filter-engine-source-") as directory:
        source = Path(directory)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            if (project / name).is_file():
                shutil.copy2(project / name, source / name)
        shutil.copytree(
            project / "filter_engine",
            source / "filter_engine",
            ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
        )
        before = {path.name for path in staging.iterdir()}
        pip("wheel", "--no-deps", *isolation(), "--wheel-dir", str(staging), str(source))
    (name,) = {path.name for path in staging.iterdir()} - before
    return name


def isolation() -> tuple[str, ...]:
    """The build back end of this environment when it is installed here (seconds quicker)."""
    probe = subprocess.run(  # noqa: S603 - own interpreter, constant arguments
        [interpreter(), "-c", "import hatchling"], check=False, capture_output=True
    )
    return ("--no-build-isolation",) if probe.returncode == 0 else ()


def collect_dependencies(project: Path, staging: Path, engine: str) -> None:
    """Bring the wheels of all dependencies and pip's into `staging`; sdists are built."""
    constraints = project / "constraints.txt"
    limits = ("--constraint", str(constraints)) if constraints.is_file() else ()
    pip("wheel", *limits, "--wheel-dir", str(staging), str(staging / engine), "pip")


def interpreter() -> str:
    """A Python of the hosts' version: this one, or one found on PATH.

    Raises:
        WheelhouseError: there is none, so the wheels would not fit.
    """
    if sys.version_info[:2] == PYTHON_VERSION:
        return sys.executable
    name = "python{}.{}".format(*PYTHON_VERSION)
    found = shutil.which(name)
    if found is None:
        raise WheelhouseError(
            f"the hosts run Python {name[6:]}, this is {sys.version.split()[0]}: "
            f"install {name} (with pip) on the controller"
        )
    return found


def pip(*arguments: str) -> None:
    """Run pip; its output is shown only when it fails."""
    command = [interpreter(), "-m", "pip", "--disable-pip-version-check", *arguments]
    environment = os.environ | {"SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH}
    result = subprocess.run(  # noqa: S603 - argv, no shell
        command, check=False, text=True, capture_output=True, env=environment
    )
    if result.returncode:
        raise WheelhouseError(f"{' '.join(command)} failed:\n{result.stdout}{result.stderr}")


def describe(staging: Path, wanted: dict[str, str], engine: str) -> dict[str, Any]:
    """Make the manifest of the wheels in `staging`.

    Raises:
        WheelhouseError: a wheel was compiled here against this machine's libraries.
    """
    wheels: list[dict[str, Any]] = []
    for path in sorted(staging.glob("*.whl")):
        platform = path.stem.rpartition("-")[2]
        if not platform.startswith(PORTABLE_PLATFORMS):
            raise WheelhouseError(
                f"{path.name} was compiled on this machine and may not run on the hosts: "
                "pin a version with a manylinux wheel in constraints.txt"
            )
        content = path.read_bytes()
        wheels.append(
            {
                "name": path.name,
                "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
    lines = "".join(f"{wheel['sha256']}  {wheel['name']}\n" for wheel in wheels)
    name = hashlib.sha256(lines.encode()).hexdigest()[:DIGEST_LENGTH]
    return {
        "digest": name,
        # The name tells which wheels are inside: a run that began with one wheelhouse must not go
        # on with the next.
        "archive": f"wheelhouse-{name}.tar",
        "python": PYTHON_TAG,
        "engine": engine,
        "pip": next(wheel["name"] for wheel in wheels if wheel["name"].startswith("pip-")),
        "inputs": wanted,
        "wheels": wheels,
    }


def pack(staging: Path, manifest: dict[str, Any]) -> None:
    """Write the archive, uncompressed since the wheels are compressed, without owners and times."""
    # pax, as names of wheels may be longer than the 100 octets of ustar.
    with tarfile.open(staging / manifest["archive"], "w", format=tarfile.PAX_FORMAT) as archive:
        for wheel in manifest["wheels"]:
            member = tarfile.TarInfo(wheel["name"])
            member.size = wheel["size"]
            member.mode = 0o644
            with (staging / wheel["name"]).open("rb") as stream:
                archive.addfile(member, stream)


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Let one build at a time touch `output`; the next one waits and then finds it done."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with (output.parent / f".{output.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def replace(staging: Path, output: Path, aside: Path) -> None:
    """Put the new directory in the old one's place; the old one goes with `aside`'s parent."""
    if output.exists():
        output.rename(aside)
    staging.rename(output)


if __name__ == "__main__":
    sys.exit(main())
