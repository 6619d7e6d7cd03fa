"""What is kept of a message for an aggregate report (RFC 7489, section 7.2): data, no store.

The text form is Rspamd's, twelve fields with commas, so that either engine's report command reads
what the other kept; two fields follow that Rspamd leaves out and does not look at.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final

from filter_engine.auth.results import (
    DkimCode,
    DkimResult,
    DmarcCode,
    DmarcPolicy,
    DmarcResult,
    SpfCode,
    SpfResult,
)
from filter_engine.lazy_dataclass import frozen

MAX_SIGNATURES: Final = 10
"""Signatures of one message that a report names."""

_NAME: Final = re.compile(r"[a-z0-9_.-]{1,253}\Z")
_CODES: Final = (DkimCode.PASS, DkimCode.FAIL, DkimCode.TEMPERROR, DkimCode.PERMERROR)
_KEPT_AS: Final = {DkimCode.POLICY: DkimCode.PERMERROR}
"""RFC 7489 has the word policy, Rspamd's form no place for it."""
_OVERRIDES: Final = frozenset(
    "forwarded sampled_out trusted_forwarder mailing_list local_policy other".split()  # noqa: SIM905
)


@frozen
class SignatureRow:
    """One DKIM signature."""

    domain: str
    result: str
    selector: str = ""


@frozen
class ReportRow:
    """What messages have in common that one row of a report counts."""

    ip: str
    disposition: DmarcPolicy
    """What the policy led to here."""
    dkim_aligned: bool
    spf_aligned: bool
    header_from: str
    spf_domain: str
    spf_result: SpfCode
    override: str = ""
    """Why the disposition is not the policy's: ``sampled_out``, ``trusted_forwarder``."""
    signatures: tuple[SignatureRow, ...] = ()
    helo: bool = False
    """SPF looked at the HELO name."""

    def encode(self) -> str:
        """As text; what messages have in common gives the same text."""
        by_code = {
            code: "|".join(s.domain for s in self.signatures if s.result == code.value)
            for code in _CODES
        }
        return ",".join(
            [
                self.ip,
                "pass" if self.spf_aligned else "fail",
                "pass" if self.dkim_aligned else "fail",
                self.disposition.value,
                self.override,
                self.header_from,
                *(by_code[code] for code in _CODES),
                self.spf_domain,
                self.spf_result.value,
                "helo" if self.helo else "mfrom",
                "|".join(f"{s.domain}:{s.selector}:{s.result}" for s in self.signatures),
            ]
        )


def report_row(
    ip: str,
    dmarc: DmarcResult,
    spf: SpfResult | None,
    dkim: DkimResult | None,
    *,
    trusted: bool = False,
) -> ReportRow | None:
    """What to keep of a message; None when DMARC gave no verdict. ``trusted``: a forwarder that
    this site trusts made up for the failure."""
    if dmarc.result not in (DmarcCode.PASS, DmarcCode.FAIL) or not _NAME.match(dmarc.from_domain):
        return None
    override = "sampled_out" if dmarc.sampled_out else ""
    disposition = dmarc.disposition if dmarc.result is DmarcCode.FAIL else DmarcPolicy.NONE
    if trusted and disposition is not DmarcPolicy.NONE:
        override, disposition = "trusted_forwarder", DmarcPolicy.NONE
    signatures = tuple(
        SignatureRow(
            s.domain.lower(),
            _KEPT_AS.get(s.result, s.result).value,
            s.selector if _NAME.match(s.selector) else "",
        )
        for s in (dkim.signatures if dkim is not None else ())
        if _KEPT_AS.get(s.result, s.result) in _CODES and _NAME.match(s.domain.lower())
    )[:MAX_SIGNATURES]
    domain = (spf.domain if spf is not None else "").lower()
    return ReportRow(
        ip,
        disposition,
        dmarc.dkim_aligned,
        dmarc.spf_aligned,
        dmarc.from_domain,
        domain if _NAME.match(domain) else "",
        spf.result if spf is not None else SpfCode.NONE,
        override,
        signatures,
        spf is not None and spf.by_helo,
    )


def decode_row(text: str) -> ReportRow:
    """Read a row. Raises ValueError for what is none."""
    fields = text.split(",")
    if len(fields) < 12:
        raise ValueError(f"{len(fields)} fields where 12 are due")
    ip, spf_word, dkim_word, disposition, override, header_from = fields[:6]
    signatures = tuple(
        SignatureRow(domain, code.value)
        for code, listed in zip(_CODES, fields[6:10], strict=True)
        for domain in listed.split("|")
        if _NAME.match(domain)
    )
    if len(fields) > 13 and fields[13]:
        signatures = tuple(_signature(part) for part in fields[13].split("|"))
    if not _NAME.match(header_from):
        raise ValueError("no From domain")
    return ReportRow(
        str(ip_address(ip)),
        DmarcPolicy(disposition or "none"),
        dkim_word == "pass",
        spf_word == "pass",
        header_from,
        fields[10] if _NAME.match(fields[10]) else "",
        SpfCode(fields[11] or "none"),
        override if override in _OVERRIDES else "",
        signatures[:MAX_SIGNATURES],
        len(fields) > 12 and fields[12] == "helo",
    )


def _signature(text: str) -> SignatureRow:
    domain, selector, result = text.split(":")
    if not _NAME.match(domain):
        raise ValueError("no domain in d=")
    return SignatureRow(domain, DkimCode(result).value, selector)
