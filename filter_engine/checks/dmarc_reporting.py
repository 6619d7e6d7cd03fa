"""Keeps what aggregate reports tell the domains that ask for them (RFC 7489, section 7.2)."""

from __future__ import annotations

import logging
from typing import Final

from filter_engine.auth.arc import ArcResult
from filter_engine.auth.dmarc_report_store import ReportStore
from filter_engine.auth.dmarc_row import report_row
from filter_engine.auth.results import DkimResult, DmarcResult, SpfResult
from filter_engine.checks.dmarc import DmarcOptions
from filter_engine.checks.dmarc_reporting_options import DmarcReporting
from filter_engine.config.map_definition import MapDefinition, MapKind
from filter_engine.config.model import Config
from filter_engine.dns.names import organisational_domain
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.map import Map
from filter_engine.scan.declare import Stage, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import Store, StoreAnswer
from filter_engine.scan.task import Task

_NOTHING: Final = Map("", MapKind.SET)
_log = logging.getLogger(__name__)


@frozen
class Reporting:
    """What was prepared."""

    store: ReportStore
    only: Map | None = None
    """None: every domain."""
    excluded: Map = _NOTHING
    recipients: Map = _NOTHING


def report_store(config: Config, options: DmarcReporting) -> ReportStore | None:
    """Where rows are kept; None without Redis."""
    redis = config.redis
    if redis is None or not redis.is_set or "dmarc" in redis.disabled_modules:
        return None
    keys = options.redis_keys
    store = Store("dmarc", redis, redis.prefix.encode())
    return ReportStore(store, keys.index_prefix, keys.report_prefix, keys.join_char)


def _prepare(options: DmarcOptions, setup: Setup) -> Reporting | None:
    wanted = options.reporting
    if not wanted.enabled:
        return None
    store = report_store(setup.config, wanted)
    if store is None:
        _log.warning("dmarc.reporting keeps nothing: there is no Redis")
        return None

    def map_of(definition: MapDefinition | None, name: str) -> Map:
        return setup.maps.of(definition, MapKind.SET, f"dmarc.reporting.{name}")

    only = wanted.only_domains
    return Reporting(
        store,
        None if only is None else map_of(only, "only_domains"),
        map_of(wanted.exclude_domains, "exclude_domains"),
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
)
async def dmarc_reporting(task: Task, _ask: Ask) -> None:
    """Counts the message in its domain's report of the day; sets no symbol."""
    state = task.state("dmarc_reporting")
    if not isinstance(state, Reporting) or task.ip is None:
        return
    results = task.results
    dmarc, spf, dkim, arc = (results.get(name) for name in ("dmarc", "spf", "dkim", "arc"))
    if not isinstance(dmarc, DmarcResult) or not dmarc.aggregate:
        return
    if not _is_wanted(task, state, dmarc.record_domain):
        return
    row = report_row(
        str(task.ip),
        dmarc,
        spf if isinstance(spf, SpfResult) else None,
        dkim if isinstance(dkim, DkimResult) else None,
        trusted=isinstance(arc, ArcResult) and arc.vouched_dmarc,
    )
    if row is None:
        return
    options = task.options(DmarcOptions).reporting
    rua = ",".join(dmarc.aggregate)
    answer: StoreAnswer = await state.store.add(
        task.now,
        dmarc.record_domain,
        rua,
        row,
        most=options.max_entries,
        seconds=options.keys_expire,
    )
    if not answer.ok:
        _log.info("not kept for the DMARC report about %s: %s", row.header_from, answer.evidence)


def _is_wanted(task: Task, state: Reporting, domain: str) -> bool:
    names = (domain, organisational_domain(domain))
    if state.only is not None and not any(name in state.only for name in names):
        return False
    if any(name in state.excluded for name in names):
        return False
    return not any(rcpt.lower() in state.recipients for rcpt in task.envelope.rcpt_to)
