"""The value of Authentication-Results (RFC 8601), in the words Rspamd's users know.

What strangers sent stands in it: nothing of that can end a comment, a quoted-string or the header.
Internationalised addresses stay as they are (RFC 8616), domains are written as A-labels.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from typing import Final

from filter_engine.auth.arc import ArcCode, ArcResult
from filter_engine.auth.results import (
    DkimCode,
    DkimResult,
    DkimSignatureResult,
    DmarcCode,
    DmarcResult,
    SpfCode,
    SpfResult,
)
from filter_engine.dns.names import to_ascii
from filter_engine.headers.fold import fold_results, one_line
from filter_engine.scan.task import Task

MAX_TEXT: Final = 320
"""Characters of one value or comment."""
MAX_SIGNATURES: Final = 20
"""Signatures that are named."""
MAX_CLAIM: Final = 1024
"""Characters of a header field within which its authserv-id must end."""
_MAX_EXAMINED: Final = 1000
"""Header fields of one name that are looked at."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~@/:\[\]-]+")
_DOT_ATOM: Final = re.compile(r"[^\s()<>\[\]:;@\\,.\"]+(?:\.[^\s()<>\[\]:;@\\,.\"]+)*")
_DOMAIN: Final = re.compile(r"[\w.-]+|\[[0-9A-Za-z:.]+\]")
_CFWS_SPECIAL: Final = re.compile(r"[()\\]")
_BARE: Final = re.compile(r"[^\s;()\"\\]+(?=[\s;(]|\Z)")
_QUOTED: Final = re.compile(r"\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_ARC_WORDS: Final = {
    ArcCode.PASS: "pass",
    ArcCode.FAIL: "fail",
    ArcCode.INVALID: "fail",
    ArcCode.TEMPERROR: "temperror",
}


def authserv_id(task: Task) -> str:
    """Who speaks: the MTA's name, else its tag, else this host's name."""
    envelope = task.envelope
    return envelope.mta_name or envelope.mta_tag or task.server


def authentication_results(task: Task, *, add_smtp_user: bool = True, stop_chars: str = ";") -> str:
    """The header's value, folded after each ``;``; ``add_smtp_user``: the login is named."""
    authserv = _value(authserv_id(task))
    results: list[str] = []
    dkim, spf, dmarc, arc = (task.results.get(name) for name in ("dkim", "spf", "dmarc", "arc"))
    if isinstance(dkim, DkimResult):
        results.extend(_dkim(signature) for signature in dkim.signatures[:MAX_SIGNATURES])
        if not dkim.signatures:
            results.append("dkim=none")
    if isinstance(spf, SpfResult) and not task.authenticated:  # it would tell the user's address
        results.append(_spf(spf, authserv))
    if isinstance(dmarc, DmarcResult):
        results.append(_dmarc(dmarc))
    if isinstance(arc, ArcResult) and arc.code is not ArcCode.NONE:
        results.append(_arc(arc))
    if task.authenticated:
        results.append(_auth(task, add_smtp_user=add_smtp_user))
    if not results:
        return f"{authserv}; none"
    return fold_results([authserv, *results], stop_chars)


def forged_places(task: Task, name: str, ids: Iterable[str] = ()) -> tuple[int, ...]:
    """Which header fields of that name, from 1, claim to be of this host or of one whose
    authserv-id is among ``ids`` (RFC 8601, section 5).

    Those whose claim cannot be read, or that are beyond the bounds, count as such too: who reads
    them later may understand them.
    """
    mine = own_ids(task, ids)
    fields = task.message.get_all(name)
    forged = [
        place
        for place, field in enumerate(fields[:_MAX_EXAMINED], start=1)
        if (claimed := claimed_authserv(field.value)) is None or _plain(claimed) in mine
    ]
    forged.extend(range(_MAX_EXAMINED + 1, len(fields) + 1))
    return tuple(forged)


def claims_one_of(value: str, ids: Container[str]) -> bool:
    """Whether a header field is, by what it says, of a host among ``ids`` (see ``own_ids``)."""
    claimed = claimed_authserv(value)
    return claimed is not None and _plain(claimed) in ids


def own_ids(task: Task, ids: Iterable[str] = ()) -> frozenset[str]:
    """The authserv-ids of this site: this host's and ``ids``, as they are compared."""
    return frozenset(_plain(one) for one in (authserv_id(task), *ids))


def _plain(authserv: str) -> str:
    return authserv.lower().rstrip(".")


def claimed_authserv(value: str) -> str | None:
    """The authserv-id of a header field, without comments and quotes; None when there is none that
    can be read within the first ``MAX_CLAIM`` characters (RFC 8601, section 2.2)."""
    text = value[:MAX_CLAIM]
    at = _after_comments(text)
    if at is None:
        return None
    if text[at] == '"':
        quoted = _QUOTED.match(text, at)
        claimed = None if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted[1])
    else:
        # One that reaches the bound may go on beyond it.
        bare = _BARE.match(text if len(text) == len(value) else text[:-1] + "\\", at)
        claimed = None if bare is None else bare[0]
    return claimed if claimed and claimed.isprintable() else None


def _after_comments(text: str) -> int | None:
    """Where white space and nested comments (RFC 5322, section 3.2.2) end; None: nowhere."""
    depth = 0
    escaped = False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif depth and char == "\\":
            escaped = True
        elif char == "(":
            depth += 1
        elif depth and char == ")":
            depth -= 1
        elif not depth and not char.isspace():
            return at
    return None


def _auth(task: Task, *, add_smtp_user: bool) -> str:
    envelope = task.envelope
    parts = ["auth=pass"]
    if add_smtp_user:
        parts.append(f"smtp.auth={_value(envelope.user)}")
    if envelope.mail_from is not None:
        parts.append(f"smtp.mailfrom={_address(envelope.mail_from)}")
    return " ".join(parts)


def _dkim(signature: DkimSignatureResult) -> str:
    reason = "" if signature.result is DkimCode.PASS else _comment(signature.reason)
    if signature.partial:
        reason = _comment("l= leaves the end of the body out")
    parts = [f"dkim={signature.result.value}{reason}"]
    if signature.domain:
        parts.append(f"header.d={_value(_a_label(signature.domain))}")
    if signature.selector:
        parts.append(f"header.s={_value(signature.selector)}")
    if signature.signature:
        parts.append(f"header.b={_value(signature.signature[:8])}")
    return " ".join(parts)


def _spf(spf: SpfResult, host: str) -> str:
    sender = spf.sender
    comment = {
        SpfCode.PASS: f"{host}: domain of {sender} designates {spf.ip} as permitted sender",
        SpfCode.FAIL: f"{host}: domain of {sender} does not designate {spf.ip} as permitted sender",
        SpfCode.NEUTRAL: f"{host}: {spf.ip} is neither permitted nor denied by domain of {sender}",
        SpfCode.SOFTFAIL: f"{host}: {spf.ip} is neither permitted nor denied by domain of {sender}",
        SpfCode.PERMERROR: f"{host}: domain of {sender} uses mechanism not recognized by "
        "this client",
        SpfCode.TEMPERROR: f"{host}: error in processing during lookup of {sender}: DNS error",
        SpfCode.NONE: f"{host}: domain of {sender} has no SPF policy when checking {spf.ip}",
    }[spf.result]
    identity = ""
    if not spf.by_helo:
        identity = f" smtp.mailfrom={_address(sender)}"
    elif spf.helo:
        identity = f" smtp.helo={_value(_a_label(spf.helo))}"
    return f"spf={spf.result.value}{_comment(comment)}{identity}"


def _dmarc(dmarc: DmarcResult) -> str:
    if dmarc.result is DmarcCode.NONE:
        return "dmarc=none"
    policy = f" (policy={dmarc.policy.value})" if dmarc.policy is not None else ""
    origin = f" header.from={_value(_a_label(dmarc.from_domain))}" if dmarc.from_domain else ""
    if dmarc.result is DmarcCode.PASS:
        return f"dmarc=pass{policy}{origin}"
    reason = f" reason={_quoted(dmarc.reason)}" if dmarc.reason else ""
    return f"dmarc={dmarc.result.value}{reason}{origin}{policy}"


def _arc(arc: ArcResult) -> str:
    """RFC 8617, section 10.2. What Rspamd calls reject and permerror is fail, its one word."""
    comment = arc.reason
    if arc.code is ArcCode.PASS and arc.signers:
        newest = arc.signers[-1]
        comment = f"{newest.domain}:s={newest.selector}:i={newest.instance}"
    return f"arc={_ARC_WORDS[arc.code]}{_comment(comment)}"


def _printable(text: str | None) -> str:
    return one_line((text or "")[:MAX_TEXT])


def _a_label(domain: str) -> str:
    """The domain in ASCII where it has such a form (RFC 8601, section 2.2)."""
    if domain.isascii():
        return domain
    return to_ascii(domain[:MAX_TEXT]) or domain


def _address(text: str) -> str:
    """A mailbox as ``pvalue``: the local part quoted where it has to be, the domain as it is."""
    local, at, domain = _printable(text).rpartition("@")
    domain = _a_label(domain)
    if not at or not _DOMAIN.fullmatch(domain):
        return _value(text)
    if local.startswith('"') and local.endswith('"') and len(local) > 1:
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    return f"{local if _DOT_ATOM.fullmatch(local) else _quoted(local)}@{domain}"


def _value(text: str | None) -> str:
    """A ``value`` (RFC 2045, section 5.1): a token, else a quoted-string."""
    clean = _printable(text)
    return clean if _TOKEN.fullmatch(clean) else _quoted(clean)


def _quoted(text: str) -> str:
    clean = _printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{clean}"'


def _comment(text: str) -> str:
    clean = _CFWS_SPECIAL.sub(" ", _printable(text))
    return f" ({clean})" if clean else ""
