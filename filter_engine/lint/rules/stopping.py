"""Values that stop the filter, and sections that lack what they cannot do without."""

from __future__ import annotations

from collections.abc import Iterator

from filter_engine.config.findings import Finding
from filter_engine.config.workers import CONTROLLER_PORT, FUZZY_PORT, PROXY_PORT, FuzzyConfig
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Place, Situation

_LEAST_MESSAGE = 16 * 1024
_ROLES = {PROXY_PORT: "the proxy", CONTROLLER_PORT: "the controller", FUZZY_PORT: "fuzzy storage"}


@rule(
    "stopping-value",
    doc="A value is possible and stops the filter: no time for a message or for DNS, a largest "
    "message that nearly every mail exceeds, a worker with no processes.",
)
def stopping_value(situation: Situation) -> Iterator[Finding]:
    """Time limits of zero, ``max_message`` below 16 KiB, ``count = 0``."""
    options = situation.config.options
    faults: list[tuple[Place, str, str]] = []
    if options.task_timeout <= 0:
        faults.append(
            (
                options.origin("task_timeout"),
                "task_timeout is 0: no message is scanned to the end",
                "write task_timeout = 8s;",
            )
        )
    if options.dns.timeout <= 0:
        faults.append(
            (
                options.dns.origin("timeout"),
                "dns.timeout is 0: no question is ever answered",
                "write dns { timeout = 1s; }",
            )
        )
    if options.max_message < _LEAST_MESSAGE:
        faults.append(
            (
                options.origin("max_message"),
                f"max_message is {options.max_message} bytes: larger mail passes unscanned, "
                "which is nearly all of it",
                "write the unit, and not less than the MTA takes: max_message = 50mb;",
            )
        )
    for placed in situation.workers:
        worker = placed.worker
        written = worker.origin("count")
        if worker.count == 0 and written.line and not isinstance(worker, FuzzyConfig):
            faults.append(
                (
                    written,
                    f"count = 0: worker {worker.kind!r} does not run",
                    "write count = 1; or, if that is meant, enabled = false;",
                )
            )
    for at, message, hint in faults:
        yield situation.finding("stopping-value", at, message, hint)


@rule(
    "upstream-port",
    doc="An upstream of the proxy has the port of another role: the proxy asks itself without "
    "end, or a worker that does not scan.",
)
def upstream_port(situation: Situation) -> Iterator[Finding]:
    """Scanners listen on 11333."""
    for proxy in situation.config.proxies:
        for name, upstream in proxy.upstreams.items():
            if upstream.self_scan or upstream.hosts is None:
                continue
            for host in upstream.hosts:
                if host.port in _ROLES:
                    yield situation.finding(
                        "upstream-port",
                        upstream.origin("hosts"),
                        f"upstream {name!r}: port {host.port} is that of {_ROLES[host.port]}",
                        "scanners (worker normal) listen on 11333",
                    )


@rule(
    "incomplete-section",
    doc="A section lacks what it cannot do without (a neighbour's host, the name of a log file), "
    "or has something else there: it has no effect.",
)
def incomplete_section(situation: Situation) -> Iterator[Finding]:
    """Neighbours without ``host``, ``type = file`` without ``filename``, Redis' ``db``."""
    config = situation.config
    for name, neighbour in config.options.neighbours.items():
        if not neighbour.host:
            yield situation.finding(
                "incomplete-section",
                next(iter(neighbour.origins.values()), config.options.origin("neighbours")),
                f"neighbour {name!r} has no host: it cannot be shown",
                'write host = "https://mx.example.net:443";',
            )
    if config.logging.type == "file" and not config.logging.filename:
        yield situation.finding(
            "incomplete-section",
            config.logging.origin("type"),
            "logging: type = file without filename: there is no file to write to",
            'write filename = "$LOGDIR/filter_engine.log";',
        )
    if config.redis is not None and config.redis.db and not config.redis.db.isdecimal():
        yield situation.finding(
            "incomplete-section",
            config.redis.origin("db"),
            f"redis: db = {config.redis.db[:40]!r} is no number of a database",
            'write db = "0";',
        )
