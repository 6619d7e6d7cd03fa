"""Values that are read and yet change nothing."""

from __future__ import annotations

from collections.abc import Iterator

from filter_engine.config.findings import Finding
from filter_engine.config.workers import ProxyConfig
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation
from filter_engine.lint.tree import sections
from filter_engine.ucl.nodes import UclNode


@rule(
    "worker-off",
    doc="A worker that is off by default (the fuzzy storage) is configured, and nothing switches "
    "it on: nothing listens.",
)
def worker_off(situation: Situation) -> Iterator[Finding]:
    """The fuzzy storage without ``count``."""
    for placed in situation.workers:
        worker = placed.worker
        if worker.active or worker.origin("count").line or worker.origin("enabled").line:
            continue  # it runs, or somebody switched it off on purpose
        written = [
            value
            for values in placed.section.entries.values()
            for value in values
            if not situation.is_shipped(value.origin)
        ]
        if written:
            yield situation.finding(
                "worker-off",
                written[0].origin,
                f"worker {worker.kind!r} is configured and off, which is its default: "
                "nothing listens",
                "write count = 1; to run it",
            )


@rule(
    "hosts-beside-self-scan",
    doc="An upstream of the proxy has self_scan and hosts: the proxy scans by itself and never "
    "asks the hosts.",
)
def hosts_beside_self_scan(situation: Situation) -> Iterator[Finding]:
    """``self_scan`` wins."""
    for placed in situation.workers:
        if not isinstance(placed.worker, ProxyConfig) or not placed.worker.active:
            continue
        for name, section in sections(placed.section, "upstream"):
            upstream = placed.worker.upstreams.get(name)
            hosts: list[UclNode] = section.all("hosts")
            if upstream is not None and upstream.self_scan and hosts:
                yield situation.finding(
                    "hosts-beside-self-scan",
                    hosts[0].origin,
                    f"upstream {name!r} scans in the proxy itself: its hosts are never asked",
                    "remove hosts, or remove self_scan to have them asked",
                )
