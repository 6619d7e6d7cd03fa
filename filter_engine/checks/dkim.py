"""DKIM: which signatures of the message verify? (RFC 6376, Rspamd's module dkim)"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Final

from filter_engine.auth.dkim import MAX_SIGNATURES, TIME_JITTER, verify
from filter_engine.auth.dkim_key import keep
from filter_engine.auth.kept import MAX_RECORDS
from filter_engine.auth.load_primitives import load_primitives
from filter_engine.auth.results import DkimCode, DkimResult, DkimSignatureResult
from filter_engine.checks.sender_policy import SenderPolicyOptions, is_exempt, signed_content
from filter_engine.config.kinds import BOOLEAN, INTEGER, NUMBER, TIME, at_least
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition, MapKind
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Binder, Option, option
from filter_engine.config.tell import tell
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.map import Map
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding, Outcome

_GROUPS = ("policies", "dkim")

SYMBOLS = {
    DkimCode.PASS: ("R_DKIM_ALLOW", "+"),
    DkimCode.FAIL: ("R_DKIM_REJECT", "-"),
    DkimCode.TEMPERROR: ("R_DKIM_TEMPFAIL", "?"),
    DkimCode.PERMERROR: ("R_DKIM_PERMFAIL", "~"),
    DkimCode.POLICY: ("R_DKIM_PERMFAIL", "~"),
}
"""Symbol and mark in DKIM_TRACE. A field that is no signature (neutral) sets none, as in Rspamd."""


@options_class
class DkimOptions(SenderPolicyOptions):
    """The section ``dkim``."""

    max_sigs: int = option(
        at_least(INTEGER, 1), MAX_SIGNATURES, doc="signatures looked at in one message"
    )
    skip_multi: bool = option(BOOLEAN, False, doc="look at the first signature only")
    time_jitter: float = option(
        TIME, TIME_JITTER, unit="seconds", doc="how much a signer's clock may differ"
    )
    dkim_cache_size: int = option(
        at_least(INTEGER, 0), MAX_RECORDS, unit="keys", doc="public keys that are kept"
    )
    whitelist: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="clients whose mail is not checked"
    )
    trusted_domains: MapDefinition | None = option(
        MAP_DEFINITION,
        None,
        doc="domains whose signatures weigh strict_multiplier times as much; a value such as 2:3 "
        "gives the factors of good and bad ones",
    )
    domains: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="the same, where trusted_domains is not written"
    )
    trusted_only: bool = option(BOOLEAN, False, doc="look at signatures of trusted_domains only")
    strict_multiplier: float = option(
        NUMBER, 1.0, doc="how much more signatures of trusted_domains weigh"
    )
    anchor: ClassVar[str] = "modules/dkim"

    def tell(self, binder: Binder) -> None:
        """What needs a list of domains, and has none."""
        if self.trusted_domains is not None or self.domains is not None:
            return
        if self.trusted_only:
            tell(
                binder,
                self.origin("trusted_only"),
                "no-effect",
                "dkim.trusted_only without trusted_domains: no signature is looked at",
                "write trusted_domains, or remove it",
            )
        elif self.strict_multiplier != 1.0:
            tell(
                binder,
                self.origin("strict_multiplier"),
                "no-effect",
                "dkim.strict_multiplier has no effect: it is of trusted_domains",
                "write trusted_domains",
            )

    known: ClassVar[Mapping[str, Option]] = unserved("dkim")


@frozen
class _Maps:
    """What was prepared."""

    whitelist: Map
    trusted: Map


_NO_MAPS: Final = _Maps(Map("", MapKind.RADIX), Map("", MapKind.HASH))
_FACTORS: Final = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,4})?):([0-9]{1,4}(?:\.[0-9]{1,4})?)\Z")


def _prepare(options: DkimOptions, setup: Setup) -> _Maps:
    load_primitives(options, setup)
    keep(options.dkim_cache_size)
    trusted = options.trusted_domains or options.domains
    return _Maps(
        setup.maps.of(options.whitelist, MapKind.RADIX, "dkim.whitelist"),
        setup.maps.of(trusted, MapKind.HASH, "dkim.trusted_domains"),
    )


@check(
    "dkim",
    callback="DKIM_CHECK",
    symbols=(
        Symbol("R_DKIM_ALLOW", -0.2, "DKIM: a signature verifies", _GROUPS, one_shot=True),
        Symbol("R_DKIM_REJECT", 1.0, "DKIM: a signature does not verify", _GROUPS, one_shot=True),
        Symbol("R_DKIM_TEMPFAIL", 0.0, "DKIM: a key could not be fetched just now", _GROUPS),
        Symbol("R_DKIM_PERMFAIL", 0.0, "DKIM: a signature has no usable key", _GROUPS),
        Symbol("R_DKIM_NA", 0.0, "DKIM: the message is not signed", _GROUPS, one_shot=True),
        Symbol("DKIM_TRACE", 0.0, "DKIM: the result for each domain", _GROUPS, one_shot=True),
    ),
    options=DkimOptions,
    prepare=_prepare,
)
async def dkim(task: Task, ask: Ask) -> Outcome | None:
    """Verifies every signature, up to ``max_sigs``."""
    options = task.options(DkimOptions)
    state = task.state("dkim") or _NO_MAPS
    if is_exempt(task, options) or (task.ip is not None and task.ip in state.whitelist):
        return None
    if task.message.get("dkim-signature") is None:
        return Outcome((Finding("R_DKIM_NA"),), DkimResult())
    result = await verify(
        ask,
        signed_content(task.message),
        task.now,
        max_signatures=1 if options.skip_multi else options.max_sigs,
        time_jitter=options.time_jitter,
        wanted=state.trusted.__contains__ if options.trusted_only else None,
    )
    findings: list[Finding] = []
    for signature in result.signatures:
        if signature.result in SYMBOLS:
            symbol, mark = SYMBOLS[signature.result]
            domain = signature.domain
            findings.append(Finding("DKIM_TRACE", (f"{domain}:{mark}",)))
            said = (f"{domain}:s={signature.selector}",)
            weight = _weight(signature, state.trusted, options.strict_multiplier)
            findings.append(Finding(symbol, said, weight, _evidence(signature)))
    return Outcome(tuple(findings), result)


def _weight(signature: DkimSignatureResult, trusted: Map, multiplier: float) -> float:
    """1, or the factor of a domain among ``trusted_domains``, which may have its own."""
    if not trusted or (value := trusted.get(signature.domain)) is None:
        return 1.0
    found = _FACTORS.match(value.strip())
    if found is None:
        return multiplier
    return float(found[1] if signature.result is DkimCode.PASS else found[2])


def _evidence(signature: DkimSignatureResult) -> str:
    reason = f": {signature.reason}" if signature.reason else ""
    if signature.detail:
        reason += f" ({signature.detail})"
    partial = ", l= leaves out the end of the body" if signature.partial else ""
    return f"{signature.algorithm} of {signature.domain}, {signature.result.value}{reason}{partial}"
