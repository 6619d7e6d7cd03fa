"""Mail of users tells nothing of their clients; its signature holds for what leaves (row E2)."""

from __future__ import annotations

from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from filter_engine.auth.signing_key import KeyRing, SigningKey
from filter_engine.checks.signing import keys as signing_keys
from filter_engine.scan.verdict import HeaderEdits, RemoveHeader, Verdict

from .conftest import MAIL, Site

CLIENT = b"""\
Received: from laptop.home (laptop.home [192.168.1.5])
\tby relay.home with ESMTP; Fri, 20 Nov 2026 12:00:00 +0000
user-agent: Mozilla Thunderbird
X-Mailer: Outlook
X-Originating-IP: [192.0.2.7]
X-Site: mine
"""
ON = "authenticated = true;"


def removed(verdict: Verdict) -> set[str]:
    assert all(removal.index == 0 for removal in verdict.edits.remove)
    return {removal.name for removal in verdict.edits.remove} - {"X-Spam"}


def test_what_tells_of_the_client_goes_from_mail_of_users_only(site: Site) -> None:
    scan = site(privacy=ON)
    gone = removed(scan(CLIENT + MAIL, user="bob"))
    assert {"User-Agent", "X-Mailer", "X-Originating-IP", "Received"} <= gone
    assert not gone & {"From", "Date", "Message-ID", "X-Site"}
    assert removed(scan(CLIENT + MAIL)) == set()
    assert removed(scan(CLIENT + MAIL, ip="127.0.0.1")) == set()


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("", set()),
        (ON + "enabled = false;", set()),
        (ON + 'headers = ["X-Site"]; received = false;', {"X-Site"}),
        (ON + "headers = [];", {"Received"}),
    ],
)
def test_the_site_says_what_goes(site: Site, text: str, gone: set[str]) -> None:
    assert removed(site(privacy=text)(CLIENT + MAIL, user="bob")) == gone


def test_mail_that_is_not_scanned_or_gets_no_headers_is_stripped_too(site: Site) -> None:
    scan = site(privacy=ON, settings="r { authenticated = yes; whitelist = yes; }")
    verdict = scan(CLIENT + MAIL, user="bob")
    assert verdict.skipped
    assert "Received" in removed(verdict)
    off = site(privacy=ON, milter_headers="enabled = false;")
    assert "Received" in removed(off(CLIENT + MAIL, user="bob"))


def leaving(raw: bytes, edits: HeaderEdits) -> bytes:
    """The message as an MTA sends it on after the removals."""
    names = {removal.name.lower().encode() for removal in edits.remove if removal.index == 0}
    head, _, body = raw.partition(b"\n\n")
    fields = (field.replace(b"\0", b"\n\t") for field in head.replace(b"\n\t", b"\0").split(b"\n"))
    kept = [field for field in fields if field.partition(b":")[0].lower() not in names]
    return b"\n".join([*kept, b"", body])


@pytest.mark.parametrize(
    ("signed", "holds_later"),
    [
        ("from:user-agent:x-mailer:x-originating-ip:received:subject", True),
        ("(o)from:(o)x-mailer:subject", False),
    ],
)
def test_the_signature_holds_for_what_leaves(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    signed: str,
    holds_later: bool,
) -> None:
    """dkimpy, not this engine, verifies the message that an MTA would send."""
    monkeypatch.setattr(signing_keys, "KEYS", KeyRing())
    key = generate_private_key(65537, 2048)
    path = tmp_path / "key"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    scan = site(
        privacy=ON,
        dkim_signing=f'path = "{path}"; selector = "s"; sign_headers = "{signed}";',
    )
    verdict = scan(CLIENT + MAIL, user="bob@example.com")
    assert RemoveHeader("Received", 0) in verdict.edits.remove
    (signature,) = verdict.signatures
    sent = b"DKIM-Signature: " + signature.encode() + b"\n" + leaving(CLIENT + MAIL, verdict.edits)
    sent = sent.replace(b"\n", b"\r\n")
    record = SigningKey(key).record.encode()

    def txt(name: bytes, timeout: int = 5) -> bytes:
        return record if name == b"s._domainkey.example.com." else b""

    assert b"Outlook" not in sent
    assert dkim.verify(sent, dnsfunc=txt)
    # A header that was taken off and is signed as absent cannot come back.
    later = sent.replace(b"\r\nSubject", b"\r\nX-Mailer: Outlook\r\nSubject", 1)
    assert dkim.verify(later, dnsfunc=txt) is holds_later
