"""What users of the site send: no viruses, and nothing that tells of their client (E2)."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Callable
from email import message_from_bytes

from testinfra.host import Host

from lab import mail as lab_mail
from lab import sink
from lab.mail import Reply, source_address
from mailflow.trial import Site

# In two parts, so that no scanner finds this file.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-" + b"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
CLIENT = "plain"
"""Server of internet.yml from whose address the user comes."""


def message(
    author: str, recipient: str, attachment: bytes, further: list[str]
) -> tuple[str, bytes]:
    """A mail with an attachment; its Message-ID and its bytes."""
    message_id = f"<{uuid.uuid4().hex}@example.net>"
    lines = [
        f"From: {author}",
        f"To: {recipient}",
        "Subject: The file",
        "Date: Sat, 21 Nov 2026 10:00:00 +0000",
        f"Message-ID: {message_id}",
        *further,
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="part"',
        "",
        "--part",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "Here it is.",
        "--part",
        'Content-Type: application/octet-stream; name="file.com"',
        'Content-Disposition: attachment; filename="file.com"',
        "Content-Transfer-Encoding: base64",
        "",
        base64.b64encode(attachment).decode(),
        "--part--",
        "",
    ]
    return message_id, "\r\n".join(lines).encode()


def submit(site: Site, content: bytes) -> Reply:
    user = f"alice@{site.domain}"
    return lab_mail.send(
        site.lab,
        CLIENT,
        site.access_server,
        content,
        mail_from=user,
        rcpt_to=["frank@remote.example"],
        port=587,
        tls="starttls",
        user=user,
        password=site.passwords[user],
    ).verdict()


def test_a_virus_does_not_leave(site: Site) -> None:
    user = f"alice@{site.domain}"
    message_id, content = message(user, "frank@remote.example", EICAR, [])
    reply = submit(site, content)
    assert reply.code == 554, reply
    assert "Eicar" in reply.text
    assert [kept for kept in sink.kept(site.lab) if message_id.encode() in kept.content] == []
    # It was the attachment.
    _, harmless = message(user, "frank@remote.example", b"harmless", [])
    assert submit(site, harmless).code == 250


def test_a_virus_does_not_come_in(site: Site) -> None:
    sender, recipient = "dan@plain.example", f"alice@{site.domain}"
    replies = [
        lab_mail.send(
            site.lab,
            CLIENT,
            site.exchangers[0],
            message(sender, recipient, attachment, [])[1],
            mail_from=sender,
            rcpt_to=[recipient],
        ).verdict()
        for attachment in (EICAR, b"harmless")
    ]
    assert [reply.code for reply in replies] == [554, 250]
    assert "Eicar" in replies[0].text


def test_while_the_scanner_is_away_mail_waits_at_its_sender(
    site: Site, host_of: Callable[[str], Host]
) -> None:
    host = host_of(site.access_server)
    _, content = message(f"alice@{site.domain}", "frank@remote.example", b"harmless", [])
    units = "clamav-daemon.socket clamav-daemon.service"
    host.check_output(f"systemctl stop {units}")
    try:
        reply = submit(site, content)
    finally:
        host.check_output(f"systemctl start {units}")
    assert (reply.code, "Virus check not available" in reply.text) == (451, True), reply
    host.check_output("clamdscan --ping=60:1")
    # The filter asks a server again that failed, a little later.
    give_up = time.monotonic() + 90
    while (reply := submit(site, content)).code != 250:
        assert time.monotonic() < give_up, reply


def test_nothing_of_the_client_arrives_on_the_internet(site: Site) -> None:
    user = f"alice@{site.domain}"
    address = source_address(site.lab, CLIENT)
    telling = [
        "Received: from laptop.home.example ([10.11.12.13]) by relay.home.example;"
        " Sat, 21 Nov 2026 09:59:00 +0000",
        "User-Agent: Secret Program 1.2",
        "X-Mailer: Secret Program 1.2",
        "X-Originating-IP: [10.11.12.13]",
    ]
    message_id, content = message(user, "frank@remote.example", b"harmless", telling)
    assert submit(site, content).code == 250
    kept = sink.wait_for(site.lab, lambda mail: message_id.encode() in mail.content, timeout=60)
    header = message_from_bytes(kept.content)
    text = "".join(f"{name}: {value}\n" for name, value in header.items())
    fqdn = site.lab.internet.servers[CLIENT].fqdn
    for trace in (address, fqdn, "10.11.12.13", "home.example", "Secret Program"):
        assert trace not in text, trace
    assert not {"User-Agent", "X-Mailer", "X-Originating-IP"} & set(header.keys())
    # The site's own host is still told: who asks where it came from learns as much.
    assert "by charlotte.example.net" in " ".join(header.get_all("Received", []))
    host = site.lab.host(site.access_server)
    assert kept.peer in (host.ipv4, host.ipv6)
