"""The golden image: Debian 12 with systemd, SSH, Python and all packages the roles ask for.

Built by mmdebstrap from the machine's own apt sources, imported into Podman and kept under a tag
that is the hash of everything it is made from: it is built again only when that changes.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from lab.apt_sources import apt_sources
from lab.errors import LabError
from lab.lock import locked
from lab.paths import PACKAGE, PROJECT, STATE
from lab.programs import require, run

REPOSITORY = "localhost/mailfleet-lab"
ROOTFS = PACKAGE / "rootfs"
OWN_PACKAGES = PACKAGE / "image_packages.yml"
LOG = STATE / "logs" / "image.log"
ARCHIVES = PROJECT / ".cache" / "apt-archives"

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+")

# Where each file of rootfs/ goes, with its mode.
_FILES = {
    "container-init": ("/usr/local/sbin/container-init", "0755"),
    "lab.preset": ("/etc/systemd/system-preset/00-lab.preset", "0644"),
    "ssh-lab.conf": ("/etc/ssh/sshd_config.d/lab.conf", "0644"),
}

# Done in this order in the finished tree, $1: identity is given at the first boot, never baked in;
# services do not start by themselves; a container has no consoles.
_FINISH = (
    'rm -f "$1"/etc/ssh/ssh_host_* "$1"/var/lib/dbus/machine-id',
    ': > "$1"/etc/machine-id',
    'chroot "$1" systemctl --quiet preset-all',
    'chroot "$1" systemctl --quiet mask getty.target console-getty.service',
    # Which hosts have backports is the roles' to say.
    'find "$1"/etc/apt -name "*.list" -exec sed -i "/^deb .* bookworm-backports main$/d" {} +',
    'rm -f "$1"/etc/redis/redis.conf.dpkg-* "$1"/etc/postsrsd.secret',
)

_OPTIONS = (
    "--variant=minbase",
    "--mode=root",
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
)


def role_packages(roles: Path = PROJECT / "roles") -> dict[str, list[str]]:
    """What each role may install: `__ROLE_packages` and `__ROLE_x_packages` in vars/main.yml.

    Raises LabError, naming the file, when a list is not a plain list of package names.
    """
    found = {}
    for path in sorted(roles.glob("*/vars/main.yml")):
        role = path.parent.parent.name
        try:
            variables = yaml.safe_load(path.read_text()) or {}
        except yaml.YAMLError as error:
            raise LabError(f"{path}: not YAML: {error}") from error
        names = re.compile(rf"__{role}_([a-z]+_)?packages")
        found[role] = union(
            _package_list(path, key, value)
            for key, value in variables.items()
            if names.fullmatch(key)
        )
    return found


def own_packages(path: Path = OWN_PACKAGES) -> dict[str, list[str]]:
    """The lab's own lists, by purpose."""
    data = yaml.safe_load(path.read_text())
    return {key: _package_list(path, key, value) for key, value in data.items()}


def _package_list(path: Path, key: str, value: object) -> list[str]:
    if not isinstance(value, list):
        raise LabError(f"{path}: {key} must be a plain list of apt package names")
    for package in value:
        if not isinstance(package, str) or not _PACKAGE.fullmatch(package):
            raise LabError(f"{path}: {key}: {package!r} is not the name of an apt package")
    return value


def union(lists: Iterable[Iterable[str]]) -> list[str]:
    """All packages once, sorted."""
    return sorted({package for packages in lists for package in packages})


def image_packages() -> list[str]:
    """Everything the golden image holds on top of a minimal Debian."""
    return union([*own_packages().values(), *role_packages().values()])


def image_tag(packages: Sequence[str]) -> str:
    """Name of the image made of these packages and of the files in rootfs/."""
    parts = {
        "packages": list(packages),
        "files": {name: (ROOTFS / name).read_text() for name in sorted(_FILES)},
        "places": _FILES,
        "finish": _FINISH,
        "options": _OPTIONS,
        "suite": apt_sources().suite,
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return f"{REPOSITORY}:{digest[:12]}"


def image_exists(tag: str) -> bool:
    return run(["podman", "image", "exists", tag], check=False).returncode == 0


def ensure_image(*, rebuild: bool = False) -> tuple[str, bool]:
    """Build the golden image unless it is there; return its tag and whether it was built."""
    tag = image_tag(image_packages())
    if not rebuild and image_exists(tag):
        return tag, False
    require()
    with locked(STATE / "image.lock"):
        packages = image_packages()
        tag = image_tag(packages)
        if not rebuild and image_exists(tag):
            return tag, False
        _build(tag, packages)
        _prune()
    return tag, True


def _build(tag: str, packages: Sequence[str]) -> None:
    sources = apt_sources()
    ARCHIVES.mkdir(parents=True, exist_ok=True)
    LOG.parent.mkdir(parents=True, exist_ok=True)
    hooks = [
        # Packages once fetched are kept: a new list costs only what is new.
        'setup:mkdir -p "$1"/var/cache/apt/archives/partial',
        f'setup:cp -n "{ARCHIVES}"/*.deb "$1"/var/cache/apt/archives/ 2>/dev/null || true',
        f'customize:cp -n "$1"/var/cache/apt/archives/*.deb "{ARCHIVES}"/',
    ]
    for name, (place, mode) in _FILES.items():
        hooks.append(f'customize:install -D -m {mode} "{ROOTFS / name}" "$1"{place}')
    hooks += [f"customize:{line}" for line in _FINISH]
    build = [
        "mmdebstrap",
        *_OPTIONS,
        "--skip=download/empty,essential/unlink",
        f"--include={','.join(packages)}",
        *(f"--{kind}-hook={line}" for kind, line in (hook.split(":", 1) for hook in hooks)),
        sources.suite,
        "-",
        *sources.files,
        *((sources.backports,) if sources.backports else ()),
    ]
    load = [
        "podman",
        "import",
        "--quiet",
        '--change=CMD ["/usr/local/sbin/container-init"]',
        "--change=STOPSIGNAL SIGRTMIN+3",
        "-",
        tag,
    ]
    with LOG.open("wb") as log:
        with subprocess.Popen(build, stdout=subprocess.PIPE, stderr=log) as builder:  # noqa: S603 - ours
            loaded = subprocess.run(  # noqa: S603 - ours
                load, stdin=builder.stdout, stdout=log, stderr=log, check=False
            )
        if builder.returncode != 0 or loaded.returncode != 0:
            run(["podman", "image", "rm", "--ignore", tag], check=False)
            words = LOG.read_text(errors="replace").strip().splitlines()[-12:]
            raise LabError(f"building the image failed ({LOG}):\n  " + "\n  ".join(words))


def _prune(keep: int = 2) -> None:
    """Remove all but the newest images; an `up` that runs beside us may just have chosen the last.

    Podman refuses to remove what a container still uses; the next build tries again.
    """
    listing = run(
        ["podman", "images", "--sort=created", "--format={{.Repository}}:{{.Tag}}", REPOSITORY]
    )
    for tag in listing.stdout.decode().split()[keep:]:
        run(["podman", "image", "rm", tag], check=False)
