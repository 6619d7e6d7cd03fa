"""Where things lie: the project, the lab's own data files and the state of each lab."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

PACKAGE = Path(__file__).resolve().parent
PROJECT = PACKAGE.parent.parent
STATE = PROJECT / ".lab"
RUNTIME = Path("/run/mailfleet-lab")

DEFAULT_NAME = "mailfleet"
DEFAULT_SITE = PROJECT / "inventories" / "three_hosts"

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,23}")


def make_command(target: str, lab: str) -> str:
    """The make command, as a person types it, that does `target` to a lab."""
    return f"`make {target}`" if lab == DEFAULT_NAME else f"`make {target} LAB={lab}`"


@dataclass(frozen=True)
class LabPaths:
    """The files of the lab called `name`; `project` is the checkout that keeps its state."""

    name: str
    project: Path = PROJECT

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise LabError(
                f"{self.name!r} is not a name for a lab: "
                "use a lower-case letter, then up to 23 letters, digits, '_' or '-'"
            )

    @property
    def state(self) -> Path:
        """Everything that lives as long as the lab does; gone after `down`."""
        return self.project / STATE.name / self.name

    @property
    def lock(self) -> Path:
        """Held while a verb changes the lab, from whichever checkout."""
        return RUNTIME / f"{self.name}.lock"

    @property
    def owner(self) -> Path:
        """Names the project that made the lab."""
        return RUNTIME / f"{self.name}.owner"

    def journal(self, host: str) -> Path:
        """What a host that did not come up said while booting; kept after `down`."""
        return STATE / "logs" / f"{self.name}-{host}.log"

    @property
    def sockets(self) -> Path:
        """Control sockets of SSH; short, because a socket's path is limited to 108 bytes."""
        return RUNTIME / self.name

    @property
    def networks(self) -> Path:
        """Podman's network files, one directory a lab, so that labs may use the same subnets."""
        return self.state / "networks"

    @property
    def containers_conf(self) -> Path:
        """What Podman must be told on machines without systemd or with cgroup v1."""
        return self.state / "containers.conf"

    @property
    def seeds(self) -> Path:
        """One directory a host: what it finds under /lab at boot."""
        return self.state / "seeds"

    @property
    def secrets(self) -> Path:
        """Private keys that belong to the controller or to the lab's Internet, mode 0700."""
        return self.state / "secrets"

    def dkim_key(self, domain: str, selector: str) -> Path:
        """The private key with which the lab's Internet signs for one of its domains."""
        return self.secrets / f"{domain}.{selector}.key"

    @property
    def ssh_key(self) -> Path:
        return self.secrets / "id_ed25519"

    @property
    def ssh_config(self) -> Path:
        return self.state / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        return self.state / "known_hosts"

    @property
    def inventory(self) -> Path:
        """The generated inventory directory, used beside the site's own."""
        return self.state / "inventory"

    @property
    def description(self) -> Path:
        """Which site was booted (JSON); present as long as the lab is more than a namespace."""
        return self.state / "lab.json"
