"""Mail that the MTA hands over twice lies in the mailbox once, and no other is taken for such.

A host that crashes after it took a mail and before it said so gets it again (RFC 1047).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import uuid4

from mailflow.remote import ON_HOSTS
from mailflow.trial import Site

USER = "alice@example.net"


def mail(message_id: str, queue_id: str, rcpt_to: Sequence[str] = (USER,)) -> dict[str, object]:
    lines = (
        f"Received: from client.example.org by host (Postfix) with ESMTP id {queue_id};",
        " Sun, 22 Nov 2026 10:00:00 +0000",
        "From: sender@example.org",
        f"Message-ID: <{message_id}>",
        "Subject: handed over",
        "",
        "hello",
    )
    return {"rcpt_to": list(rcpt_to), "message": "\r\n".join(lines)}


def handed_over(site: Site, *mails: dict[str, object]) -> list[list[str]]:
    program = (ON_HOSTS / "hand_over.py").read_text()
    done = site.lab.ssh.run(site.access_server, ["python3", "-c", program], stdin=json.dumps(mails))
    replies: list[list[str]] = json.loads(done.stdout)
    return replies


def copies(site: Site, message_id: str) -> int:
    return len(site.delivered(USER, message_id, 10.0))


def test_the_same_hand_over_is_delivered_once(site: Site) -> None:
    name = f"{uuid4().hex}@example.org"
    # a user's very first mail is not remembered: there is no home yet
    assert handed_over(site, mail(f"first.{name}", uuid4().hex)) == [["ok"]]
    again = mail(f"twice.{name}", uuid4().hex)
    assert handed_over(site, again, again) == [["ok"], ["ok"]]
    assert copies(site, f"twice.{name}") == 1


def test_the_same_mail_sent_twice_is_delivered_twice(site: Site) -> None:
    name = f"{uuid4().hex}@example.org"
    handed_over(site, mail(name, uuid4().hex), mail(name, uuid4().hex))
    assert copies(site, name) == 2


def test_each_address_of_a_user_gets_its_copy_once(site: Site) -> None:
    name = f"{uuid4().hex}@example.org"
    both = mail(name, uuid4().hex, ("alice+one@example.net", "alice+two@example.net"))
    assert handed_over(site, both, both) == [["ok", "ok"], ["ok", "ok"]]
    assert copies(site, name) == 2
