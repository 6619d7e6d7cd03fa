"""One message by SMTP, with every reply (RFC 5321), for a probe that tells how a server answers."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\s")  # RFC 3463, section 2
_QUEUE_ID = re.compile(r"queued as ([0-9A-Za-z]{1,64})|\b[iI][dD]=([0-9A-Za-z-]{1,64})")
MAX_REPLY = 4096  # characters kept of a reply

# The steps of a session, in order; a probe stops at the first one that is refused.
STAGES = ("connect", "helo", "starttls", "auth", "mail", "rcpt", "data", "message")


class ProbeError(Exception):
    """The session broke: no connection, no TLS, no reply in time. `stage` says where."""

    def __init__(self, stage: str, reason: object) -> None:
        self.stage = stage
        super().__init__(f"{stage}: {reason}")


@dataclass(frozen=True)
class Reply:
    """A reply: code, text (lines joined by newlines) and the enhanced status code within it."""

    code: int
    text: str

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code (RFC 2034), if the text begins with one."""
        found = _ENHANCED.match(self.text + " ")
        return found[1] if found else None

    @property
    def queue_id(self) -> str | None:
        """The queue id Postfix (`queued as ID`) or Exim (`id=ID`) names."""
        found = _QUEUE_ID.search(self.text)
        return (found[1] or found[2]) if found else None


@dataclass(frozen=True)
class Session:
    """How to talk: `tls` is none, starttls or implicit; `timeout` in seconds for a reply."""

    host: str
    port: int
    helo: str
    tls: str = "none"
    source_address: str | None = None
    context: ssl.SSLContext | None = None
    username: str | None = None
    password: str | None = None
    timeout: float = 30.0


@dataclass
class Outcome:
    """The last stage reached, the reply that ended it, and the reply for each recipient."""

    stage: str
    reply: Reply
    recipients: dict[str, Reply] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether the server took the message for at least one recipient."""
        return self.stage == "message" and 200 <= self.reply.code < 300

    @property
    def refused_at(self) -> str | None:
        """The stage that was refused, if any."""
        return None if self.accepted else self.stage


def send(session: Session, sender: str, recipients: Sequence[str], message: bytes) -> Outcome:
    """Send one message; raises `ProbeError` if the session breaks, never for a refusal."""
    probe = _Probe(session)
    try:
        return probe.run(sender, recipients, message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise ProbeError(probe.stage, error) from error
    finally:
        probe.close()


class _Refused(Exception):
    def __init__(self, reply: Reply) -> None:
        self.reply = reply


class _Probe:
    """One session; `stage` is where it stands."""

    def __init__(self, session: Session) -> None:
        self.stage = STAGES[0]
        self._session = session
        self._smtp: smtplib.SMTP | None = None

    def run(self, sender: str, recipients: Sequence[str], message: bytes) -> Outcome:
        replies: dict[str, Reply] = {}
        try:
            smtp = self._open()
            self._step("mail", lambda: smtp.mail(sender))
            self.stage = "rcpt"
            for recipient in recipients:
                replies[recipient] = _reply(smtp.rcpt(recipient))
            if not any(200 <= reply.code < 300 for reply in replies.values()):
                return Outcome(self.stage, list(replies.values())[-1], replies)
            self._step("data", lambda: smtp.docmd("DATA"), wanted=3)
            self.stage = "message"
            smtp.send(_dot_stuffed(message))
            return Outcome(self.stage, _reply(smtp.getreply()), replies)
        except _Refused as refusal:
            return Outcome(self.stage, refusal.reply, replies)

    def _open(self) -> smtplib.SMTP:
        session = self._session
        source = (session.source_address, 0) if session.source_address else None
        place = (session.host, session.port, session.helo)
        try:
            smtp: smtplib.SMTP
            if session.tls == "implicit":
                smtp = smtplib.SMTP_SSL(
                    *place,
                    timeout=session.timeout,
                    source_address=source,
                    context=session.context,
                )
            else:
                smtp = smtplib.SMTP(*place, timeout=session.timeout, source_address=source)
        except smtplib.SMTPConnectError as error:
            raise _Refused(_reply((error.smtp_code, error.smtp_error))) from error
        self._smtp = smtp
        self._step("helo", smtp.ehlo)
        if session.tls == "starttls":
            self._step("starttls", lambda: smtp.starttls(context=session.context))
            self._step("helo", smtp.ehlo)
        if session.username is not None:
            self._authenticate(smtp, session.username, session.password or "")
        return smtp

    def _authenticate(self, smtp: smtplib.SMTP, username: str, password: str) -> None:
        """Try once, with one mechanism (RFC 4954): smtplib.login would fail with each in turn."""
        self.stage = "auth"
        offered = smtp.esmtp_features.get("auth", "").upper().split()
        mechanisms = {"PLAIN": smtp.auth_plain, "LOGIN": smtp.auth_login}
        mechanism = next((name for name in mechanisms if name in offered), None)
        if mechanism is None:
            raise ValueError(f"the server offers neither PLAIN nor LOGIN, but: {offered or 'none'}")
        smtp.user, smtp.password = username, password
        try:
            smtp.auth(mechanism, mechanisms[mechanism])
        except smtplib.SMTPAuthenticationError as error:
            raise _Refused(_reply((error.smtp_code, error.smtp_error))) from error

    def _step(self, stage: str, act: Callable[[], tuple[int, bytes]], *, wanted: int = 2) -> None:
        self.stage = stage
        reply = _reply(act())
        if reply.code // 100 != wanted:
            raise _Refused(reply)

    def close(self) -> None:
        """Say QUIT where there is somebody to say it to; a broken end changes nothing."""
        if self._smtp is None:
            return
        try:
            if self._smtp.sock is not None and self.stage not in ("connect", "data"):
                self._smtp.quit()
        except (OSError, smtplib.SMTPException):
            pass
        finally:
            self._smtp.close()


def _reply(answer: tuple[int, bytes | str]) -> Reply:
    code, text = answer
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if code == -1:
        raise smtplib.SMTPServerDisconnected("the server closed the connection")
    return Reply(code, text[:MAX_REPLY])


def _dot_stuffed(message: bytes) -> bytes:
    """Return the message with CRLF line ends, stuffed dots and the final dot (section 4.5.2)."""
    lines = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n").split(b"\n")
    stuffed = (b"." + line if line.startswith(b".") else line for line in lines)
    return b"\r\n".join(stuffed) + b"\r\n.\r\n"
