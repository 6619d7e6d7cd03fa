"""Certificates and keys of sockets that speak TLS."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from filter_engine.config.findings import Finding, Severity
from filter_engine.config.schema import Section
from filter_engine.config.workers import ProxyConfig, TlsWorkerSection
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


def _files(situation: Situation) -> Iterator[tuple[Section, str, str, str]]:
    """(section, option, file, worker) of each file that a worker reads for TLS."""
    for worker in _workers(situation):
        yield worker, "ssl_cert", worker.ssl_cert, worker.kind
        yield worker, "ssl_key", worker.ssl_key, worker.kind
    for placed in situation.workers:
        proxy = placed.worker
        if isinstance(proxy, ProxyConfig) and proxy.active:
            scanners = proxy.default_upstream
            if scanners is not None and scanners.ssl and not scanners.self_scan:
                yield scanners, "ssl_ca", scanners.ssl_ca, proxy.kind


@rule(
    "unreadable-certificate",
    Severity.ERROR,
    needs_host=True,
    doc="The certificate of a worker that speaks TLS, its key, or the authorities that a proxy "
    "knows its scanners by (ssl_ca): the file is missing, or the account of the engine (--user) "
    "may not read it: the service does not start.",
)
def unreadable_certificate(situation: Situation) -> Iterator[Finding]:
    """Both files can be read."""
    host = situation.host
    assert host is not None
    account = Account.named(host.user)
    for section, option, file, worker in _files(situation):
        why = host.why_unreadable(file, account) if file.startswith("/") else ""
        if why:
            yield situation.finding(
                "unreadable-certificate",
                section.origin(option),
                f"worker {worker!r}: {option} {file}: {why}: the service does not start",
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
