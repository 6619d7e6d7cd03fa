"""Certificates and keys of sockets that speak TLS."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from filter_engine.config.findings import Finding, Severity
from filter_engine.config.redis import SERVER_LISTS
from filter_engine.config.redis_sections import redis_sections
from filter_engine.config.schema import Section
from filter_engine.config.workers import ProxyConfig, ScanUpstream, TlsWorkerSection
from filter_engine.lint.declare import rule
from filter_engine.lint.host import Account
from filter_engine.lint.situation import Situation


def _workers(situation: Situation) -> Iterator[TlsWorkerSection]:
    """The workers that are to run and speak TLS with a certificate."""
    for placed in situation.workers:
        worker = placed.worker
        if (
            isinstance(worker, TlsWorkerSection)
            and worker.active
            and worker.ssl_cert
            and any(map(worker.speaks_tls, placed.worker.bind_socket))
        ):
            yield worker


def _proxies(situation: Situation) -> Iterator[ProxyConfig]:
    """Those that are to run."""
    for placed in situation.workers:
        if isinstance(placed.worker, ProxyConfig) and placed.worker.active:
            yield placed.worker


def _scanners(situation: Situation) -> Iterator[tuple[str, ScanUpstream]]:
    """What a proxy that is to run asks, with its name."""
    for proxy in _proxies(situation):
        for name, scanners in proxy.upstreams.items():
            if not scanners.self_scan:
                yield f"worker {proxy.kind!r}: upstream {name!r}", scanners


def _is_on_host(section: Section) -> bool:
    """Whether all servers that a section names are unix sockets, and there are some."""
    lists = ("hosts", *SERVER_LISTS)
    servers = [server for name in lists for server in getattr(section, name, None) or ()]
    return bool(servers) and all(server.is_unix for server in servers)


def _files(situation: Situation) -> Iterator[tuple[Section, str, str, str]]:
    """(section, option, its name, what then) of each option that names a file that is read."""
    for worker in _workers(situation):
        for option in ("ssl_cert", "ssl_key"):
            yield worker, option, f"worker {worker.kind!r}", "the service does not start"
    for proxy in _proxies(situation):
        scanners = proxy.default_upstream
        if scanners is not None and scanners.ssl and not scanners.self_scan:
            yield scanners, "ssl_ca", f"worker {proxy.kind!r}", "the service does not start"
    for name, section in redis_sections(situation.config):
        if getattr(section, "ssl", False) and not _is_on_host(section):
            for option in ("ssl_ca", "ssl_cert", "ssl_key"):
                yield section, option, name, "its Redis is not reached"


@rule(
    "unreadable-certificate",
    Severity.ERROR,
    needs_host=True,
    doc="The certificate of a worker that speaks TLS, its key, or the authorities that a proxy "
    "knows its scanners by (ssl_ca): the file is missing, or the account of the engine (--user) "
    "may not read it: the service does not start. The same of a section that names Redis, with "
    "ssl = true: that Redis is not reached.",
)
def unreadable_certificate(situation: Situation) -> Iterator[Finding]:
    """What is named can be read."""
    host = situation.host
    assert host is not None
    account = Account.named(host.user)
    for section, option, name, then in _files(situation):
        file = getattr(section, option)
        why = host.why_unreadable(file, account) if file.startswith("/") else ""
        if why:
            yield situation.finding(
                "unreadable-certificate",
                section.origin(option),
                f"{name}: {option} {file}: {why}: {then}",
                f"put it there, readable by {account.name} (a key: mode 0640 with the group "
                "of the engine), or say with --user which account the engine runs as",
                Severity.ERROR,
            )


@rule(
    "exposed-tls-key",
    needs_host=True,
    doc="The key of a certificate can be read by every user of the host, or written by its group: "
    "whoever has it can pass for this host and read what clients send it.",
)
def exposed_tls_key(situation: Situation) -> Iterator[Finding]:
    """Where no key is named, it stands in the certificate's file."""
    host = situation.host
    assert host is not None
    for worker in _workers(situation):
        option = "ssl_key" if worker.ssl_key else "ssl_cert"
        file = worker.ssl_key or worker.ssl_cert
        found = host.stat(file) if file.startswith("/") else None
        if found is None or not stat.S_ISREG(found.st_mode):
            continue
        if found.st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
            yield situation.finding(
                "exposed-tls-key",
                worker.origin(option),
                f"worker {worker.kind!r}: key {file} has mode {stat.S_IMODE(found.st_mode):04o}: "
                "others than the engine's account may read or change it",
                f"chmod 0640 {file}, with the group of the engine",
            )


@rule(
    "unused-tls-option",
    doc="A proxy's upstream, or a section that names Redis, has ssl_ca, ssl_cert, ssl_key or "
    "ssl_name and no ssl = true: what is asked there goes in clear. Or it has ssl = true, and its "
    "servers are unix sockets, which are always asked in clear.",
)
def unused_tls_option(situation: Situation) -> Iterator[Finding]:
    """Options of TLS need TLS, and TLS needs a network."""
    for name, section in (*_scanners(situation), *redis_sections(situation.config)):
        if getattr(section, "ssl", False):
            if _is_on_host(section):
                yield situation.finding(
                    "unused-tls-option",
                    section.origin("ssl"),
                    f"{name}: ssl has no effect: unix sockets are asked in clear, and no other "
                    "server is named",
                    "remove ssl, or name host and port of a server that speaks TLS",
                )
            continue
        for option in ("ssl_ca", "ssl_cert", "ssl_key", "ssl_name"):
            if getattr(section, option, "") and section.origin(option).line:
                yield situation.finding(
                    "unused-tls-option",
                    section.origin(option),
                    f"{name}: {option} has no effect without ssl = true: requests go in clear",
                    f"write ssl = true; beside it, or remove {option}",
                )
