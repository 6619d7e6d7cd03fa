"""What SPF, DKIM and DMARC found out; DMARC, the checks and Authentication-Results read these."""

from __future__ import annotations

from enum import StrEnum

from filter_engine.lazy_dataclass import settled


class SpfCode(StrEnum):
    """Results of ``check_host()`` (RFC 7208, section 2.6); the value is RFC 8601's word."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105  # a result, not a password
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@settled
class SpfResult:
    """The outcome of one SPF evaluation."""

    result: SpfCode
    mechanism: str = ""
    """The directive of the record that decided, with its qualifier: ``+ip4:198.51.100.0/24``,
    ``-all``; ``?all`` when nothing matched; empty when no record was evaluated to an end."""
    explanation: str = ""
    """The domain owner's text from ``exp=``, only for fail (RFC 7208, section 6.2)."""
    problem: str = ""
    """For people: what went wrong, for none, temperror and permerror."""
    domain: str = ""
    """The checked domain, lower-case: of the envelope sender, or the HELO name."""
    sender: str = ""
    """The identity as it stands in comments: the envelope sender, or ``postmaster@HELO``."""
    helo: str = ""
    ip: str = ""
    """The client's address."""
    by_helo: bool = False
    """The sender was null, so the HELO identity was checked (``smtp.helo``)."""
    detail: str = ""
    """Why DNS failed, naming the resolver: for evidence and logs, not for headers."""


class DkimCode(StrEnum):
    """Results for one signature (RFC 8601, section 2.7.1)."""

    PASS = "pass"  # noqa: S105  # a result, not a password
    FAIL = "fail"
    """Body hash or signature does not verify."""
    NEUTRAL = "neutral"
    """The signature field cannot be used as it stands: syntax, expired, from the future."""
    POLICY = "policy"
    """It may verify, but is not accepted: short key, rsa-sha1 (RFC 8301)."""
    TEMPERROR = "temperror"
    """The key could not be fetched just now."""
    PERMERROR = "permerror"
    """No key, a revoked one, or one that does not fit the signature."""


@settled
class DkimSignatureResult:
    """One DKIM-Signature field and what became of it."""

    result: DkimCode
    domain: str = ""
    """``d=``, lower-case."""
    selector: str = ""
    """``s=``."""
    signature: str = ""
    """``b=`` without white space; Authentication-Results shows the first eight characters."""
    algorithm: str = ""
    """``a=``."""
    identity: str = ""
    """``i=``, or ``@`` and the domain."""
    reason: str = ""
    """For people, empty for pass."""
    key_bits: int = 0
    """Modulus length of an RSA key, 256 for Ed25519, 0 when no key was read."""
    partial: bool = False
    """``l=`` covers less than the body: what follows may have been added by anybody."""
    testing: bool = False
    """The key record says ``t=y``."""
    detail: str = ""
    """Why DNS failed, naming the resolver: for evidence and logs, not for headers."""


@settled
class DkimResult:
    """All signatures that were looked at, in the order of their header fields."""

    signatures: tuple[DkimSignatureResult, ...] = ()
    ignored: int = 0
    """Signatures beyond the limit, not looked at."""

    @property
    def passed(self) -> tuple[DkimSignatureResult, ...]:
        """The signatures that verify."""
        return tuple(s for s in self.signatures if s.result is DkimCode.PASS)


class DmarcCode(StrEnum):
    """Results of DMARC (RFC 7489, section 11.2)."""

    PASS = "pass"  # noqa: S105  # a result, not a password
    FAIL = "fail"
    NONE = "none"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"
    """A record exists and cannot be used."""


class DmarcPolicy(StrEnum):
    """What a domain owner asks for (RFC 7489, section 6.3)."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


@settled
class DmarcResult:
    """The outcome of DMARC for one message."""

    result: DmarcCode
    from_domain: str = ""
    """Domain of the one From address, lower-case."""
    record_domain: str = ""
    """Where the record was found: the From domain or its organisational domain."""
    policy: DmarcPolicy | None = None
    """What the record asks for this domain (``p`` or ``sp``); None without a usable record."""
    disposition: DmarcPolicy = DmarcPolicy.NONE
    """The policy to apply to this message: after ``pct`` (RFC 7489, section 6.6.4)."""
    sampled_out: bool = False
    """``pct`` spared this message the full policy."""
    spf_aligned: bool = False
    """SPF passed for an aligned domain."""
    dkim_aligned: bool = False
    """A signature of an aligned domain verifies."""
    aggregate: tuple[str, ...] = ()
    """``rua`` of the record: who wants aggregate reports."""
    reason: str = ""
    """For people: ``SPF not aligned (relaxed), No valid DKIM``, or what the record lacks."""
    detail: str = ""
    """Why DNS failed, naming the resolver: for evidence and logs, not for headers."""
