"""The resolvers this machine uses: the default where no configuration names any."""

from __future__ import annotations

from pathlib import Path

import dns.exception
import dns.resolver

from filter_engine.config.upstreams import Rotation, Upstream, UpstreamList

RESOLV_CONF = Path("/etc/resolv.conf")


def system_nameservers(path: Path = RESOLV_CONF) -> UpstreamList:
    """The nameservers of resolv.conf in their order; an empty list when there are none.

    Questions to an empty list fail at once, so that a scan without network does not wait.
    """
    try:
        resolver = dns.resolver.Resolver(str(path))
    except (dns.exception.DNSException, OSError, UnicodeError):
        return UpstreamList((), Rotation.SEQUENTIAL)
    hosts = dict.fromkeys(server for server in resolver.nameservers if isinstance(server, str))
    return UpstreamList(tuple(Upstream(host, resolver.port) for host in hosts), Rotation.SEQUENTIAL)
