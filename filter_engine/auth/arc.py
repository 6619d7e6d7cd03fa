"""ARC verification without I/O (RFC 8617, section 5.2): the structure, then one round of questions.

The newest ARC-Message-Signature must verify, and every ARC-Seal from the newest to the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace
from enum import StrEnum

from filter_engine.auth.arc_fields import (
    MAX_SETS,
    ArcFieldError,
    ArcSeal,
    parse_message_signature,
    parse_results_instance,
    parse_seal,
)
from filter_engine.auth.canonical import Canonicalization, SignedContent, canonical_field
from filter_engine.auth.dkim import TIME_JITTER, KeyFault, judge, key_of, weakness_of
from filter_engine.auth.dkim_signature import DkimSignature
from filter_engine.auth.results import DkimCode
from filter_engine.lazy_dataclass import frozen, settled
from filter_engine.scan.question import Ask, DnsAnswer

_NAMES = (b"arc-authentication-results", b"arc-message-signature", b"arc-seal")
_RELAXED = Canonicalization.RELAXED


class ArcCode(StrEnum):
    """The state of a chain (section 4.4); the last two are ways to fail that symbols tell apart."""

    NONE = "none"
    PASS = "pass"  # noqa: S105  # a result, not a password
    FAIL = "fail"
    INVALID = "invalid"
    """The sets are incomplete or unreadable: the chain fails before any signature is looked at."""
    TEMPERROR = "temperror"
    """A key could not be fetched just now."""


@frozen
class ArcSigner:
    """Who made a set."""

    instance: int
    domain: str
    selector: str


@settled
class ArcResult:
    """What became of the chain."""

    code: ArcCode = ArcCode.NONE
    reason: str = ""
    """For people, empty for none and pass."""
    signers: tuple[ArcSigner, ...] = ()
    """Who sealed, the first first."""
    ended: bool = False
    """The newest seal says that the chain failed: nothing may be added (section 5.1.3)."""
    fields: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    """(name, value) of all fields of the chain in the order in which seals cover them."""
    results: tuple[bytes, ...] = field(default=(), repr=False)
    """The value of each ARC-Authentication-Results, the first first."""
    vouching: ArcSigner | None = None
    """Who saw DMARC pass for today's From domain, and is trusted by this site, as are all who
    sealed after."""


@frozen
class _Set:
    """The fields of one instance, as places in the message and parsed."""

    results: int
    message_place: int
    signature: DkimSignature
    seal_place: int
    seal: ArcSeal

    @property
    def places(self) -> tuple[int, int, int]:
        """In the order in which a seal covers them (section 5.1.1)."""
        return self.results, self.message_place, self.seal_place


async def verify_chain(
    ask: Ask, content: SignedContent, now: float, *, time_jitter: float = TIME_JITTER
) -> ArcResult:
    """Verify the ARC chain of a message; ``now`` is seconds since the epoch."""
    if not any(content.places(name) for name in _NAMES):
        return ArcResult()
    try:
        chain = _sets(content)
    except ArcFieldError as error:
        return ArcResult(ArcCode.INVALID, str(error))
    signers = tuple(
        ArcSigner(number, one.seal.domain, one.seal.selector)
        for number, one in enumerate(chain, start=1)
    )
    newest = chain[-1]
    known = ArcResult(
        signers=signers,
        ended=newest.seal.chain == "fail",
        fields=tuple(content.fields[place] for one in chain for place in one.places),
        results=tuple(content.fields[one.results][1] for one in chain),
    )
    told = _told(chain)
    if told:
        return replace(known, code=ArcCode.FAIL, reason=told)
    late = newest.signature.time_problem(now, time_jitter)
    if late:
        return replace(known, code=ArcCode.FAIL, reason=late)
    names = [newest.signature.key_name, *(one.seal.key_name for one in chain)]
    names = list(dict.fromkeys(names))
    answered = await ask.all(*(ask.dns(name, "TXT") for name in names))
    code, reason = _judge(content, chain, dict(zip(names, answered, strict=True)))
    return replace(known, code=code, reason=reason)


def _sets(content: SignedContent) -> list[_Set]:
    """The sets in order of instance. Raises ArcFieldError unless each is there once and whole."""
    places = [content.places(name) for name in _NAMES]
    count = len(places[0])
    if count > MAX_SETS or any(len(found) != count for found in places):
        raise ArcFieldError("the sets are not complete")
    results = _by_instance((parse_results_instance(content.fields[p][1]), p) for p in places[0])
    signatures: dict[int, DkimSignature] = {}
    at: list[tuple[int, int]] = []
    for place in places[1]:
        instance, signature = parse_message_signature(*content.fields[place])
        signatures[instance] = signature
        at.append((instance, place))
    messages = _by_instance(at)
    parsed = [(parse_seal(*content.fields[place]), place) for place in places[2]]
    seals = _by_instance((seal.instance, place) for seal, place in parsed)
    by_place = {place: seal for seal, place in parsed}
    return [
        _Set(
            results[number],
            messages[number],
            signatures[number],
            seals[number],
            by_place[seals[number]],
        )
        for number in range(1, count + 1)
    ]


def _by_instance(found: Iterable[tuple[int, int]]) -> dict[int, int]:
    numbered: dict[int, int] = {}
    for instance, place in found:
        if instance in numbered:
            raise ArcFieldError(f"instance {instance} occurs twice")
        numbered[instance] = place
    if sorted(numbered) != list(range(1, len(numbered) + 1)):
        raise ArcFieldError("the instances have gaps")
    return numbered


def _told(chain: list[_Set]) -> str:
    """Why the chain fails by what its seals say of it (section 5.2, steps 2 and 3)."""
    for number, one in enumerate(chain, start=1):
        if one.seal.chain == "fail":
            return f"seal {number} says that the chain failed"
        if (one.seal.chain == "none") is not (number == 1):
            return f"seal {number} has cv={one.seal.chain}"
    return ""


def _judge(
    content: SignedContent, chain: list[_Set], answers: dict[str, DnsAnswer]
) -> tuple[ArcCode, str]:
    newest = chain[-1]
    signature = judge(content, newest.signature, answers[newest.signature.key_name])
    if signature.result is DkimCode.TEMPERROR:
        return ArcCode.TEMPERROR, f"key of message signature {len(chain)}: {signature.detail}"
    if signature.result is not DkimCode.PASS:
        return ArcCode.FAIL, f"message signature {len(chain)}: {signature.reason}"
    covered = _covered(content, chain)
    for number in range(len(chain), 0, -1):
        seal = chain[number - 1].seal
        problem = _seal_problem(seal, covered[number - 1], answers[seal.key_name])
        if problem is not None:
            return problem[0], f"seal {number}: {problem[1]}"
    return ArcCode.PASS, ""


def _covered(content: SignedContent, chain: list[_Set]) -> list[bytes]:
    """What each seal signs: all sets up to its own, its own field last (section 5.1.1)."""
    covered: list[bytes] = []
    before = b""
    for one in chain:
        fields = [canonical_field(*content.fields[one.results], _RELAXED)]
        fields.append(canonical_field(*content.fields[one.message_place], _RELAXED))
        before += b"\r\n".join(fields) + b"\r\n"
        covered.append(before + one.seal.unsigned())
        before += canonical_field(*content.fields[one.seal_place], _RELAXED) + b"\r\n"
    return covered


def _seal_problem(seal: ArcSeal, data: bytes, answer: DnsAnswer) -> tuple[ArcCode, str] | None:
    key = key_of(answer, seal.key_kind, seal.hash_name)
    if isinstance(key, KeyFault):
        if key.code is DkimCode.TEMPERROR:
            return ArcCode.TEMPERROR, f"key: {key.detail}"
        return ArcCode.FAIL, key.reason
    if not key.verifies(seal.signature, seal.hash_name, data):
        return ArcCode.FAIL, "it does not verify"
    weakness = weakness_of(key, seal.hash_name)
    return (ArcCode.FAIL, weakness) if weakness else None
