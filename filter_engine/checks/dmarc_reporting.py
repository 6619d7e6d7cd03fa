"""Keeps what aggregate reports tell the domains that ask for them (RFC 7489, section 7.2)."""

from __future__ import annotations

from typing import Final

from filter_engine.auth.arc import ArcResult
from filter_engine.auth.dmarc_report_store import ReportStore
from filter_engine.auth.dmarc_row import report_row
from filter_engine.auth.results import DkimResult, DmarcResult, SpfResult
from filter_engine.checks.dmarc import DmarcOptions
from filter_engine.checks.dmarc_reporting_options import DmarcReporting
from filter_engine.config.map_definition import MapDefinition, MapKind
from filter_engine.dns.names import organisational_domain
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.map import Map
from filter_engine.scan.declare import Stage, check
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Outcome

_NOTHING: Final = Map("", MapKind.SET)


@frozen
class Reporting:
    """What was prepared."""

    store: ReportStore
    only: Map | None = None
    """None: every domain."""
    excluded: Map = _NOTHING
    recipients: Map = _NOTHING


def report_store(setup: Setup, options: DmarcReporting) -> ReportStore:
    """Where rows are kept: Redis, on a single host the embedded store."""
    keys = options.redis_keys
    return ReportStore(setup.store("dmarc"), keys.index_prefix, keys.report_prefix, keys.join_char)


def _prepare(options: DmarcOptions, setup: Setup) -> Reporting | None:
    wanted = options.reporting
    if not wanted.enabled:
        return None
    store = report_store(setup, wanted)

    def map_of(definition: MapDefinition | None, name: str) -> Map:
        return setup.maps.of(definition, MapKind.SET, f"dmarc.reporting.{name}")

    only = wanted.only_domains
    return Reporting(
        store,
        None if only is None else map_of(only, "only_domains"),
        map_of(wanted.exclude_domains or options.no_reporting_domains, "exclude_domains"),
        map_of(wanted.exclude_recipients, "exclude_recipients"),
    )


@check(
    "dmarc_reporting",
    module="dmarc",
    symbols=(),
    options=DmarcOptions,
    prepare=_prepare,
    stage=Stage.POSTFILTER,
    after_pre_result=True,
    has_work=lambda options: options.reporting.enabled,
)
def dmarc_reporting(task: Task) -> Outcome | None:
    """Counts the message in its domain's report of the day; sets no symbol."""
    state = task.state("dmarc_reporting")
    if not isinstance(state, Reporting) or task.ip is None:
        return None
    results = task.results
    dmarc, spf, dkim, arc = (results.get(name) for name in ("dmarc", "spf", "dkim", "arc"))
    if not isinstance(dmarc, DmarcResult) or not dmarc.aggregate:
        return None
    if not _is_wanted(task, state, dmarc.record_domain):
        return None
    row = report_row(
        str(task.ip),
        dmarc,
        spf if isinstance(spf, SpfResult) else None,
        dkim if isinstance(dkim, DkimResult) else None,
        trusted=isinstance(arc, ArcResult) and arc.vouching is not None,
    )
    if row is None:
        return None
    options = task.options(DmarcOptions).reporting
    rua = ",".join(dmarc.aggregate)
    counted = state.store.add(
        task.now,
        dmarc.record_domain,
        rua,
        row,
        most=options.max_entries,
        seconds=options.keys_expire,
    )
    return Outcome(notices=(counted,))


def _is_wanted(task: Task, state: Reporting, domain: str) -> bool:
    names = (domain, organisational_domain(domain))
    if state.only is not None and not any(name in state.only for name in names):
        return False
    if any(name in state.excluded for name in names):
        return False
    return not any(rcpt.lower() in state.recipients for rcpt in task.envelope.rcpt_to)
