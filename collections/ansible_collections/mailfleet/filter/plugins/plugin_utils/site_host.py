"""What the rules of a whole site see of one host: the configuration its role is going to write."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Data = Mapping[str, Any]

# libucl's multipliers: k, m, g by 1000; kb, mb, gb by 1024.
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmg]?)(b?)\Z", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3}
_ENDPOINT = re.compile(r"(?:\[([^]]+)\]|([^:\[\]]+))(?::([0-9]{1,5}))?(?::[0-9]+)?\Z")
_ROTATION = re.compile(r"(master-slave|round-robin|random|hash|sequential|sticky):")
_YES = (True, "yes", "true", "on", 1)


class DescriptionError(ValueError):
    """A host's description lacks something or cannot be read; the text names host and key."""


@dataclass(frozen=True)
class Endpoint:
    """An address (`*` for all) or a name, and a port (None where none is written)."""

    address: str
    port: int | None

    @property
    def is_loopback(self) -> bool:
        """Whether it is this host alone."""
        if self.address == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return host if self.port is None else f"{host}:{self.port}"


@dataclass(frozen=True)
class Host:
    """One host: its name, its addresses, and the files of the filter as data."""

    name: str
    roles: frozenset[str]
    vpn: tuple[str, ...]
    redis_role: str
    redis_instances: Sequence[Data]
    redis_tls: bool
    redis_flavour: str
    redis_password_digest: str
    """Only compared: the password itself never gets here."""
    message_size_limit: int
    version: str
    stand_ins: bool
    lab: bool
    files: Mapping[str, Data]
    """File name -> content, override.d merged over local.d."""

    def section(self, file: str) -> Data:
        """Return a file's content, empty where it is not written."""
        return self.files.get(file, {})

    @property
    def upstreams(self) -> Mapping[str, Data]:
        """The scan upstreams of the proxy worker, by name."""
        found = self.section("worker-proxy.inc").get("upstream")
        return found if isinstance(found, Mapping) else {}

    @property
    def scanners(self) -> list[Endpoint]:
        """Where the default upstream leads; empty where the proxy scans by itself."""
        for upstream in self.upstreams.values():
            if is_yes(upstream.get("default")) and not is_yes(upstream.get("self_scan")):
                return endpoints(upstream.get("hosts"))
        return []

    def runs(self, file: str) -> bool:
        """Whether the worker of this file is on."""
        section = self.section(file)
        count = section.get("count", -1 if file == "worker-fuzzy.inc" else 1)
        return is_yes(section.get("enabled", True)) and count not in (0, -1)

    def sockets(self, file: str) -> list[Endpoint]:
        """Where a worker that is on listens for TCP or UDP."""
        return endpoints(self.section(file).get("bind_socket")) if self.runs(file) else []


def read_host(description: Data) -> Host:
    """Return a host from the mapping that preflight made. Raises `DescriptionError`."""
    name = str(description.get("name", "a host without a name"))
    try:
        return Host(
            name=name,
            roles=frozenset(map(str, description["roles"])),
            vpn=tuple(map(str, description["vpn"])),
            redis_role=str(description["redis_role"]),
            redis_instances=list(description["redis_instances"]),
            redis_tls=is_yes(description["redis_tls"]),
            redis_flavour=str(description["redis_flavour"]),
            redis_password_digest=str(description["redis_password_digest"]),
            message_size_limit=int(description["message_size_limit"]),
            version=str(description["version"]),
            stand_ins=is_yes(description["stand_ins"]),
            lab=is_yes(description["lab"]),
            files=_merged(description["local"], description["override"]),
        )
    except KeyError as error:
        raise DescriptionError(f"{name}: {error.args[0]} is missing") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise DescriptionError(f"{name}: {error}") from error


def _merged(below: Data, above: Data) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            value = _merged(known, value)
        merged[key] = value
    return merged


def is_yes(value: object) -> bool:
    """Whether a value is one of UCL's true ones."""
    return value in _YES


def octets(size: object) -> int | None:
    """Return a size in octets; None for what is none."""
    found = _SIZE.match(str(size))
    if not found:
        return None
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[unit.lower()])


def endpoints(value: object) -> list[Endpoint]:
    """Return the endpoints of a list of upstreams or sockets; Unix sockets are left out."""
    texts = value if isinstance(value, list | tuple) else [] if value is None else [value]
    found = []
    for text in texts:
        for part in _ROTATION.sub("", str(text), count=1).split(","):
            match = _ENDPOINT.match(part.strip())
            if match and "/" not in part:
                bracketed, plain, port = match.groups()
                found.append(Endpoint(bracketed or plain, int(port) if port else None))
    return found


def mappings(data: object, place: str) -> Iterator[tuple[str, Data]]:
    """Every mapping inside of data, with where it stands."""
    if isinstance(data, Mapping):
        yield place, data
        for key, value in data.items():
            yield from mappings(value, f"{place} {key}")
