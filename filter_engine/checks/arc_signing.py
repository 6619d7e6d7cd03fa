"""Seals what this site passes on (RFC 8617, section 5.1, Rspamd's module arc)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Final

from filter_engine.auth.arc import ArcCode, ArcResult, verify_chain
from filter_engine.auth.arc_seal import seal, why_not_sealed
from filter_engine.auth.dkim_sign import parse_header_list
from filter_engine.auth.load_primitives import load_primitives
from filter_engine.checks.arc import ArcOptions
from filter_engine.checks.sender_policy import (
    leaving_content,
    leaving_headers,
    signed_content,
)
from filter_engine.checks.signing.keys import SigningMaps, fetched, is_published, prepare, signers
from filter_engine.checks.signing.whose import is_refused
from filter_engine.headers.authentication_results import (
    authentication_results,
    claims_one_of,
    own_ids,
)
from filter_engine.headers.options import MilterHeadersOptions
from filter_engine.headers.routine_options import AuthenticationResultsRoutine
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import AddHeader, Finding, Outcome

MAX_REUSED: Final = 8192
"""Octets of an Authentication-Results header that is sealed as it came."""

_FOLD: Final = re.compile(r"\s*[\r\n]+\s*")
_ONE: Final = 1
"""Added at the top, each above the last."""
_log = logging.getLogger(__name__)


@frozen
class _State:
    """What was prepared."""

    maps: SigningMaps
    results: AuthenticationResultsRoutine


def _prepare(options: ArcOptions, setup: Setup) -> _State:
    load_primitives(options, setup)
    headers = setup.config.modules.get("milter_headers")
    known = headers if isinstance(headers, MilterHeadersOptions) else MilterHeadersOptions()
    routine = known.routines.authentication_results
    return _State(prepare(options, setup, "arc"), routine)


@check(
    "arc_signing",
    module="arc",
    symbols=(Symbol("ARC_SIGNED", 0.0, "The message was given an ARC set", ("policies", "arc")),),
    options=ArcOptions,
    prepare=_prepare,
    stage=Stage.POSTFILTER,
    after_pre_result=True,
    has_work=lambda options: options.names_keys,
    needs=("arc", "spf", "dkim", "dmarc"),
)
async def arc_signing(task: Task, ask: Ask) -> Outcome | None:
    """Adds a set that says what SPF, DKIM, DMARC and the chain so far gave."""
    options = task.options(ArcOptions)
    state = task.state("arc_signing") or _State(SigningMaps(), AuthenticationResultsRoutine())
    chosen = signers(task, options, state.maps, "ARC_REJECT")
    if not chosen:
        return None
    if await is_refused(task, ask, options):
        return None
    chain = await _chain(task, ask)
    problem = why_not_sealed(chain)
    if problem:
        _log.info("not sealing: %s", problem)
        return None
    for signer in await fetched(
        ask, chosen, options, state.maps.store
    ):  # one chain takes one set a hop: the first usable key makes it
        key = signer.key()
        if key is None or not await is_published(ask, signer, key, options):
            continue
        made = seal(
            leaving_content(task),
            chain,
            _results(task, options, state.results),
            signer.domain,
            signer.selector,
            key,
            int(task.now),
            leaving_headers(task, parse_header_list(options.sign_headers)),
        )
        said = f"{signer.domain}:s={signer.selector}:i={made.instance}"
        used = f"cv={made.chain}, key of {signer.domain} in {signer.source}"
        fields = tuple(AddHeader(name, value, _ONE) for name, value in made.fields)
        return Outcome((Finding("ARC_SIGNED", (said,), 1.0, used),), made, headers=fields)
    return None


async def _chain(task: Task, ask: Ask) -> ArcResult:
    """The state of the chain that came, verified here where the check arc left the mail alone: a
    chain is never said to pass that nobody looked at."""
    known = task.results.get("arc")
    if isinstance(known, ArcResult) and known.code is not ArcCode.NONE:
        return known
    return await verify_chain(ask, signed_content(task.message), task.now)


def _results(task: Task, options: ArcOptions, routine: AuthenticationResultsRoutine) -> str:
    """What ARC-Authentication-Results says after its instance (section 4.1.1)."""
    reused = _reused(task, options, routine.remove_ids) if options.reuse_auth_results else ""
    return reused or authentication_results(task, add_smtp_user=routine.add_smtp_user)


def _reused(task: Task, options: ArcOptions, ids: Iterable[str]) -> str:
    """The topmost Authentication-Results, if a host of this site made it; else ``""``.

    Anybody may write such a header, and a login is no reason to believe it: it has to come from a
    local network or ``sign_networks``, without a login, in this host's name or one of ``ids``.
    """
    ours = task.ip in options.sign_networks or (task.local and task.ip is not None)
    if not ours or task.authenticated:
        return ""
    field = task.message.get("authentication-results")
    if field is None or not field.raw or len(field.raw) > MAX_REUSED:
        return ""
    if not claims_one_of(field.value, own_ids(task, ids)):
        return ""
    text = _FOLD.sub("\n\t", field.raw.decode("utf-8", "replace").strip())
    return "".join(c for c in text if c in "\n\t" or c.isprintable())
