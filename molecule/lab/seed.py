"""What a host finds under /lab when it boots: its identity, its routes, its first services.

`first_boot.tar` is unpacked over / at the first boot only, so that a host killed and started again
keeps what the roles made of it; `network` is read at every boot; `enable` names the units that
run from the start. rootfs/container-init is the reader.
"""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.internet import Internet
from lab.plan import LabHost


@dataclass(frozen=True)
class SeedFile:
    """A file of the host: absolute path, content, mode and owner (user and group by name)."""

    path: str
    content: str | bytes
    mode: int = 0o644
    owner: str = "root"


@dataclass(frozen=True)
class Seed:
    """Everything one host is given."""

    files: Sequence[SeedFile]
    network: str
    enable: Sequence[str] = ()


def identity_files(
    host: LabHost, internet: Internet, authorized_key: str, host_key: bytes
) -> list[SeedFile]:
    """Who the host is and who may log in. DNS is the root server's until a role says otherwise."""
    own = [address for address in (host.ipv4, host.ipv6) if address]
    names = host.fqdn if host.fqdn == host.name else f"{host.fqdn} {host.name}"
    hosts = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
    hosts += "".join(f"{address} {names}\n" for address in own)
    return [
        SeedFile("/etc/hostname", f"{host.name}\n"),
        SeedFile("/etc/hosts", hosts),
        SeedFile("/etc/resolv.conf", f"nameserver {internet.root_server.address}\n"),
        SeedFile("/etc/ssh/ssh_host_ed25519_key", host_key, 0o600),
        SeedFile("/root/.ssh/authorized_keys", authorized_key, 0o600),
    ]


def write_seed(directory: Path, seed: Seed) -> None:
    """Write a seed; the directory is readable by its owner only."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700, parents=True)
    (directory / "network").write_text(seed.network)
    (directory / "enable").write_text("".join(f"{unit}\n" for unit in seed.enable))
    with tarfile.open(directory / "first_boot.tar", "w") as archive:
        for file in seed.files:
            content = file.content.encode() if isinstance(file.content, str) else file.content
            member = tarfile.TarInfo(file.path.lstrip("/"))
            member.size = len(content)
            member.mode = file.mode
            member.uname = member.gname = file.owner
            archive.addfile(member, io.BytesIO(content))
