"""Signs the site's own mail (RFC 6376, Rspamd's module dkim_signing)."""

# option() makes a dataclasses.field; evaluated once on purpose

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from filter_engine.auth.dkim_sign import SIGN_HEADERS, parse_header_list, sign
from filter_engine.auth.load_primitives import load_primitives
from filter_engine.checks.sender_policy import leaving_content, leaving_headers
from filter_engine.checks.signing.keys import SigningMaps, fetched, is_published, prepare, signers
from filter_engine.checks.signing.options import HEADER_LIST, SigningOptions
from filter_engine.checks.signing.whose import is_refused
from filter_engine.config.kinds import BOOLEAN
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, option
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import AddHeader, Finding, Outcome


@options_class
class DkimSigningOptions(SigningOptions):
    """The section ``dkim_signing``."""

    sign_headers: str = option(
        HEADER_LIST, SIGN_HEADERS, doc="headers to sign; (o) and (x) sign absence of more"
    )
    use_milter_headers: bool = option(
        BOOLEAN,
        False,
        doc="hand signatures to scan clients among the headers to add, not as dkim-signature",
    )
    anchor: ClassVar[str] = "modules/dkim_signing"
    known: ClassVar[Mapping[str, Option]] = unserved("dkim_signing")


def _prepare(options: DkimSigningOptions, setup: Setup) -> SigningMaps:
    load_primitives(options, setup)
    return prepare(options, setup, "dkim_signing")


@check(
    "dkim_signing",
    symbols=(
        Symbol("DKIM_SIGNED", 0.0, "The message was given a DKIM signature", ("policies", "dkim")),
    ),
    options=DkimSigningOptions,
    prepare=_prepare,
    stage=Stage.POSTFILTER,
    after_pre_result=True,
    has_work=lambda options: options.names_keys,
)
async def dkim_signing(task: Task, ask: Ask) -> Outcome | None:
    """Signs mail of logged-in users and from local networks, once for each key of the domain."""
    options = task.options(DkimSigningOptions)
    maps = task.state("dkim_signing") or SigningMaps()
    chosen = signers(task, options, maps, "R_DKIM_REJECT")
    if not chosen:
        return None
    if await is_refused(task, ask, options):
        return None
    content = None
    findings: list[Finding] = []
    signatures: list[str] = []
    for signer in await fetched(ask, chosen, options, maps.store):
        key = signer.key()
        if key is None or not await is_published(ask, signer, key, options):
            continue
        content = content or leaving_content(task)
        headers = leaving_headers(task, parse_header_list(options.sign_headers))
        signatures.append(
            sign(content, signer.domain, signer.selector, key, int(task.now), headers)
        )
        used = f"key of {signer.domain} in {signer.source}"
        said = f"{signer.domain}:s={signer.selector}"
        findings.append(Finding("DKIM_SIGNED", (said,), evidence=used))
    if not signatures:
        return None
    if options.use_milter_headers:
        fields = tuple(AddHeader("DKIM-Signature", one, 1) for one in signatures)
        return Outcome(tuple(findings), headers=fields)
    return Outcome(tuple(findings), signatures=tuple(signatures))
