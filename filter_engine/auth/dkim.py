"""DKIM verification without I/O (RFC 6376, section 6): several signatures, one round of questions.

Every key is asked for at once; hashing and RSA happen when the answers are there.
"""

from __future__ import annotations

from collections.abc import Callable

from filter_engine.auth.canonical import SignedContent
from filter_engine.auth.dkim_key import MIN_BITS, DkimKeyError, DkimPublicKey, parse_key_record
from filter_engine.auth.dkim_signature import DkimSignature, DkimSignatureError, parse_signature
from filter_engine.auth.results import DkimCode, DkimResult, DkimSignatureResult
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.question import Ask, DnsAnswer

MAX_SIGNATURES = 5
"""Signatures looked at in one message (Rspamd's ``max_sigs``)."""
TIME_JITTER = 6 * 3600.0
"""Seconds that clocks may differ (Rspamd's ``time_jitter``)."""
MAX_KEYS = 4
"""TXT records under one key name that are tried."""


@frozen
class KeyFault:
    """Why there is no key to verify with."""

    code: DkimCode
    reason: str
    detail: str = ""
    """Why DNS failed, naming the resolver."""
    key: DkimPublicKey | None = None
    """The one that was found and does not fit."""


async def verify(
    ask: Ask,
    content: SignedContent,
    now: float,
    *,
    max_signatures: int = MAX_SIGNATURES,
    time_jitter: float = TIME_JITTER,
    wanted: Callable[[str], bool] | None = None,
) -> DkimResult:
    """Verify the topmost ``max_signatures`` signatures; ``now`` is seconds since the epoch.

    With ``wanted`` only those of domains that it takes.
    """
    places = content.places(b"dkim-signature")
    read = [_read(content, place) for place in places[:max_signatures]]
    if wanted is not None:
        read = [one for one in read if wanted(one.domain)]
    results: list[DkimSignatureResult] = []
    names = list(
        dict.fromkeys(
            item.key_name
            for item in read
            if isinstance(item, DkimSignature) and not item.time_problem(now, time_jitter)
        )
    )
    answers: dict[str, DnsAnswer] = {}
    if names:
        answered = await ask.all(*(ask.dns(name, "TXT") for name in names))
        answers = dict(zip(names, answered, strict=True))
    for item in read:
        if isinstance(item, DkimSignatureResult):
            results.append(item)
            continue
        problem = item.time_problem(now, time_jitter)
        if problem:
            results.append(_result(item, DkimCode.NEUTRAL, problem))
        else:
            results.append(judge(content, item, answers[item.key_name]))
    return DkimResult(tuple(results), max(len(places) - max_signatures, 0))


def _read(content: SignedContent, place: int) -> DkimSignature | DkimSignatureResult:
    try:
        return parse_signature(*content.fields[place])
    except DkimSignatureError as error:
        return DkimSignatureResult(
            DkimCode.NEUTRAL, error.domain, error.selector, reason=str(error)
        )


def judge(
    content: SignedContent, signature: DkimSignature, answer: DnsAnswer
) -> DkimSignatureResult:
    """What becomes of one signature, given the answer about its key."""
    key = key_of(answer, signature.key_kind, signature.hash_name)
    if isinstance(key, KeyFault):
        return _result(signature, key.code, key.reason, key.key, detail=key.detail)
    if key.strict and signature.identity.rpartition("@")[2].lower() != signature.domain:
        reason = "key does not allow subdomains in i="
        return _result(signature, DkimCode.PERMERROR, reason, key)
    if not _body_fits(content, signature):
        return _result(signature, DkimCode.FAIL, "body hash did not verify", key)
    if not key.verifies(signature.signature, signature.hash_name, signed_data(content, signature)):
        return _result(signature, DkimCode.FAIL, "signature did not verify", key)
    weakness = weakness_of(key, signature.hash_name)
    if weakness:
        return _result(signature, DkimCode.POLICY, weakness, key)
    size = len(content.canonical_body(signature.body_form))
    if signature.length is not None and signature.length > size:
        return _result(signature, DkimCode.PERMERROR, "l= exceeds the body", key)
    partial = signature.length is not None and signature.length < size
    return _result(signature, DkimCode.PASS, "", key, partial=partial)


def _body_fits(content: SignedContent, signature: DkimSignature) -> bool:
    how = (signature.body_form, signature.hash_name, signature.length)
    if content.body_hash(*how) == signature.body_hash:
        return True
    return content.mend_line_ends() and content.body_hash(*how) == signature.body_hash


def usable_key(records: tuple[bytes, ...]) -> DkimPublicKey | str:
    """The first record that holds a key, or why none does (section 3.6.2.2: results undefined)."""
    problem = "no key"
    for record in records[:MAX_KEYS]:
        try:
            return parse_key_record(record)
        except DkimKeyError as error:
            problem = str(error)
    return problem


def key_of(answer: DnsAnswer, kind: str, hash_name: str) -> DkimPublicKey | KeyFault:
    """The key in an answer that a signature of this kind and hash can have been made with, or why
    there is none (section 6.1.2)."""
    if answer.failed:
        return KeyFault(DkimCode.TEMPERROR, "key: DNS error", answer.detail)
    if not answer.records:
        return KeyFault(DkimCode.PERMERROR, "no key")
    key = usable_key(answer.records)
    if isinstance(key, str):
        return KeyFault(DkimCode.PERMERROR, key)
    if key.kind != kind:
        return KeyFault(DkimCode.PERMERROR, f"key is {key.kind}, signature is {kind}", key=key)
    if key.hashes and hash_name not in key.hashes:
        return KeyFault(DkimCode.PERMERROR, f"key is not for {hash_name}", key=key)
    return key


def weakness_of(key: DkimPublicKey, hash_name: str) -> str:
    """Why a signature that verifies with this key proves nothing; ``""`` if it does (RFC 8301)."""
    if hash_name == "sha1":
        return "rsa-sha1 is not accepted"
    if key.kind == "rsa" and key.bits < MIN_BITS:
        return f"key of {key.bits} bits is too short"
    return ""


def signed_data(content: SignedContent, signature: DkimSignature) -> bytes:
    """What the signature covers (section 3.7).

    From is taken once more than ``h=`` says: a second From above the signed one breaks the
    signature (section 8.15), as in dkimpy. An ARC-Message-Signature may leave From out.
    """
    form = signature.header_form
    once_more = (b"from",) if b"from" in signature.names else ()
    fields = content.signed_fields((*signature.names, *once_more), form)
    fields.append(signature.unsigned(form))
    return b"".join(fields)


def _result(
    signature: DkimSignature,
    code: DkimCode,
    reason: str,
    key: DkimPublicKey | None = None,
    *,
    partial: bool = False,
    detail: str = "",
) -> DkimSignatureResult:
    return DkimSignatureResult(
        code,
        signature.domain,
        signature.selector,
        signature.signature_text,
        signature.algorithm,
        signature.identity,
        reason,
        key.bits if key is not None else 0,
        partial,
        key.testing if key is not None else False,
        detail,
    )
