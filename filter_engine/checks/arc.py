"""ARC: does the chain of those who passed the message on verify? (RFC 8617, module arc)"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar, Final

from filter_engine.auth.arc import ArcCode, ArcResult, ArcSigner, verify_chain
from filter_engine.auth.dkim_sign import ARC_SIGN_HEADERS
from filter_engine.auth.load_primitives import load_primitives
from filter_engine.auth.results import DmarcCode, DmarcPolicy, DmarcResult
from filter_engine.auth.results_field import (
    ResultsField,
    ResultsFieldError,
    parse_arc_results_field,
)
from filter_engine.checks.sender_policy import (
    SenderPolicyOptions,
    author_domains,
    is_exempt,
    signed_content,
)
from filter_engine.checks.signing.names import SELECTOR, by_domain
from filter_engine.checks.signing.options import (
    HEADER_LIST,
    DomainKeys,
    KeyPlace,
    SigningOptions,
)
from filter_engine.config.kinds import BOOLEAN, STRING, list_of, section, sections_of
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition, MapKind
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Binder, Option, option
from filter_engine.dns.names import to_ascii
from filter_engine.maps.map import Map
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding, Outcome

_GROUPS: Final = ("policies", "arc")
_SYMBOLS: Final = {
    ArcCode.NONE: "ARC_NA",
    ArcCode.PASS: "ARC_ALLOW",
    ArcCode.FAIL: "ARC_REJECT",
    ArcCode.INVALID: "ARC_INVALID",
    ArcCode.TEMPERROR: "ARC_DNSFAIL",
}

_TRUSTED: Final = "ARC_ALLOW_TRUSTED"
_FAILED: Final = frozenset({"fail", "reject", "quarantine"})
_ADJUSTED: Final = {
    DmarcPolicy.REJECT: "DMARC_POLICY_REJECT",
    DmarcPolicy.QUARANTINE: "DMARC_POLICY_QUARANTINE",
}
_ADJUSTMENT: Final = -0.9
"""Added to the weight of 1 that DMARC's own finding has."""


@options_class
class ArcDomainKeys(DomainKeys):
    """``domain { example.net { ... } }``: the keys of a domain; ``*`` means all others."""

    selectors: tuple[KeyPlace, ...] = option(
        list_of(section(KeyPlace, "arc.domain.selectors")),
        (),
        doc="several keys; the first that can be used seals",
    )


@options_class
class ArcOptions(SenderPolicyOptions, SigningOptions):
    """The section ``arc``: verifying and sealing."""

    selector: str = option(SELECTOR, "arc", doc="selector for domains without an own one")
    key_prefix: str = option(
        STRING, "arc_keys", doc="hash in Redis: selector.domain gives the key, PEM or base64"
    )
    domain: Mapping[str, DomainKeys] = option(
        by_domain(sections_of(ArcDomainKeys, "arc.domain")),
        MappingProxyType({}),
        doc="keys by domain",
    )
    sign_headers: str = option(
        HEADER_LIST,
        ARC_SIGN_HEADERS,
        doc="headers that ARC-Message-Signature covers; (o) and (x) sign absence of more",
    )
    reuse_auth_results: bool = option(
        BOOLEAN,
        False,
        doc="seal the Authentication-Results that a host of this site (its name is this host's or "
        "among remove_ids of authentication-results) gave the mail",
    )
    whitelisted_signers_map: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="domains whose seals are trusted when the chain verifies"
    )
    adjust_dmarc: bool = option(
        BOOLEAN,
        True,
        doc="a tenth of DMARC's score where a trusted signer saw DMARC pass",
    )
    anchor: ClassVar[str] = "modules/arc"

    def tell(self, binder: Binder) -> None:
        """Options that change nothing without another one."""
        super().tell(binder)
        own = self.sign_local or self.sign_authenticated or self.sign_networks
        if self.reuse_auth_results and not own:
            self.tell_alone(
                binder,
                "reuse_auth_results",
                "results are taken from the site's own hosts only, whose mail is not sealed",
                "write sign_local = true or sign_networks",
            )

    known: ClassVar[Mapping[str, Option]] = unserved("arc")


def _prepare(options: ArcOptions, setup: Setup) -> Map | None:
    """The map of trusted signers, if the site has one."""
    load_primitives(options, setup)
    written = options.whitelisted_signers_map
    where = "arc.whitelisted_signers_map"
    return None if written is None else setup.maps.of(written, MapKind.SET, where)


def _symbols_of(options: ArcOptions) -> Iterable[Symbol]:
    if options.whitelisted_signers_map is not None:
        yield Symbol(_TRUSTED, -2.0, "ARC: sealed by a signer that this site trusts", _GROUPS)


@check(
    "arc",
    callback="ARC_CHECK",
    symbols=(
        Symbol("ARC_ALLOW", -1.0, "ARC: the chain verifies", _GROUPS),
        Symbol("ARC_REJECT", 1.0, "ARC: the chain does not verify", _GROUPS),
        Symbol("ARC_INVALID", 0.5, "ARC: the sets are not whole", _GROUPS),
        Symbol("ARC_DNSFAIL", 0.0, "ARC: a key could not be fetched just now", _GROUPS),
        Symbol("ARC_NA", 0.0, "ARC: the message has no chain", _GROUPS),
        # never found; settings written for older Rspamd name it as they name ARC_CHECK
        Symbol("ARC_CALLBACK", 0.0, "ARC: stands for the whole check in settings", _GROUPS),
    ),
    options=ArcOptions,
    prepare=_prepare,
    symbols_of=_symbols_of,
)
async def arc(task: Task, ask: Ask) -> Outcome | None:
    """Verifies the chain; the value is an ``ArcResult``."""
    if is_exempt(task, task.options(ArcOptions)):
        return None
    message = task.message
    if message.get("arc-seal") is None and message.get("arc-message-signature") is None:
        return Outcome((Finding("ARC_NA"),), ArcResult())
    result = await verify_chain(ask, signed_content(message), task.now)
    trusted = task.state("arc")
    if trusted is None or result.code is not ArcCode.PASS:
        return Outcome((_finding(result),), result)
    findings, vouching = _trusted(result, trusted, author_domains(message))
    return Outcome((_finding(result), *findings), replace(result, vouching=vouching))


@check(
    "arc_dmarc_adjustment",
    callback="ARC_DMARC_ADJUSTMENT",
    module="arc",
    symbols=(),
    options=ArcOptions,
    needs=("arc", "dmarc"),
    has_work=lambda options: options.whitelisted_signers_map is not None and options.adjust_dmarc,
)
async def arc_dmarc_adjustment(_task: Task, ask: Ask) -> Outcome | None:
    """Takes nine tenths of DMARC's score back where a signer that is trusted saw DMARC pass."""
    chain, dmarc = await ask.all(ask.result("arc"), ask.result("dmarc"))
    if not isinstance(chain, ArcResult) or chain.vouching is None:
        return None
    if not isinstance(dmarc, DmarcResult) or dmarc.result is not DmarcCode.FAIL:
        return None
    symbol = _ADJUSTED.get(dmarc.disposition)
    if symbol is None:
        return None
    signer = chain.vouching
    evidence = f"set {signer.instance}, of {signer.domain}, says that DMARC passed before"
    return Outcome((Finding(symbol, ("ARC trusted",), _ADJUSTMENT, evidence),))


def _trusted(
    result: ArcResult, trusted: Map, authors: Sequence[str]
) -> tuple[list[Finding], ArcSigner | None]:
    """A finding for each set that can be believed, and who of them vouches for the From domain.

    Only a set that nobody but trusted signers sealed after can be: whoever comes behind it may
    have changed the mail, keep the set, and add one of its own (RFC 8617, section 9.2). What it
    says of DMARC counts for the domain that it names.
    """
    findings: list[Finding] = []
    vouching: ArcSigner | None = None
    for signer, raw in zip(reversed(result.signers), reversed(result.results), strict=True):
        if signer.domain not in trusted:
            break
        try:
            seen = parse_arc_results_field(raw.decode("utf-8", "replace"))
        except ResultsFieldError as error:
            seen = ResultsField("", ())
            said = f"results of {signer.domain} cannot be read: {error}"
        else:
            said = f"{signer.domain} saw dmarc={seen.result('dmarc') or 'none'}"
        if vouching is None and _saw_pass(seen, authors):
            vouching = signer
        option = f"{signer.domain}:s={signer.selector}:i={signer.instance}"
        findings.append(Finding(_TRUSTED, (option,), _worth(seen), said))
    findings.reverse()
    return findings, vouching


def _saw_pass(seen: ResultsField, authors: Sequence[str]) -> bool:
    """Whether DMARC passed there for the one domain that From names today."""
    told = next((one for one in seen.results if one.method == "dmarc"), None)
    if told is None or told.result != "pass" or len(authors) != 1:
        return False
    return to_ascii(told.property("header.from")) == authors[0]


def _worth(seen: ResultsField) -> float:
    """Nothing where DMARC had failed, half where SPF had and nothing is said of DMARC."""
    dmarc = seen.result("dmarc")
    if dmarc in _FAILED:
        return 0.0
    return 0.5 if not dmarc and seen.result("spf") in _FAILED else 1.0


def _finding(result: ArcResult) -> Finding:
    symbol = _SYMBOLS[result.code]
    if result.code is not ArcCode.PASS:
        return Finding(symbol, (result.reason,), 1.0, result.reason)
    newest = result.signers[-1]
    said = f"{newest.domain}:s={newest.selector}:i={newest.instance}"
    return Finding(symbol, (said,), 1.0, f"{newest.instance} seals, the last of {newest.domain}")
