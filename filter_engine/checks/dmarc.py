"""DMARC: does the From domain stand behind the message? (RFC 7489, Rspamd's module dmarc)"""

# option() makes a dataclasses.field; evaluated once on purpose

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar
from zlib import crc32

from filter_engine.auth.dmarc import discover, judge
from filter_engine.auth.results import (
    DkimResult,
    DmarcCode,
    DmarcPolicy,
    DmarcResult,
    SpfResult,
)
from filter_engine.checks.dmarc_reporting_options import DMARC_REPORTING, DmarcReporting
from filter_engine.checks.sender_policy import SenderPolicyOptions, is_exempt
from filter_engine.config.kinds import BOOLEAN, one_of, section
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition, MapKind
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Kind, Option, Section, option
from filter_engine.maps.map import Map
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, Outcome, PreResult

_GROUPS = ("policies", "dmarc")
_ACTION: Kind[str] = one_of(
    "",
    *(spelling for a in Action for spelling in dict.fromkeys((a.value, a.value.replace(" ", "_")))),
)


@options_class
class DmarcActions(Section):
    """``dmarc.actions``: the action each outcome raises a message to; empty = only the score."""

    reject: str = option(_ACTION, "", doc="when the domain asks to reject")
    quarantine: str = option(_ACTION, "", doc="when the domain asks to quarantine")
    softfail: str = option(_ACTION, "", doc="when it fails and the domain asks for nothing")
    na: str = option(_ACTION, "", doc="when the domain has no record")


@options_class
class DmarcOptions(SenderPolicyOptions):
    """The section ``dmarc``."""

    reporting: DmarcReporting = option(DMARC_REPORTING, DmarcReporting(), doc="aggregate reports")
    no_sampling_domains: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="domains whose pct= is not obeyed"
    )
    no_reporting_domains: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="older name of reporting.exclude_domains, which counts first"
    )
    auth_and_local_conf: bool = option(
        BOOLEAN, False, doc="check logged-in and local clients as well: check_authed, check_local"
    )

    actions: DmarcActions = option(
        section(DmarcActions, "dmarc.actions"), DmarcActions(), doc="what outcomes lead to"
    )
    anchor: ClassVar[str] = "modules/dmarc"
    known: ClassVar[Mapping[str, Option]] = unserved("dmarc")
    retired: ClassVar[Mapping[str, str]] = {
        "send_reports": "reports are configured in reporting { }",
        "report_settings": "reports are configured in reporting { }",
    }


def _prepare(options: DmarcOptions, setup: Setup) -> Map | None:
    """The domains whose ``pct`` is not obeyed, if the site names any."""
    written = options.no_sampling_domains
    where = "dmarc.no_sampling_domains"
    return None if written is None else setup.maps.of(written, MapKind.SET, where)


@check(
    "dmarc",
    callback="DMARC_CHECK",
    symbols=(
        Symbol("DMARC_POLICY_ALLOW", -0.5, "DMARC: an aligned domain vouches for it", _GROUPS),
        # A composite (conf/composites.conf); its score stands with the others.
        Symbol(
            "DMARC_POLICY_ALLOW_WITH_FAILURES",
            -0.5,
            "DMARC: an aligned domain vouches for it, though SPF or a signature fails",
            _GROUPS,
        ),
        Symbol("DMARC_POLICY_REJECT", 2.0, "DMARC: fails, the domain asks to reject", _GROUPS),
        Symbol(
            "DMARC_POLICY_QUARANTINE", 1.5, "DMARC: fails, the domain asks to quarantine", _GROUPS
        ),
        Symbol("DMARC_POLICY_SOFTFAIL", 0.1, "DMARC: fails, the domain asks for nothing", _GROUPS),
        Symbol("DMARC_NA", 0.0, "DMARC: the domain has no record", _GROUPS),
        Symbol("DMARC_BAD_POLICY", 0.0, "DMARC: the domain's record cannot be used", _GROUPS),
        Symbol("DMARC_DNSFAIL", 0.0, "DMARC: DNS failed, nothing is known", _GROUPS),
    ),
    options=DmarcOptions,
    prepare=_prepare,
    needs=("spf", "dkim"),
)
async def dmarc(task: Task, ask: Ask) -> Outcome | None:
    """Looks the policy up while SPF and DKIM are still at work, then waits for both."""
    options = task.options(DmarcOptions)
    if not options.auth_and_local_conf and is_exempt(task, options):
        return None
    senders = task.message.from_addresses
    domain = senders[0].domain if len(senders) == 1 else ""
    if not domain:
        problem = "Duplicate From header" if len(senders) > 1 else "No From header"
        if len(senders) == 1:
            problem = "No domain in From header"
        result = DmarcResult(DmarcCode.NONE, reason=problem)
        return _outcome(Finding("DMARC_NA", (problem,)), result, options.actions.na)
    found = await discover(ask, domain)
    spf, dkim = await ask.all(ask.result("spf"), ask.result("dkim"))
    spf = spf if isinstance(spf, SpfResult) else None
    dkim = dkim if isinstance(dkim, DkimResult) else None
    # The coin is the same for a replayed scan and cannot be foreseen by the sender.
    coin = crc32(repr(task.now).encode(), crc32(task.message.raw)) % 100
    unsampled = task.state("dmarc")
    sampling = unsampled is None or found.domain not in unsampled
    result = judge(found, domain, spf, dkim, coin, sampling=sampling)
    return _report(result, options.actions)


def _report(result: DmarcResult, actions: DmarcActions) -> Outcome:
    where = result.record_domain
    policy = result.policy.value if result.policy is not None else ""
    match result.result:
        case DmarcCode.PASS:
            return Outcome((Finding("DMARC_POLICY_ALLOW", (where, policy)),), result)
        case DmarcCode.NONE:
            text = f"{where}: {result.reason}" if result.reason else where
            return _outcome(Finding("DMARC_NA", (text,)), result, actions.na)
        case DmarcCode.PERMERROR:
            return Outcome((Finding("DMARC_BAD_POLICY", (f"{where} : {result.reason}",)),), result)
        case DmarcCode.TEMPERROR:
            options = (f"{where} : {result.reason}", policy)
            finding = Finding("DMARC_DNSFAIL", tuple(filter(None, options)), evidence=result.detail)
            return Outcome((finding,), result)
    spared = ("sampled_out",) if result.sampled_out else ()
    reasons = (f"{where} : {result.reason}", policy, *spared)
    match result.disposition:
        case DmarcPolicy.REJECT:
            return _outcome(Finding("DMARC_POLICY_REJECT", reasons), result, actions.reject)
        case DmarcPolicy.QUARANTINE:
            finding = Finding("DMARC_POLICY_QUARANTINE", reasons)
            return _outcome(finding, result, actions.quarantine)
        case _:
            return _outcome(Finding("DMARC_POLICY_SOFTFAIL", reasons), result, actions.softfail)


def _outcome(finding: Finding, result: DmarcResult, action: str) -> Outcome:
    """With the site's action for this outcome, which the score may still exceed."""
    if not action:
        return Outcome((finding,), result)
    wanted = PreResult(
        Action.parse(action), "Action set by DMARC", "dmarc", least=True, stops=False
    )
    return Outcome((finding,), result, wanted)
