"""Sealing a message: the three fields of a new ARC set (RFC 8617, section 5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from filter_engine.auth.arc import ArcCode, ArcResult
from filter_engine.auth.arc_fields import MAX_SETS
from filter_engine.auth.canonical import Canonicalization, SignedContent, canonical_field
from filter_engine.auth.dkim_sign import (
    SignedHeader,
    chosen_names,
    signature_value,
    wire_value,
    with_signature,
)
from filter_engine.auth.signing_key import SigningKey
from filter_engine.lazy_dataclass import frozen

RESULTS = "ARC-Authentication-Results"
MESSAGE_SIGNATURE = "ARC-Message-Signature"
SEAL = "ARC-Seal"

_RELAXED = Canonicalization.RELAXED
_CV = {ArcCode.NONE: "none", ArcCode.PASS: "pass", ArcCode.FAIL: "fail"}


@frozen
class ArcSet:
    """A new set, ready to be put on the message in this order, each above the last."""

    instance: int
    chain: str
    """``cv=`` of its seal."""
    fields: tuple[tuple[str, str], ...]
    """(name, value) of results, message signature and seal; folds are ``\\n\\t``."""


def why_not_sealed(chain: ArcResult) -> str:
    """Why no set may be added to a chain in this state; ``""`` if one may.

    A chain whose newest seal says that it failed is over (section 5.1.3); one whose sets are not
    whole has no instance to go on from; of one whose key could not be fetched nothing is known, and
    a later hop may find it good.
    """
    if chain.code is ArcCode.INVALID:
        return f"the chain is broken: {chain.reason}"
    if chain.code is ArcCode.TEMPERROR:
        return f"the chain cannot be verified now: {chain.reason}"
    if chain.ended:
        return "the chain has been sealed as failed"
    if len(chain.signers) >= MAX_SETS:
        return f"the chain has {len(chain.signers)} sets, the most there may be"
    return ""


def seal(
    content: SignedContent,
    chain: ArcResult,
    results: str,
    domain: str,
    selector: str,
    key: SigningKey,
    now: int,
    headers: Sequence[SignedHeader],
) -> ArcSet:
    """The set that says what this host found; ``results`` as in Authentication-Results (section
    4.1.1), folded with ``\\n\\t``.

    A failed chain is sealed as such over the new set alone, as if no other were there (section
    5.1.2). ``domain`` and ``selector`` are A-labels, ``now`` seconds since the epoch. Raises
    ValueError for a chain that must not be sealed, and for ``h=`` that names ARC-Seal.
    """
    problem = why_not_sealed(chain)
    if problem:
        raise ValueError(problem)
    names = chosen_names(content, headers)
    if b"arc-seal" in names:
        raise ValueError("ARC-Seal must not be signed (RFC 8617, section 4.1.2)")
    instance = len(chain.signers) + 1
    found = f"i={instance}; {results}"
    message = signature_value(
        content, MESSAGE_SIGNATURE.encode(), f"i={instance};", domain, selector, key, now, names
    )
    said = _CV[chain.code]
    value = "\n\t".join(
        [
            f"i={instance}; a={key.algorithm}; t={now}; cv={said};",
            f"d={domain}; s={selector};",
            "b=",
        ]
    )
    covered = [] if chain.code is ArcCode.FAIL else list(chain.fields)
    covered += [
        (RESULTS.encode(), wire_value(found)),
        (MESSAGE_SIGNATURE.encode(), wire_value(message)),
    ]
    covered.append((SEAL.encode(), wire_value(value)))
    data = b"\r\n".join(canonical_field(name, text, _RELAXED) for name, text in covered)
    sealed = with_signature(value, key.sign(data))
    return ArcSet(instance, said, ((RESULTS, found), (MESSAGE_SIGNATURE, message), (SEAL, sealed)))
