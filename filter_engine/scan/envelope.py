"""The envelope: who connected and what was said before DATA."""

from __future__ import annotations

from dataclasses import field

from filter_engine.lazy_dataclass import settled


@settled
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
    peer: str | None = field(default=None, compare=False)
    """Address of who asks for the scan over HTTP; None for milter and unix sockets."""
    request_headers: tuple[tuple[bytes, bytes], ...] = field(default=(), compare=False)
    """All headers of the scan request, names in lower case."""
    flags: frozenset[str] = field(default_factory=frozenset)
    """The request's ``Flags`` (pass_all, no_log, skip, no_stat, milter, ...), lower-case."""

    def request_header(self, name: str) -> str | None:
        """The first header of the scan request of that name, in any case; None without one."""
        wanted = name.lower().encode("utf-8", "surrogateescape")
        for known, value in self.request_headers:
            if known == wanted:
                return value.strip().decode("utf-8", "surrogateescape")
        return None

    @property
    def sender_domain(self) -> str:
        """Domain of the envelope sender in lower case, ``""`` when there is none."""
        return (self.mail_from or "").rpartition("@")[2].lower().rstrip(".")
