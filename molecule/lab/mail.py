"""Mail from the lab's Internet: real SMTP sessions from real source addresses."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import dkim

from lab.errors import LabError
from lab.internet_services import SCRIPTS
from lab.lab import Lab

_TIMEOUT = 60.0  # seconds; the longest a server may take for one reply
_HEADERS = (b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type")


@dataclass(frozen=True)
class Message:
    """One transaction: envelope and message. `raw` sends the bytes exactly as they are."""

    mail_from: str
    rcpt_to: Sequence[str]
    content: bytes
    raw: bool = False


@dataclass(frozen=True)
class Reply:
    """A server's reply to a command; `transaction` is its number, None outside of one."""

    transaction: int | None
    command: str
    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


@dataclass(frozen=True)
class Session:
    """What a session brought: every reply, and what broke it off early (None: nothing)."""

    replies: tuple[Reply, ...] = field(default_factory=tuple)
    error: str | None = None

    def verdict(self, transaction: int = 0) -> Reply:
        """The reply that decided a transaction: to the message, or the refusal before it.

        Raises LabError when the session broke off before there was one.
        """
        mine = [reply for reply in self.replies if reply.transaction == transaction]
        recipients = [reply for reply in mine if reply.command == "RCPT"]
        for reply in mine:
            if reply.command == "." or (reply.command in {"MAIL", "DATA"} and reply.code >= 400):
                return reply
        if recipients and all(reply.code >= 400 for reply in recipients):
            return recipients[-1]
        if not mine:
            # Refused as a whole: greeting, HELO after EHLO, STARTTLS or AUTH.
            outside = [reply for reply in self.replies if reply.command not in {"EHLO", "QUIT"}]
            if outside and outside[-1].code >= 400:
                return outside[-1]
        said = "; ".join(f"{reply.command}: {reply}" for reply in self.replies)
        raise LabError(f"the SMTP session broke off: {self.error}; so far: {said or 'nothing'}")


def signing_key(lab: Lab, domain: str, selector: str = "") -> tuple[bytes, bytes, bytes]:
    """Selector, algorithm and private key of one of the Internet's domains, as dkimpy takes them.

    Raises LabError for a domain or selector that internet.yml does not know.
    """
    facts = lab.internet.domains.get(domain)
    if facts is None or not facts.dkim:
        raise LabError(f"{domain} does not sign; see `dkim` in internet.yml")
    selector = selector or next(iter(facts.dkim))
    if selector not in facts.dkim:
        raise LabError(f"{domain} has no selector {selector!r}: {', '.join(facts.dkim)}")
    algorithm = b"ed25519-sha256" if facts.dkim[selector] == "ed25519" else b"rsa-sha256"
    return selector.encode(), algorithm, lab.paths.dkim_key(domain, selector).read_bytes()


def sign(lab: Lab, domain: str, message: bytes) -> bytes:
    """DKIM-sign a message as one of the Internet's domains would (RFC 6376)."""
    selector, algorithm, key = signing_key(lab, domain)
    lines = b"\r\n".join(message.splitlines()) + b"\r\n"
    present = {line.split(b":", 1)[0].strip().lower() for line in _header_lines(lines)}
    header = dkim.sign(
        lines,
        selector,
        domain.encode(),
        key,
        canonicalize=(b"relaxed", b"relaxed"),
        signature_algorithm=algorithm,
        include_headers=[name for name in _HEADERS if name in present],
    )
    return bytes(header) + lines


def _header_lines(message: bytes) -> list[bytes]:
    return message.split(b"\r\n\r\n", 1)[0].split(b"\r\n")


def source_address(lab: Lab, sender: str, *, ipv6: bool = False) -> str:
    """An address of a sender in internet.yml, of the wanted family."""
    servers = lab.internet.servers
    if sender not in servers:
        raise LabError(f"no sender {sender!r} in internet.yml: {', '.join(servers)}")
    for address in servers[sender].addresses:
        if (":" in address) == ipv6:
            return address
    raise LabError(f"sender {sender} has no IPv{6 if ipv6 else 4} address in internet.yml")


def target_address(lab: Lab, target: str, *, ipv6: bool = False) -> str:
    """The public address of a host of the lab; an address is taken as it is."""
    if target[0].isdigit() or ":" in target:
        return target
    host = lab.host(target)
    address = host.ipv6 if ipv6 else host.ipv4
    if address is None:
        raise LabError(f"host {target} has no public IPv6 address")
    return address


def session(
    lab: Lab,
    sender: str,
    target: str,
    messages: Sequence[Message],
    *,
    port: int = 25,
    ipv6: bool = False,
    helo: str | None = None,
    tls: str = "",
    user: str = "",
    password: str = "",
) -> Session:
    """Send messages in one SMTP session and return every reply.

    `sender` names a sender of internet.yml, whose address is the connection's source and whose
    name is said in EHLO unless `helo` says otherwise; `target` is a host of the lab or an
    address; `tls` is "", "starttls" or "implicit".
    """
    order = {
        "source": source_address(lab, sender, ipv6=ipv6),
        "host": target_address(lab, target, ipv6=ipv6),
        "port": port,
        "helo": helo or lab.internet.servers[sender].fqdn,
        "timeout": _TIMEOUT,
        "tls": tls,
        "user": user,
        "password": password,
        "transactions": [
            {
                "mail_from": message.mail_from,
                "rcpt_to": list(message.rcpt_to),
                "message": base64.b64encode(message.content).decode(),
                "raw": message.raw,
            }
            for message in messages
        ],
    }
    done = lab.ssh.run(
        lab.internet.name,
        ["python3", f"{SCRIPTS}/smtp_session.py"],
        stdin=json.dumps(order),
        timeout=_TIMEOUT * (4 + 4 * len(messages)),
    )
    answer = json.loads(done.stdout)
    return Session(tuple(Reply(**reply) for reply in answer["replies"]), answer["error"])


def send(
    lab: Lab,
    sender: str,
    target: str,
    content: bytes,
    *,
    mail_from: str,
    rcpt_to: Sequence[str],
    dkim_domain: str | None = None,
    port: int = 25,
    ipv6: bool = False,
    helo: str | None = None,
    tls: str = "",
    user: str = "",
    password: str = "",
) -> Session:
    """Send one message, DKIM-signed for `dkim_domain` if given; see `session`."""
    if dkim_domain:
        content = sign(lab, dkim_domain, content)
    message = Message(mail_from, rcpt_to, content)
    return session(
        lab,
        sender,
        target,
        [message],
        port=port,
        ipv6=ipv6,
        helo=helo,
        tls=tls,
        user=user,
        password=password,
    )
