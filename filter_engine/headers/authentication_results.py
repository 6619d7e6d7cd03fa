"""The value of Authentication-Results (RFC 8601), in the words Rspamd's users know."""

from __future__ import annotations

import re

from filter_engine.auth.results import (
    DkimCode,
    DkimResult,
    DkimSignatureResult,
    DmarcCode,
    DmarcResult,
    SpfCode,
    SpfResult,
)
from filter_engine.scan.task import Task

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~@/:\[\]-]+")
_CFWS_SPECIAL = re.compile(r"[()\\]")


def authentication_results(task: Task) -> str:
    """The header's value, folded after each ``;``. The authserv-id is the MTA's name, then its tag,
    then this host's name."""
    envelope = task.envelope
    authserv = _value(envelope.mta_name or envelope.mta_tag or task.server)
    if task.authenticated:
        return ";\n\t".join([authserv, _auth(task)])
    results: list[str] = []
    dkim, spf, dmarc = (task.results.get(name) for name in ("dkim", "spf", "dmarc"))
    if isinstance(dkim, DkimResult):
        results.extend(_dkim(signature) for signature in dkim.signatures)
        if not dkim.signatures:
            results.append("dkim=none")
    if isinstance(spf, SpfResult):
        results.append(_spf(spf, authserv))
    if isinstance(dmarc, DmarcResult):
        results.append(_dmarc(dmarc))
    if not results:
        return f"{authserv}; none"
    return ";\n\t".join([authserv, *results])


def _auth(task: Task) -> str:
    envelope = task.envelope
    return f"auth=pass smtp.auth={_value(envelope.user)} smtp.mailfrom={_value(envelope.mail_from)}"


def _dkim(signature: DkimSignatureResult) -> str:
    reason = "" if signature.result is DkimCode.PASS else _comment(signature.reason)
    parts = [f"dkim={signature.result.value}{reason}"]
    if signature.domain:
        parts.append(f"header.d={_value(signature.domain)}")
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
    if spf.by_helo:
        identity = f"smtp.helo={_value(spf.helo)}"
    else:
        identity = f"smtp.mailfrom={_value(spf.sender)}"
    return f"spf={spf.result.value}{_comment(comment)} {identity}"


def _dmarc(dmarc: DmarcResult) -> str:
    if dmarc.result is DmarcCode.NONE:
        return "dmarc=none"
    policy = f" (policy={dmarc.policy.value})" if dmarc.policy is not None else ""
    origin = f" header.from={_value(dmarc.from_domain)}" if dmarc.from_domain else ""
    if dmarc.result is DmarcCode.PASS:
        return f"dmarc=pass{policy}{origin}"
    reason = f" reason={_quoted(dmarc.reason)}" if dmarc.reason else ""
    return f"dmarc={dmarc.result.value}{reason}{origin}{policy}"


def _printable(text: str | None) -> str:
    # The texts quote what strangers sent: nothing in them may end the line or the header.
    return "".join(c for c in (text or "") if " " <= c <= "~")[:320]


def _value(text: str | None) -> str:
    """A ``value`` (RFC 2045, section 5.1): a token or an address, else a quoted-string."""
    clean = _printable(text)
    return clean if _TOKEN.fullmatch(clean) else _quoted(clean)


def _quoted(text: str) -> str:
    clean = _printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{clean}"'


def _comment(text: str) -> str:
    clean = _CFWS_SPECIAL.sub(" ", _printable(text))
    return f" ({clean})" if clean else ""
