"""Peers for mail_probe: a real SMTP server (aiosmtpd), and as much IMAP as a wait needs."""

from __future__ import annotations

import asyncio
import datetime
import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make_certificate(directory: Path, name: str = "localhost") -> Path:
    """Return a file with a new self-signed certificate for a name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / "certificate.pem"
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(
        certificate.public_bytes(pem)
        + key.private_bytes(pem, private, serialization.NoEncryption())
    )
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@dataclass
class Mails:
    """An aiosmtpd handler that refuses what its name says and keeps the rest."""

    taken: list[tuple[Envelope, Session]] = field(default_factory=list)
    failed_logins: int = 0

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        good = (data.login, data.password) == (b"alice", b"pass word")
        self.failed_logins += not good
        # Not handled: the server itself shall answer a failure with 535.
        return AuthResult(success=good, handled=False)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("refused@"):
            return "550 5.7.1 Sender refused"
        envelope.mail_from = address
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("unknown@"):
            return "550 5.1.1 User unknown"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        if b"GTUBE" in content:
            return "554 5.7.1 Gtube pattern"
        self.taken.append((envelope, session))
        return "250 2.0.0 Ok: queued as 4cDfGh1jKl"


@contextmanager
def smtp_server(
    certificate: Path | None = None, *, implicit_tls: bool = False, **more: Any
) -> Iterator[tuple[int, Mails]]:
    """Run a server on loopback; gives its port and what it takes."""
    mails = Mails()
    context = server_context(certificate) if certificate else None
    options: dict[str, Any] = {
        "authenticator": mails.authenticate,
        "hostname": "mx.example",
        **more,
    }
    if not implicit_tls:
        options["tls_context"] = context
    # aiosmtpd's Controller cannot take a port the system chose.
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        loop.create_server(
            lambda: SMTP(mails, loop=loop, **options),
            "127.0.0.1",
            0,
            ssl=context if implicit_tls else None,
        )
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1], mails
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class _ImapHandler(socketserver.StreamRequestHandler):
    """LOGIN, SELECT or EXAMINE, UID SEARCH, UID FETCH, NOOP, LOGOUT of RFC 9051."""

    server: ImapServer

    def handle(self) -> None:
        self._say(b"* OK ready")
        while line := self.rfile.readline(65536):
            tag, _, rest = line.strip().partition(b" ")
            name = rest.upper()
            if name.startswith(b"LOGIN"):
                good = rest.split(b" ", 1)[1] == b'bob "pass word"'
                self._say(tag + (b" OK in" if good else b" NO [AUTHENTICATIONFAILED] wrong"))
            elif name.startswith((b"SELECT", b"EXAMINE")):
                found = b'"INBOX"' in rest
                self._say(tag + (b" OK [READ-ONLY]" if found else b" NO no such mailbox"))
            elif name.startswith(b"UID SEARCH"):
                self.server.searches.set()
                self._search(tag, rest)
            elif name.startswith(b"UID FETCH"):
                self._fetch(tag, rest)
            elif name.startswith(b"LOGOUT"):
                self._say(b"* BYE")
                self._say(tag + b" OK done")
                return
            else:
                if name == b"CAPABILITY":
                    self._say(b"* CAPABILITY IMAP4rev1")
                self._say(tag + b" OK done")

    def _search(self, tag: bytes, rest: bytes) -> None:
        wanted = re.search(rb'"([^"]+)"$', rest)
        assert wanted
        with self.server.lock:
            uids = [
                str(uid).encode()
                for uid, mail in enumerate(self.server.mails, 7)
                if b"Message-ID: " + wanted[1] in mail
            ]
        self._say(b" ".join([b"* SEARCH", *uids]))
        self._say(tag + b" OK done")

    def _fetch(self, tag: bytes, rest: bytes) -> None:
        uid = int(rest.split()[2])
        mail = self.server.mails[uid - 7]
        header = mail[: mail.index(b"\r\n\r\n") + 4]
        literal = b"BODY[HEADER] {%d}\r\n" % len(header) + header
        size = b"RFC822.SIZE %d" % len(mail)
        parts = [size, literal] if self.server.size_first else [literal, size]
        self._say(b"* 1 FETCH (UID %d " % uid + b" ".join(parts) + b")")
        self._say(tag + b" OK done")

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


class ImapServer(socketserver.ThreadingTCPServer):
    """IMAP with TLS on loopback; `mails` is what INBOX holds."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, certificate: Path, *, size_first: bool = True) -> None:
        self.mails: list[bytes] = []
        self.lock = threading.Lock()
        self.searches = threading.Event()
        self.size_first = size_first
        super().__init__(("127.0.0.1", 0), _ImapHandler)
        self.socket = server_context(certificate).wrap_socket(self.socket, server_side=True)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that refuses the certificate is part of a test, not a traceback."""


@contextmanager
def imap_server(certificate: Path, **more: Any) -> Iterator[ImapServer]:
    with ImapServer(certificate, **more) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
