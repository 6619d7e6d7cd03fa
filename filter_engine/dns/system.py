"""The DNS client a configuration asks for; it uses the machine's resolvers when none are named."""

from __future__ import annotations

from pathlib import Path

from filter_engine.config.model import OptionsConfig
from filter_engine.config.upstreams import Rotation, Upstream, UpstreamList
from filter_engine.dns.client import REST, DnsClient
from filter_engine.upstream.upstream_set import Health

RESOLV_CONF = Path("/etc/resolv.conf")


def system_nameservers(path: Path = RESOLV_CONF) -> UpstreamList:
    """The nameservers of resolv.conf in their order; an empty list when there are none.

    Questions to an empty list fail at once, so that a scan without network does not wait.
    """
    import dns.exception  # here, as most sites name their resolver, and it is dear to load
    import dns.resolver

    try:
        resolver = dns.resolver.Resolver(str(path))
    except (dns.exception.DNSException, OSError, UnicodeError):
        return UpstreamList((), Rotation.SEQUENTIAL)
    hosts = dict.fromkeys(server for server in resolver.nameservers if isinstance(server, str))
    return UpstreamList(tuple(Upstream(host, resolver.port) for host in hosts), Rotation.SEQUENTIAL)


def client_for(options: OptionsConfig) -> DnsClient:
    """A client as ``options.dns`` and ``options.upstream`` say."""
    config = options.dns
    servers = config.nameservers if config.nameservers is not None else system_nameservers()
    return DnsClient(
        servers,
        timeout=config.timeout,
        retransmits=config.retransmits,
        sockets=config.sockets,
        health=Health.of(options.upstream, rest=REST),
    )
