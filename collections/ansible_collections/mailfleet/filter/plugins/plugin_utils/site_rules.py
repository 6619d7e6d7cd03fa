"""What must be true of the hosts of a site together, asked before any of them is touched.

One host's own faults are the engine's to find (`filter-engine configtest`); a rule stands here if
it needs a second host, or the inventory, to be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ansible_collections.mailfleet.filter.plugins.plugin_utils.site_host import (
    Data,
    Endpoint,
    Host,
    endpoints,
    is_yes,
    mappings,
    octets,
    read_host,
)

# The variable to look at for a file; for all others filter_engine_local_d.
VARIABLES = {
    "actions.conf": "filter_engine_actions",
    "antivirus.conf": "filter_engine_antivirus",
    "classifier-bayes.conf": "filter_engine_bayes",
    "dmarc.conf": "filter_engine_dmarc_actions",
    "hfilter_group.conf": "filter_engine_hfilter_hostname_unknown_score",
    "milter_headers.conf": "filter_engine_headers",
    "settings.conf": "filter_engine_check_authenticated",
}
# Files that say what a host is, not what a mail is worth.
OF_ONE_HOST = frozenset(
    {
        "arc.conf",
        "dkim_signing.conf",
        "history_redis.conf",
        "logging.inc",
        "metadata_exporter.conf",
        "privacy.conf",  # of users' mail, which is scanned where it is taken
        "redis.conf",
        "worker-controller.inc",
        "worker-fuzzy.inc",
        "worker-normal.inc",
        "worker-proxy.inc",
    }
)
# In fuzzy_check.conf: where hashes are asked for (each host's own storage first) and who teaches
# decides about no mail.
WHERE_OF_HASHES = frozenset({"mode", "read_only", "read_servers", "servers", "write_servers"})
# What of options.inc decides about mail.
OPTIONS_OF_MAIL = ("local_networks", "max_message", "soft_reject_on_timeout", "task_timeout")
# Octets that an exchanger may add to a mail: its trace, the verdict with all symbols, a seal.
GROWTH = 131072
LISTENERS = {
    "worker-proxy.inc": "proxy worker",
    "worker-normal.inc": "scanner",
    "worker-controller.inc": "controller",
    "worker-fuzzy.inc": "fuzzy storage",
}

Found = Iterator[tuple[str, str]]
"""Name of a host, and what is wrong with it."""


def site_findings(descriptions: Iterable[Data]) -> list[str]:
    """Return every problem of a site, one line each, beginning with the hosts that have it.

    `descriptions` are the mappings that `playbooks/preflight.yml` makes, one a host. Raises
    `DescriptionError` for one that cannot be read.
    """
    hosts = [read_host(one) for one in descriptions]
    names: dict[str, list[str]] = {}
    for rule in RULES:
        for name, text in rule(hosts):
            if name not in names.setdefault(text, []):
                names[text].append(name)
    return [f"{', '.join(having)}: {text}" for text, having in names.items()]


def one_default_upstream(hosts: Sequence[Host]) -> Found:
    """The proxy worker has one default upstream."""
    for host in hosts:
        default = [n for n, upstream in host.upstreams.items() if is_yes(upstream.get("default"))]
        if len(default) != 1:
            named = ", ".join(sorted(default)) or "none"
            yield (
                host.name,
                f"the proxy worker needs one default upstream, and has {named}: the role writes"
                f' "local"; in filter_engine_local_d["worker-proxy.inc"] give others no default',
            )


def scanners_listen(hosts: Sequence[Host]) -> Found:
    """Every scanner of a host's upstream listens where the upstream says (E7, E16, E17)."""
    owners = {address: host for host in hosts for address in host.vpn}
    for host in hosts:
        for scanner in host.scanners:
            owner = host if scanner.is_loopback else owners.get(scanner.address)
            if owner is None:
                yield (
                    host.name,
                    f"scanner {scanner} (filter_engine_scan_upstreams_line) is no VPN address of"
                    " any host of the site",
                )
            elif not _listens(owner, scanner):
                yield (
                    host.name,
                    f"scanner {scanner} (filter_engine_scan_upstreams_line): the scanner of"
                    f" {owner.name} does not listen there; see filter_engine_listen_addresses and"
                    f' filter_engine_local_d["worker-normal.inc"] of {owner.name}',
                )


def _listens(owner: Host, scanner: Endpoint) -> bool:
    return any(
        own.port in (scanner.port, None) and own.address in (scanner.address, "*")
        for own in owner.sockets("worker-normal.inc")
    )


def inner_addresses_only(hosts: Sequence[Host]) -> Found:
    """A worker listens on loopback and on the host's own VPN addresses (E17, E22)."""
    owners = {address: host.name for host in hosts for address in host.vpn}
    for host in hosts:
        for file, worker in LISTENERS.items():
            for socket in host.sockets(file):
                if socket.is_loopback or socket.address in host.vpn:
                    continue
                owner = owners.get(socket.address)
                whose = f"the address of {owner}" if owner else "not on loopback or the VPN"
                yield (
                    host.name,
                    f"the {worker} would listen on {socket}, {whose}: see"
                    " filter_engine_listen_addresses (here:"
                    f" {', '.join(host.vpn) or 'no VPN, so []'})",
                )


def neighbours_differ(hosts: Sequence[Host]) -> Found:
    """Each neighbour has a path of its own, over HTTPS (E15)."""
    for host in hosts:
        paths: dict[str, str] = {}
        neighbours = host.section("options.inc").get("neighbours") or {}
        for name, neighbour in neighbours.items():
            url, path = str(neighbour.get("host", "")), str(neighbour.get("path", "/"))
            if not url.startswith("https://"):
                yield (
                    host.name,
                    f"filter_engine_neighbours: {name} is not asked over https ({url}): the"
                    " browser would send the password in clear",
                )
            if path in paths:
                yield (
                    host.name,
                    f"filter_engine_neighbours: {paths[path]} and {name} have the same path {path}",
                )
            paths.setdefault(path, name)


def history_of_each_host(hosts: Sequence[Host]) -> Found:
    """Hosts of a fleet do not write one history (D14)."""
    prefixes: dict[str, list[str]] = {}
    for host in hosts:
        prefix = str(host.section("history_redis.conf").get("key_prefix") or "")
        if prefix and "HOSTNAME" not in prefix:
            prefixes.setdefault(prefix, []).append(host.name)
    for prefix, names in prefixes.items():
        if len(names) > 1:
            for name in names:
                yield (
                    name,
                    f'filter_engine_history_prefix "{prefix}" is the same on several hosts: put'
                    " {{HOSTNAME}} into it, or leave it empty",
                )


def replicas_are_not_written(hosts: Sequence[Host]) -> Found:
    """What is replicated is written at the primary."""
    primary = {address for host in hosts if host.redis_role == "primary" for address in host.vpn}
    for host in hosts:
        replicated = {one["port"] for one in host.redis_instances if is_yes(one.get("replicate"))}
        for file, content in host.files.items():
            for place, section in mappings(content, file):
                for server in endpoints(section.get("write_servers") or section.get("servers")):
                    if server.port not in replicated:
                        continue
                    own = server.is_loopback and host.redis_role == "primary"
                    if not own and server.address not in primary:
                        yield (
                            host.name,
                            f"{place} writes to the replica {server}: write_servers must be the"
                            ' primary ("{{ site_redis_primary_address }}'
                            f':{server.port}"), servers alone are written too; see'
                            " filter_engine_redis and filter_engine_fuzzy_redis",
                        )


def tls_on_both_sides(hosts: Sequence[Host]) -> Found:
    """Where Redis speaks TLS the filter does, and nowhere else; all hosts alike."""
    if len({host.redis_tls for host in hosts}) > 1:
        for host in hosts:
            yield host.name, "redis_tls is not the same on these hosts: set it for all"
    for host in hosts:
        replicated = {one["port"] for one in host.redis_instances if is_yes(one.get("replicate"))}
        for file, content in host.files.items():
            for place, section in mappings(content, file):
                asked = [
                    server
                    for key in ("servers", "read_servers", "write_servers")
                    for server in endpoints(section.get(key))
                    if server.port in replicated
                ]
                if asked and is_yes(section.get("ssl", False)) != host.redis_tls:
                    wrong, right = (
                        ("without", "ssl: true and ssl_ca")
                        if host.redis_tls
                        else ("with", "no ssl")
                    )
                    yield (
                        host.name,
                        f"{place} asks {asked[0]} {wrong} TLS, and redis_tls is"
                        f" {str(host.redis_tls).lower()}: it needs {right} (docs/store.md)",
                    )


def one_flavour(hosts: Sequence[Host]) -> Found:
    """What Valkey sends, an older Redis cannot read (D13)."""
    if len({host.redis_flavour for host in hosts}) > 1:
        for host in hosts:
            yield host.name, "redis_flavour is not the same on these hosts: set it for all"


def sizes_in_order(hosts: Sequence[Host]) -> Found:
    """Postfix takes no more than the engine scans, the engine no more than clamd."""
    for host in hosts:
        postfix = host.message_size_limit
        written = host.section("options.inc").get("max_message")
        engine = octets(written)
        if engine is not None and not 0 < postfix <= engine:
            taken = str(postfix) if postfix else "without limit"
            yield (
                host.name,
                f"postfix_message_size_limit ({taken}) is more than filter_engine_max_message"
                f" ({written}, {engine}): the largest mails would pass unscanned",
            )
        for place, rule in mappings(host.section("antivirus.conf"), "filter_engine_antivirus"):
            clamd = octets(rule.get("max_size", ""))
            if engine is not None and clamd is not None and clamd < engine:
                yield (
                    host.name,
                    f"{place} max_size ({clamd}) is less than filter_engine_max_message"
                    f" ({written}, {engine}): the largest mails would pass without a virus scan",
                )


def room_for_headers(hosts: Sequence[Host]) -> Found:
    """What an exchanger takes, an access server takes from it: with the headers that it got."""
    taken = [host for host in hosts if "mas" not in host.roles and host.message_size_limit]
    if not taken:
        return
    largest = max(taken, key=lambda host: host.message_size_limit)
    for host in hosts:
        needed = largest.message_size_limit + GROWTH
        if "mas" in host.roles and 0 < host.message_size_limit < needed:
            yield (
                host.name,
                f"postfix_message_size_limit ({host.message_size_limit}) leaves the mail of"
                f" {largest.name} ({largest.message_size_limit}) no room to grow by its headers:"
                f" write {needed} or more, or the largest mails come back to their senders",
            )


def _without(value: Any, keys: frozenset[str]) -> Any:
    """A value without these keys, at any depth."""
    if isinstance(value, dict):
        return {name: _without(one, keys) for name, one in value.items() if name not in keys}
    return [_without(one, keys) for one in value] if isinstance(value, list) else value


def stand_ins_judge_alike(hosts: Sequence[Host]) -> Found:
    """A mail gets the same verdict from every scanner that may get it (E7)."""
    owners = {address: host for host in hosts for address in host.vpn}
    together: dict[str, Host] = {}
    for host in hosts:
        others = [owners[s.address] for s in host.scanners if s.address in owners]
        if host.stand_ins and others:
            together |= {one.name: one for one in (host, *others)}
    alike = [host for host in hosts if host.name in together]
    for file in sorted({name for host in alike for name in host.files} - OF_ONE_HOST):
        sections = {host.name: host.section(file) for host in alike}
        keys = sorted({key for section in sections.values() for key in section}, key=str)
        for key in keys:
            if key == "read_servers" or (file == "options.inc" and key not in OPTIONS_OF_MAIL):
                continue
            where = WHERE_OF_HASHES if file == "fuzzy_check.conf" else frozenset()
            values = {
                name: _without(section.get(key, _ABSENT), where)
                for name, section in sections.items()
            }
            first = next(iter(values.values()))
            if any(value != first for value in values.values()):
                variable = VARIABLES.get(file, f'filter_engine_local_d["{file}"]')
                shown = "; ".join(f"{name}: {_shown(value)}" for name, value in values.items())
                text = (
                    f"scan for one another, but {key} of {file} differs ({shown}): set {variable}"
                    " for the whole site"
                )
                for host in alike:
                    yield host.name, text


_ABSENT = object()


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "not set"
    if value is None or isinstance(value, bool | int | float):
        return str(value).lower()
    return "otherwise"


def one_password_for_redis(hosts: Sequence[Host]) -> Found:
    """Replicas and clients log in with one password (E26)."""
    if len({host.redis_password_digest for host in hosts}) > 1:
        for host in hosts:
            yield host.name, "redis_password is not the same on these hosts: set it for all"


def primary_alone_learns(hosts: Sequence[Host]) -> Found:
    """The fuzzy storage takes changes where its Redis can be written (E21, E22)."""
    for host in hosts:
        if host.redis_role != "primary" and host.runs("worker-fuzzy.inc"):
            allowed = host.section("worker-fuzzy.inc").get("allow_update")
            if allowed:
                yield (
                    host.name,
                    "filter_engine_fuzzy_allow_update is not empty, and its Redis is a replica:"
                    " only the primary's storage takes changes",
                )


def no_test_patterns(hosts: Sequence[Host]) -> Found:
    """GTUBE's milder patterns are for a lab."""
    for host in hosts:
        options = host.section("options.inc")
        on = options.get("gtube_patterns") == "all" or is_yes(options.get("enable_test_patterns"))
        if on and not host.lab:
            yield (
                host.name,
                "test patterns are on, so every sender chooses the action: take gtube_patterns and"
                ' enable_test_patterns out of filter_engine_local_d["options.inc"]',
            )


def one_version(hosts: Sequence[Host]) -> Found:
    """Hosts that share data and scan for one another run one version."""
    versions = {host.name: host.version or "any" for host in hosts}
    if len(set(versions.values())) > 1:
        shown = ", ".join(f"{name}: {version}" for name, version in versions.items())
        for host in hosts:
            yield host.name, f"filter_engine_version differs ({shown}): set it for the whole site"


RULES: tuple[Callable[[Sequence[Host]], Found], ...] = (
    one_default_upstream,
    scanners_listen,
    inner_addresses_only,
    neighbours_differ,
    history_of_each_host,
    replicas_are_not_written,
    tls_on_both_sides,
    one_flavour,
    sizes_in_order,
    room_for_headers,
    stand_ins_judge_alike,
    one_password_for_redis,
    primary_alone_learns,
    no_test_patterns,
    one_version,
)
