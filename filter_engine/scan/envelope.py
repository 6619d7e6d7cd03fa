"""The envelope: who connected and what was said before DATA."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Envelope:
    """Everything a scan knows besides the message's bytes.

    Field names follow the scan protocol's request headers (IP, Helo, Hostname, From, Rcpt, User,
    Queue-ID, ...). Unknown values are None or empty, never guessed.
    """

    ip: str | None = None
    """Client address in textual form without brackets, None for local submission."""
    helo: str | None = None
    hostname: str | None = None
    """The client's name as the MTA verified it by DNS; None when unknown."""
    mail_from: str | None = None
    """Envelope sender without angle brackets; ``""`` is the null sender, None is not given."""
    rcpt_to: tuple[str, ...] = ()
    """Envelope recipients without angle brackets, in the order given."""
    user: str | None = None
    """Authenticated user name, None when not authenticated."""
    queue_id: str | None = None
    mta_name: str | None = None
    mta_tag: str | None = None
    deliver_to: str | None = None
    tls_cipher: str | None = None
    tls_version: str | None = None
    user_agent: str | None = None
    settings_id: str | None = None
    flags: frozenset[str] = field(default_factory=frozenset)
    """The request's ``Flags`` (pass_all, no_log, skip, no_stat, milter, ...), lower-case."""

    @property
    def sender_domain(self) -> str:
        """Domain of the envelope sender in lower case, ``""`` when there is none."""
        return (self.mail_from or "").rpartition("@")[2].lower().rstrip(".")
