"""``metrics``: the counters as OpenMetrics text, under Rspamd's names and this engine's own.

Source: the OpenMetrics specification, version 1.0.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from aiohttp import web

from filter_engine import __version__
from filter_engine.scan.statistics import Durations
from filter_engine.workers.access import Right
from filter_engine.workers.controller.counts import HAM, Counts
from filter_engine.workers.controller.desk import Desk, Route, may_change
from filter_engine.workers.controller.replication import replication
from filter_engine.workers.controller.replies import plain
from filter_engine.workers.controller.store_certificates import (
    CertificateEnd,
    StoreCertificates,
    redis_places,
)
from filter_engine.workers.controller.throughput import SHOWN
from filter_engine.workers.published import published
from filter_engine.workers.statistics import ACTION_COUNTERS, WITHIN, Counter, Totals

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_OWN = (
    ("filter_engine_bytes", Counter.BYTES, "Octets of scanned messages."),
    ("filter_engine_scan_errors", Counter.SCAN_ERRORS, "Scans that ended with an exception."),
    ("filter_engine_scan_timeouts", Counter.TIMEOUTS, "Scans that reached their deadline."),
    ("filter_engine_unfinished_checks", Counter.UNFINISHED, "Checks cut off or failed."),
    ("filter_engine_store_failures", Counter.STORE_FAILURES, "Stores that failed a message."),
    ("filter_engine_oversize", Counter.OVERSIZE, "Messages passed unscanned for their size."),
    ("filter_engine_tempfailed", Counter.TEMPFAILED, "Messages answered temporary failure."),
    ("filter_engine_hashes_untaught", Counter.HASHES_UNTAUGHT, "Lessons without their hashes."),
    ("filter_engine_upstream_errors", Counter.UPSTREAM_ERRORS, "Failed requests to scanners."),
    ("filter_engine_protocol_errors", Counter.PROTOCOL_ERRORS, "Clients that broke a protocol."),
)
"""Counters beside Rspamd's: name, column, help."""

Labels = tuple[tuple[str, str], ...]


class Family(NamedTuple):
    """One metric with its samples: (suffix, labels, value)."""

    name: str
    kind: str
    help: str
    samples: tuple[tuple[str, Labels, float], ...]


class Metrics:
    """For Prometheus and its like."""

    def __init__(self, desk: Desk, counts: Counts) -> None:
        self._desk = desk
        self._counts = counts
        self._certificates = StoreCertificates()

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        return (Route("/metrics", self._metrics, Right.READ),)

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        totals = self._desk.context.statistics.totals()
        classes = [(entry, revision) for entry, revision in await self._counts.learnt()]
        places = redis_places(self._desk.context.config, self._desk.classifiers)
        families = (
            *self._rspamds(totals, classes, read_only=not may_change(request)),
            *self._own(totals),
            *self._published(),
            *_replication(await replication(self._desk)),
            _certificate_ends(await self._certificates.ends(places)),
        )
        response = plain(text_of(families), "text/plain")
        response.headers["Content-Type"] = CONTENT_TYPE
        return response

    def _rspamds(
        self, totals: Totals, classes: list[tuple[dict[str, object], int]], *, read_only: bool
    ) -> Iterator[Family]:
        context = self._desk.context
        learns = sum(revision for _, revision in classes)
        spam = sum(
            totals[column] for action, column in ACTION_COUNTERS.items() if action not in HAM
        )
        times = totals.scan_times
        average = sum(times) / len(times) if times else 0.0
        yield _gauge("rspamd_build_info", "The version.", 1, version=__version__)
        yield _gauge("rspamd_config", "The configuration.", 1, id=context.config_id)
        yield _gauge("rspamd_scan_time_average", "Seconds of the last scans.", average)
        started = context.statistics.started
        yield _gauge("process_start_time_seconds", "Unix time of the start.", started)
        yield _gauge("rspamd_read_only", "Whether the asker may only read.", int(read_only))
        yield _counter("rspamd_scanned", "Scanned messages.", totals[Counter.SCANNED])
        yield _counter("rspamd_learned", "Learned messages.", learns)
        yield _counter("rspamd_spam", "Messages that got an action against spam.", spam)
        ham = sum(totals[ACTION_COUNTERS[action]] for action in HAM)
        yield _counter("rspamd_ham", "Messages that got none, or greylist.", ham)
        yield _gauge("rspamd_connections", "Connections.", totals[Counter.CONNECTIONS])
        control = totals[Counter.CONTROL_CONNECTIONS]
        yield _counter("rspamd_control_connections", "Requests to the controller.", control)
        yield _counter("rspamd_learns", "Total learns.", learns)
        yield Family(
            "rspamd_actions",
            "counter",
            "Messages by action.",
            tuple(
                ("_total", (("type", action.value),), totals[ACTION_COUNTERS[action]])
                for action in SHOWN
            ),
        )
        yield Family(
            "rspamd_statfiles_revision",
            "gauge",
            "Messages learnt by class.",
            tuple(
                ("", (("symbol", str(e["symbol"])), ("type", str(e["type"]))), revision)
                for e, revision in classes
            ),
        )

    def _own(self, totals: Totals) -> Iterator[Family]:
        statistics = self._desk.context.statistics
        yield self._scan_times(totals)
        for name, column, text in _OWN:
            yield _counter(name, text, totals[column])
        alive = statistics.alive()
        yield _gauge("filter_engine_processes", "Processes that serve.", len(alive))
        scans = sum(1 for row in alive if row.get(Counter.SCANS))
        yield _gauge("filter_engine_scanners", "Processes that can scan.", scans)
        yield _gauge("filter_engine_held_bytes", "Octets of mail in memory.", statistics.held())
        yield _counter("filter_engine_reloads", "Attempts to reload.", statistics.reloads())
        failed = int(statistics.reload_error() is not None)
        yield _gauge("filter_engine_reload_failed", "Whether the last reload was refused.", failed)
        lessons = totals[Counter.LEARNED]
        yield _counter("filter_engine_lessons", "Messages this host's controller learnt.", lessons)

    def _published(self) -> Iterator[Family]:
        """What the processes count by themselves; it begins anew with each of them."""
        said = published(self._desk.context.statistics)
        yield _counter("filter_engine_errors", "Lines of severity error or worse.", said.errors)
        for key, value in said.dns.items():
            yield _counter(f"filter_engine_dns_{key}", f"DNS questions: {key}.", value)
        yield _counter("filter_engine_store_questions", "Questions.", said.store_questions)
        yield _table("filter_engine_store_unanswered", "By store.", "store", said.store_failures)
        yield _table("filter_engine_check_errors", "Exceptions.", "check", said.check_errors)
        text = "Seconds of a stage of a scan, waiting included."
        yield _histogram("filter_engine_stage_seconds", text, "stage", said.stages)
        text = "Seconds from a write to Redis to the first reply."
        yield _histogram("filter_engine_redis_round_trip_seconds", text, "upstream", said.redis)
        named = [
            ((("service", one.service), ("upstream", one.server)), one) for one in said.standings
        ]
        yield Family(
            "filter_engine_upstream_up",
            "gauge",
            "Whether no process counts the server as dead.",
            tuple(("", labels, int(one.up)) for labels, one in named),
        )
        yield Family(
            "filter_engine_upstream_failures",
            "counter",
            "Questions and requests that the server failed.",
            tuple(("_total", labels, one.failures) for labels, one in named),
        )

    def _scan_times(self, totals: Totals) -> Family:
        counts = [totals[column] for _, column in WITHIN]
        samples = _buckets(
            (),
            [limit for limit, _ in WITHIN],
            [*counts, totals[Counter.BEYOND_5S]],
            totals[Counter.SCAN_TIME] / 1e6,
        )
        text = "Seconds of a scan."
        return Family("filter_engine_scan_seconds", "histogram", text, tuple(samples))


def _replication(rows: Iterable[Mapping[str, Any]]) -> Iterator[Family]:
    """Role and lag of the stores that are read here, one sample a place."""
    found = [((("place", row["place"]), ("upstream", row["server"])), row) for row in rows]
    replicas = [one for one in found if one[1].get("role") == "replica"]

    def gauge(name: str, text: str, samples: Iterable[tuple[Labels, float]]) -> Family:
        told = tuple(("", labels, value) for labels, value in samples)
        return Family(f"filter_engine_replication_{name}", "gauge", text, told)

    yield gauge(
        "answered",
        "Whether the store said how it stands.",
        ((labels, int("fault" not in row)) for labels, row in found),
    )
    yield gauge(
        "primary",
        "Whether the store is a primary (1) or a replica (0).",
        ((labels, int(row["role"] == "primary")) for labels, row in found if "role" in row),
    )
    yield gauge(
        "link_up",
        "Whether a replica is connected to its primary.",
        ((labels, int(row["link_up"])) for labels, row in replicas),
    )
    yield gauge(
        "lag_seconds",
        "Seconds since a replica last heard of its primary.",
        (
            (labels, row["lag_seconds"])
            for labels, row in replicas
            if row["lag_seconds"] is not None
        ),
    )
    yield gauge(
        "lag_bytes",
        "Octets that a replica has not confirmed to its primary.",
        (
            ((*labels, ("replica", replica)), octets)
            for labels, row in found
            for replica, octets in row.get("behind", {}).items()
        ),
    )
    yield gauge(
        "replicas",
        "Replicas connected to a primary.",
        ((labels, row["replicas"]) for labels, row in found if row.get("replicas") is not None),
    )


def _certificate_ends(ends: Iterable[CertificateEnd]) -> Family:
    return Family(
        "filter_engine_store_certificate_expiry_seconds",
        "gauge",
        "Unix time at which the certificate of a store's server ends.",
        tuple(("", (("place", one.place), ("upstream", one.server)), one.at) for one in ends),
    )


def _gauge(name: str, text: str, value: float, **labels: str) -> Family:
    return Family(name, "gauge", text, (("", tuple(labels.items()), value),))


def _counter(name: str, text: str, value: float) -> Family:
    return Family(name, "counter", text, (("_total", (), value),))


def _histogram(name: str, text: str, label: str, values: Mapping[str, Durations]) -> Family:
    samples: list[tuple[str, Labels, float]] = []
    for key, took in sorted(values.items()):
        samples += _buckets(((label, key),), took.limits, took.counts, took.seconds)
    return Family(name, "histogram", text, tuple(samples))


def _buckets(
    labels: Labels, limits: Iterable[float], counts: Sequence[int], seconds: float
) -> Iterator[tuple[str, Labels, float]]:
    """The samples of a histogram; its buckets count what took no longer."""
    count = 0
    for limit, more in zip((*map(str, limits), "+Inf"), counts, strict=True):
        count += more
        yield "_bucket", (*labels, ("le", limit)), count
    yield "_count", labels, count
    yield "_sum", labels, seconds


def _table(name: str, text: str, label: str, values: Mapping[str, int]) -> Family:
    samples = tuple(("_total", ((label, key),), value) for key, value in values.items())
    return Family(name, "counter", text, samples)


def text_of(families: Iterable[Family]) -> bytes:
    """Families as text."""
    lines = []
    for family in families:
        lines.append(f"# TYPE {family.name} {family.kind}")
        lines.append(f"# HELP {family.name} {_escaped(family.help)}")
        for suffix, labels, value in family.samples:
            named = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
            lines.append(f"{family.name}{suffix}{f'{{{named}}}' if named else ''} {value}")
    lines.append("# EOF\n")
    return "\n".join(lines).encode("utf-8", "replace")


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
