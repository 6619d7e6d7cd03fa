"""Values that are read and yet change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from filter_engine.config.dynamic_conf import is_shared
from filter_engine.config.findings import Finding
from filter_engine.config.redis import ModuleRedis
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


@rule(
    "contradicting-options",
    doc="Of two options of a classifier that say the same (per_language and languages_enabled, "
    "per_user and users_enabled) one is written true and the other false: true counts.",
)
def contradicting_options(situation: Situation) -> Iterator[Finding]:
    """One of both is enough to switch it on."""
    config = situation.config
    classifier: Any = config.modules.get("classifier")
    if classifier is None or not config.is_enabled("classifier"):
        return
    for one in classifier.every:
        for pair in (("per_language", "languages_enabled"), ("per_user", "users_enabled")):
            on, off = sorted(pair, key=lambda name: not getattr(one, name))
            written = all(one.origin(name).line for name in pair)
            if written and getattr(one, on) and not getattr(one, off):
                yield situation.finding(
                    "contradicting-options",
                    one.origin(off),
                    f"classifier {one.name!r}: {off} is false and {on} is true, and both say the "
                    "same: true counts",
                    f"remove {off}, or write false for both",
                )


@rule(
    "dynamic-conf-without-redis",
    doc="dynamic_conf is switched on, and no Redis is named for it: scores and thresholds that "
    "the WebUI saves stay on this host.",
)
def dynamic_conf_without_redis(situation: Situation) -> Iterator[Finding]:
    """Hosts share through Redis alone."""
    config = situation.config
    options = config.modules.get("dynamic_conf")
    if not isinstance(options, ModuleRedis) or not is_shared(config.tree):
        return
    of_all = config.redis is not None and "dynamic_conf" not in config.redis.disabled_modules
    if options.backend != "sqlite" and (options.own.is_set or of_all):
        return
    in_file = options.backend == "sqlite"
    yield situation.finding(
        "dynamic-conf-without-redis",
        options.written_at("backend" if in_file else "redis_watch_interval"),
        "dynamic_conf shares nothing: "
        + ("backend sqlite is of this host alone" if in_file else "no Redis is named for it")
        + ", and what is saved stays on this host",
        "name servers that all hosts reach, in dynamic_conf or redis, or write enabled = false",
    )
