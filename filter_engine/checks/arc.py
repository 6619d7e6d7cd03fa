"""ARC: does the chain of those who passed the message on verify? (RFC 8617, module arc)"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from filter_engine.auth.arc import ArcCode, ArcResult, verify_chain
from filter_engine.auth.dkim_library import load_library
from filter_engine.auth.dkim_sign import ARC_SIGN_HEADERS
from filter_engine.checks.sender_policy import SenderPolicyOptions, is_exempt, signed_content
from filter_engine.checks.signing.options import (
    HEADER_LIST,
    DomainKeys,
    KeyPlace,
    SigningOptions,
)
from filter_engine.config.kinds import BOOLEAN, STRING, list_of, section, sections_of
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, option
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.question import Ask
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

    selector: str = option(STRING, "arc", doc="selector for domains without an own one")
    domain: Mapping[str, DomainKeys] = option(
        sections_of(ArcDomainKeys, "arc.domain"), MappingProxyType({}), doc="keys by domain"
    )
    sign_headers: str = option(
        HEADER_LIST,
        ARC_SIGN_HEADERS,
        doc="headers that ARC-Message-Signature covers; (o) and (x) sign absence of more",
    )
    reuse_auth_results: bool = option(
        BOOLEAN,
        False,
        doc="seal the Authentication-Results that mail from the site's own hosts came with",
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
    known: ClassVar[Mapping[str, Option]] = unserved("arc")


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
    prepare=load_library,
)
async def arc(task: Task, ask: Ask) -> Outcome | None:
    """Verifies the chain; the value is an ``ArcResult``."""
    if is_exempt(task, task.options(ArcOptions)):
        return None
    message = task.message
    if message.get("arc-seal") is None and message.get("arc-message-signature") is None:
        return Outcome((Finding("ARC_NA"),), ArcResult())
    result = await verify_chain(ask, signed_content(message), task.now)
    return Outcome((_finding(result),), result)


def _finding(result: ArcResult) -> Finding:
    symbol = _SYMBOLS[result.code]
    if result.code is not ArcCode.PASS:
        return Finding(symbol, (result.reason,), 1.0, result.reason)
    newest = result.signers[-1]
    said = f"{newest.domain}:s={newest.selector}:i={newest.instance}"
    return Finding(symbol, (said,), 1.0, f"{newest.instance} seals, the last of {newest.domain}")
