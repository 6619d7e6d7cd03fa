"""Binding ``worker "name" { ... }`` sections."""

from __future__ import annotations

from filter_engine.config.default_upstream import settle_default_upstream
from filter_engine.config.findings import Severity
from filter_engine.config.schema import Binder, bind
from filter_engine.config.workers import (
    WORKER_TYPES,
    ControllerConfig,
    NormalConfig,
    ProxyConfig,
    TlsWorkerSection,
    WorkerConfig,
)
from filter_engine.ucl.near import closest
from filter_engine.ucl.nodes import UclNode, UclObject, UclScalar

#: Workers of Rspamd that this engine does without.
_FOREIGN = frozenset({"hs_helper", "log_helper", "http_proxy", "lua", "smtp_proxy"})


def bind_workers(root: UclObject, binder: Binder) -> tuple[WorkerConfig, ...]:
    """Every worker of a kind this engine has, in order of writing."""
    workers: list[WorkerConfig] = []
    for node in root.values("worker"):
        if not isinstance(node, UclObject):
            binder.report(
                Severity.ERROR,
                "wrong-type",
                node,
                "worker: expected a section",
                'worker "normal" { }',
            )
            continue
        for kind, section in _named(node, binder):
            workers.extend(_bind(kind, section, binder))
    return tuple(workers)


def _named(node: UclObject, binder: Binder) -> list[tuple[str, UclObject]]:
    """(kind, section) of each worker; ``worker { type = "normal"; }`` is the older spelling."""
    kind = node.get("type")
    if isinstance(kind, UclScalar) and isinstance(kind.value, str):
        entries = {key: values for key, values in node.entries.items() if key != "type"}
        return [(kind.value, UclObject(entries, node.origin, priority=node.priority))]
    found: list[tuple[str, UclObject]] = []
    if node.entries and not any(
        isinstance(v, UclObject) for vs in node.entries.values() for v in vs
    ):
        option, (first, *_) = next(iter(node.entries.items()))
        binder.report(
            Severity.ERROR,
            "wrong-type",
            first,
            f"worker {{ {option} ... }}: the worker's name is missing",
            f'write worker "normal" {{ {option} = ...; }}',
        )
        return []
    for name, values in node.entries.items():
        for value in values:
            if isinstance(value, UclObject):
                found.append((name, value))
            else:
                binder.report(
                    Severity.ERROR,
                    "wrong-type",
                    value,
                    f"worker {name!r}: expected a section",
                    f'worker "{name}" {{ }}',
                )
    return found


def _bind(kind: str, section: UclObject, binder: Binder) -> list[WorkerConfig]:
    cls = WORKER_TYPES.get(kind)
    if cls is None:
        if kind in _FOREIGN:
            binder.report(
                Severity.INFO,
                "not-served",
                section,
                f"worker {kind!r} is Rspamd's; this engine does not need it",
            )
        else:
            close = closest(kind, WORKER_TYPES)
            known = ", ".join(dict.fromkeys(c.kind for c in WORKER_TYPES.values()))
            binder.report(
                Severity.WARNING,
                "unknown-worker",
                section,
                f"unknown worker {kind!r}: nothing is started",
                f"did you mean {close[0]!r}?" if close else f"known: {known}",
            )
        return []
    if cls is ProxyConfig:
        _name_upstreams(section)
        settle_default_upstream(section, binder)
    worker = bind(cls, section, binder, f"worker {kind!r}")
    if isinstance(worker, TlsWorkerSection):
        _check_tls(worker, section, binder)
    if isinstance(worker, ProxyConfig):
        _check_upstreams(worker, section, binder)
    return [worker]


def _check_tls(
    worker: ProxyConfig | NormalConfig | ControllerConfig, section: UclObject, binder: Binder
) -> None:
    secure = [bind for bind in worker.bind_socket if worker.speaks_tls(bind)]
    if secure and not worker.ssl_cert and worker.active:
        binder.report(
            Severity.ERROR,
            "tls-without-certificate",
            section.get("ssl") or section.get("bind_socket") or section,
            f"worker {worker.kind!r} is to speak TLS on {secure[0]} without a certificate",
            "write ssl_cert and ssl_key, the files of the certificate and its key",
        )
    elif worker.ssl_cert and not secure:
        binder.report(
            Severity.WARNING,
            "unused-certificate",
            section.get("ssl_cert") or section,
            f"worker {worker.kind!r} has a certificate, but no socket that speaks TLS",
            'write ssl = true; or bind_socket = "host:port ssl";',
        )


def _name_upstreams(section: UclObject) -> None:
    """``upstream { name = "x"; hosts = ... }`` is another spelling of ``upstream "x" { ... }``."""
    for node in section.all("upstream"):
        if not isinstance(node, UclObject):
            continue
        direct = [key for key in ("hosts", "self_scan") if isinstance(node.get(key), UclScalar)]
        if not direct:
            continue
        said = node.get("name")
        name = str(said.value) if isinstance(said, UclScalar) else "default"
        inner = {key: values for key, values in node.entries.items() if key != "name"}
        node.entries.clear()
        node.entries[name] = [UclObject(inner, node.origin, priority=node.priority)]


def _check_upstreams(worker: ProxyConfig, section: UclObject, binder: Binder) -> None:
    def node_of(name: str) -> UclNode:
        for named in section.all("upstream"):
            if isinstance(named, UclObject) and name in named:
                return named.all(name)[0]
        return section

    for name, upstream in worker.upstreams.items():
        if (
            not upstream.self_scan
            and upstream.hosts is None
            and "hosts" not in _keys(node_of(name))
        ):
            binder.report(
                Severity.ERROR,
                "upstream-without-hosts",
                node_of(name),
                f"upstream {name!r} has neither hosts nor self_scan",
                'write hosts = "127.0.0.1:11333"; or self_scan = yes;',
            )
    if worker.active and not worker.default_upstream:
        binder.report(
            Severity.ERROR,
            "no-default-upstream",
            section,
            f"worker {worker.kind!r} has no default upstream: every message would get 451",
            "write default = yes; into one upstream",
        )
    elif worker.milter and (chosen := worker.default_upstream):
        for name, upstream in worker.upstreams.items():
            if upstream is not chosen and not upstream.default:
                binder.report(
                    Severity.WARNING,
                    "unused-upstream",
                    node_of(name),
                    f"upstream {name!r} is never used: milter clients go to the default one",
                    "write default = yes; into the one to use, or remove it",
                )


def _keys(node: UclNode) -> set[str]:
    return set(node.entries) if isinstance(node, UclObject) else set()
