"""Redis: who is written to, and whose history is whose."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from filter_engine.config.findings import Finding
from filter_engine.config.redis import PORT
from filter_engine.config.sections import OWN
from filter_engine.config.upstreams import Upstream, UpstreamList, parse_upstreams
from filter_engine.config.workers import FuzzyConfig
from filter_engine.lazy_dataclass import frozen
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation
from filter_engine.lint.tree import is_off, module_sections, named, text, texts
from filter_engine.ucl.nodes import UclNode, UclObject

#: Modules that only read what they find in Redis.
_READERS = frozenset({"multimap", "settings"})


@frozen
class _Servers:
    """One section that names Redis servers."""

    name: str
    section: UclObject
    servers: UpstreamList | None
    reading: UpstreamList | None
    writing: UpstreamList | None
    has_sentinels: bool

    def node(self, key: str) -> UclNode:
        return self.section.all(key)[0]


def _redis_sections(situation: Situation) -> Iterator[_Servers]:
    root = situation.config.tree
    for name, section in _candidates(root):
        if not is_off(section):
            yield from _servers(name, section)
    for placed in situation.workers:
        if isinstance(placed.worker, FuzzyConfig) and placed.worker.active:
            yield from _servers("worker 'fuzzy'", placed.section)


def _candidates(root: UclObject) -> Iterator[tuple[str, UclObject]]:
    for name in root:
        if (name in OWN and name != "redis") or name in _READERS:
            continue
        for _, section in module_sections(root, name):
            yield name, section
            for key, inner in named(section):
                if key in ("redis", "backend"):
                    yield f"{name}.{key}", inner


def _servers(name: str, section: UclObject) -> Iterator[_Servers]:
    lists = {key: _list(section, key) for key in ("servers", "read_servers", "write_servers")}
    is_redis = "redis" in name or not any(
        "/" in value for key in lists for value, _ in texts(section, key)
    )
    if any(lists.values()) and is_redis:
        yield _Servers(
            name,
            section,
            lists["servers"],
            lists["read_servers"],
            lists["write_servers"],
            "sentinels" in section,
        )


def _list(section: UclObject, key: str) -> UpstreamList | None:
    lines = [value for value, _ in texts(section, key) if value]
    try:
        return parse_upstreams(lines, PORT) if lines else None
    except ValueError:
        return None


def _key(upstream: Upstream) -> tuple[str, int]:
    try:
        local = ip_address(upstream.host).is_loopback
    except ValueError:
        local = upstream.host == "localhost"
    return ("localhost" if local else upstream.host.lower(), upstream.port)


@rule(
    "replica-written",
    doc="Redis is written through a list with several servers, or with one that elsewhere is only "
    "read: replicas refuse (READONLY), so greylisting, rate limits, replies, history or hashes "
    "are lost.",
)
def replica_written(situation: Situation) -> Iterator[Finding]:
    """Replicas are read, the primary alone is written."""
    found = list(_redis_sections(situation))
    read = {_key(u) for s in found if s.writing or s.servers for u in s.reading or ()}
    written = {_key(u) for s in found for u in s.writing or ()}
    replicas = read - written
    for section in found:
        if section.has_sentinels:
            continue
        writing, key = (
            (section.writing, "write_servers") if section.writing else (section.servers, "servers")
        )
        if writing is None:
            yield situation.finding(
                "replica-written",
                section.node("read_servers").origin,
                f"{section.name}: read_servers without write_servers: what is to be written has "
                "no place to go",
                "name the primary: write_servers = host:port",
            )
            continue
        node = section.node(key)
        if situation.is_shipped(node.origin):
            continue
        if len(writing) > 1:
            yield situation.finding(
                "replica-written",
                node.origin,
                f"{section.name}.{key} has {len(writing)} servers and is written to: only one can "
                "be the primary, the replicas refuse (READONLY)",
                "name the primary in write_servers and the others in read_servers, or use Sentinel",
            )
        elif (only := writing.upstreams[0]) and _key(only) in replicas and key == "servers":
            yield situation.finding(
                "replica-written",
                node.origin,
                f"{section.name}.{key} writes to {only.name}, which is only read elsewhere: a "
                "replica refuses (READONLY)",
                "write write_servers = the primary, read_servers = this one",
            )


@rule(
    "shared-history",
    doc="Several hosts keep their history under one key: each host's WebUI shows the others' "
    "messages, and they push one another's out.",
)
def shared_history(situation: Situation) -> Iterator[Finding]:
    """``{{HOSTNAME}}`` in ``key_prefix``."""
    if not _is_fleet(situation):
        return
    hostname = situation.config.variables.get("HOSTNAME", "")
    for _, section in module_sections(situation.config.tree, "history_redis"):
        for key in ("key_prefix", "prefix"):
            node = section.get(key)
            value = text(node)
            if node is None or not value or "HOSTNAME" in value:
                continue
            if hostname and hostname in value:
                continue
            yield situation.finding(
                "shared-history",
                node.origin,
                f"history_redis.{key} {value!r} has no host name, and this site has several "
                "hosts: their histories mix",
                'write key_prefix = "rs_history{{HOSTNAME}}{{COMPRESS}}"',
            )


@rule(
    "unshared-scores",
    doc="`dynamic_conf` uses a Redis of this host alone, on a site with several hosts: scores that "
    "the WebUI saves do not reach the others.",
)
def unshared_scores(situation: Situation) -> Iterator[Finding]:
    """Servers of its own where those of ``redis { }`` are this host's."""
    shared = situation.config.redis
    if shared is None or shared.sentinels is not None or not _is_fleet(situation):
        return
    if not all(_key(server)[0] == "localhost" for server in shared.writing or ()):
        return
    own = ("servers", "read_servers", "write_servers", "sentinels", "redis")
    for _, section in module_sections(situation.config.tree, "dynamic_conf"):
        if not section.entries or is_off(section) or any(key in section for key in own):
            continue
        first = next(iter(section.entries.values()))[0]
        yield situation.finding(
            "unshared-scores",
            first.origin,
            "dynamic_conf uses the servers of redis { }, which are this host's alone: what is "
            "saved here does not reach the other hosts",
            "write read_servers and write_servers (or sentinels) of a Redis that replicates",
        )


def _is_fleet(situation: Situation) -> bool:
    if len(situation.config.options.neighbours) > 1:
        return True
    scanners = {
        _key(host)[0]
        for proxy in situation.config.proxies
        for upstream in proxy.upstreams.values()
        for host in upstream.hosts or ()
        if not host.is_unix
    }
    return bool(scanners - {"localhost"})
