"""What each exchanger remembers for itself: who has to wait, and how much is too much.

Greylisting and rate limits are written all day long and are each host's own (docs/limits.md): a
host decides without asking another, and goes on while the VPN is down. So the other exchanger does
not know that a sender has waited here: it lets them wait once more, and the mail arrives.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest

from lab import mail as lab_mail
from mailflow.overrides import overridden
from mailflow.trial import Site

TIMEOUT = 6
"""Seconds a new sender waits; longer than one SMTP session takes."""
BURST = 20
PATIENCE = 60.0
FILES = {
    # All mail counts as one that waits. A client whose mail has passed twice does not.
    "actions.conf": "greylist = -1000;\n",
    "greylist.conf": f"enabled = true; timeout = {TIMEOUT}s; awl_enable = true; awl_hits = 2;\n",
}
RATES = {
    "ratelimit.conf": "max_rate_mult = 1; max_bucket_mult = 1;\n"
    f'rates {{ to {{ bucket {{ burst = {BURST}; rate = "1 / 1d"; }} }} }}\n',
}


class Letter:
    """A mail from somebody who never wrote before."""

    def __init__(self, site: Site, host: str, rcpt: str = "alice") -> None:
        self.site = site
        self.host = host
        self.rcpt = f"{rcpt}@{site.domain}"
        name = uuid.uuid4().hex
        self.message_id = f"{name}@plain.example"
        content = (
            f"From: {name}@plain.example\r\nTo: {self.rcpt}\r\nSubject: {name}\r\n"
            f"Message-ID: <{self.message_id}>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
            f"\r\nThis is {name}.\r\n"
        )
        self.message = lab_mail.Message(self.message_id, [self.rcpt], content.encode())

    def replies(self, times: int = 1) -> list[str]:
        """Handed in so many times in one session: what decided about each."""
        session = lab_mail.session(self.site.lab, "plain", self.host, [self.message] * times)
        return [f"{one.code} {one.text}" for one in session.replies if one.command == "."]

    def passes(self) -> float:
        """Handed in again until it is taken; after how many seconds."""
        began = time.monotonic()
        while not self.replies()[0].startswith("250"):
            assert time.monotonic() - began < PATIENCE, "never taken"
        return time.monotonic() - began

    def copies(self) -> int:
        return len(self.site.delivered(self.rcpt, self.message_id, PATIENCE))


@pytest.fixture(scope="module")
def greylisting(site: Site) -> Iterator[None]:
    with overridden(site.lab, site.exchangers, FILES):
        yield


@pytest.mark.usefixtures("greylisting")
def test_new_mail_waits_and_passes_at_the_exchanger_that_saw_it_wait(site: Site) -> None:
    first, other = site.exchangers
    letter = Letter(site, first)
    began = time.monotonic()
    for reply in letter.replies(2):
        assert reply.startswith("451 4.7.1 Try again later"), reply
    letter.passes()
    assert time.monotonic() - began >= TIMEOUT - 1  # it counts in whole seconds
    assert letter.copies() == 1
    # The other exchanger has a memory of its own: it asks to wait once more, and no mail is lost.
    letter.host = other
    assert letter.replies()[0].startswith("451 4.7.1")
    letter.passes()
    assert letter.copies() == 2


@pytest.mark.usefixtures("greylisting")
def test_a_client_whose_mail_passed_often_does_not_wait_there(site: Site) -> None:
    for host in site.exchangers:
        clients = [Letter(site, host) for _ in range(2)]
        for letter in clients:
            letter.replies()
        for letter in clients:
            letter.passes()
        assert Letter(site, host).replies()[0].startswith("250"), host


def test_the_21st_mail_of_a_burst_is_refused_before_it_comes(site: Site) -> None:
    first, other = site.exchangers
    with overridden(site.lab, site.exchangers, RATES):
        letters = [Letter(site, first) for _ in range(BURST)]
        sent = lab_mail.session(site.lab, "plain", first, [one.message for one in letters])
        codes = [one.code for one in sent.replies if one.command == "."]
        assert codes == [250] * BURST
        late = Letter(site, first)
        bob = f"bob@{site.domain}"
        several = lab_mail.Message(late.message_id, [late.rcpt, bob], late.message.content)
        replies = lab_mail.session(site.lab, "plain", first, [several]).replies
        full, free = [one for one in replies if one.command == "RCPT"]
        assert (full.code, full.text.split(" ")[0]) == (451, "4.7.1"), full
        assert 'Ratelimit "to" exceeded' in full.text
        # Whoever else the mail is for gets it.
        assert free.code == 250
        assert len(site.delivered(bob, late.message_id, PATIENCE)) == 1
        assert site.delivered(late.rcpt, late.message_id, 0) == []
        # Each exchanger counts for itself: what one host takes is limited, not what the site takes.
        assert Letter(site, other).replies()[0].startswith("250")
