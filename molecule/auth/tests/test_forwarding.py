"""Mail that an alias sends on leaves under an address of the site (SRS), and bounces come back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from email import message_from_bytes

import pytest
from testinfra.host import Host

from lab import mail as lab_mail
from lab import sink
from lab.sink import KeptMail
from mailflow.outgoing import signatures
from mailflow.second_opinion import second_opinions, spf_result
from mailflow.trial import Site
from mailflow.verdicts import Case, Expected, Outcome, compose

AUTHOR = "ada@origin.example"
"""Writes to a user who has mail sent on to remote.example."""
REWRITTEN = re.compile(r"SRS0=([A-Za-z0-9+/]{6})=[A-Z2-7]{2}=origin\.example=ada@example\.net")


SECRET = "/etc/postsrsd.secret"
LIFETIME = 21
"""Days that an address is good for (PostSRSd's)."""


def signed(secret: str, age: int) -> str:
    """The author's address as it was signed so many days ago."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    day = (int(time.time()) // 86400 - age) % 1024
    stamp = letters[day >> 5] + letters[day & 31]
    user, _, domain = AUTHOR.partition("@")
    digest = hmac.new(secret.encode(), (stamp.lower() + domain + user).encode(), hashlib.sha1)
    check = base64.b64encode(digest.digest()).decode()[:6]
    return f"SRS0={check}={stamp}={domain}={user}@example.net"


def post(
    site: Site, mail_from: str, rcpt_to: str, author: str, drop: bytes = b""
) -> tuple[str, lab_mail.Reply]:
    """Hand a mail to the exchanger from where origin.example sends: Message-ID and reply.

    A field of the header may be dropped.
    """
    steps = ({"sign": {"domain": "origin.example"}},) if author == AUTHOR else ()
    case = Case("sent on", mail_from, Expected(), author=author, steps=steps)
    message_id, content = compose(site.lab, case, site.domain)
    if drop:
        content = re.sub(rb"^" + drop + rb": .*\r\n", b"", content, count=1, flags=re.M)
    session = lab_mail.send(
        site.lab,
        "receiver",
        site.exchangers[0],
        content,
        mail_from=mail_from,
        rcpt_to=[rcpt_to],
    )
    return message_id, session.verdict()


def arrived(site: Site, message_id: str) -> KeptMail:
    return sink.wait_for(
        site.lab,
        lambda kept: kept.parsed().get("Message-ID", "").strip() == f"<{message_id}>",
        timeout=60,
    )


@pytest.fixture(scope="module")
def forwarded(site: Site) -> KeptMail:
    """A mail as it arrived where the alias leads."""
    message_id, reply = post(site, AUTHOR, f"forwarded@{site.domain}", AUTHOR)
    assert reply.code == 250, reply
    return arrived(site, message_id)


def test_it_leaves_under_an_address_of_the_site_and_spf_passes(
    site: Site, forwarded: KeptMail
) -> None:
    assert forwarded.rcpt_to == ("frank@remote.example",)
    assert REWRITTEN.fullmatch(forwarded.mail_from), forwarded.mail_from
    lab, peer, helo = site.lab, forwarded.peer, forwarded.helo
    assert spf_result(lab, peer, forwarded.mail_from, helo) == "pass"
    # Without it:
    assert spf_result(lab, peer, AUTHOR, helo) == "fail"


def test_author_signature_and_chain_are_whole_after_the_hop(
    site: Site, forwarded: KeptMail
) -> None:
    header = message_from_bytes(forwarded.content)
    assert AUTHOR in str(header["From"])
    assert ("origin.example", True) in signatures(site.lab, forwarded.content)
    seals = [value for value in header.get_all("ARC-Seal", []) if f"d={site.domain}" in value]
    assert len(seals) == 2
    (opinion,) = second_opinions(site.lab, [forwarded.content])
    assert opinion.arc == "pass", opinion
    assert "origin.example" in opinion.verified


def test_a_bounce_comes_back_to_who_sent_it(site: Site, forwarded: KeptMail) -> None:
    message_id, reply = post(site, "", forwarded.mail_from, "postmaster@remote.example")
    assert reply.code == 250, reply
    bounce = arrived(site, message_id)
    assert bounce.rcpt_to == (AUTHOR,)
    assert bounce.mail_from == "<>"


def test_an_address_that_was_not_signed_here_is_refused(site: Site, forwarded: KeptMail) -> None:
    found = REWRITTEN.fullmatch(forwarded.mail_from)
    assert found is not None
    forged = forwarded.mail_from.replace("=origin.example=ada@", "=origin.example=eve@")
    _, reply = post(site, "", forged, "postmaster@remote.example")
    assert reply.code == 550, reply


def test_an_address_is_good_for_three_weeks(site: Site, host_of: Callable[[str], Host]) -> None:
    secret = host_of(site.access_server).check_output(f"cat {SECRET}").splitlines()[0]
    for age, code in ((LIFETIME - 1, 250), (LIFETIME + 1, 550)):
        _, reply = post(site, "", signed(secret, age), "postmaster@remote.example")
        assert reply.code == code, (age, reply)
    # Signed here, and for another domain than the site's: nobody's business.
    elsewhere = signed(secret, 0).replace("@example.net", "@example.com")
    _, reply = post(site, "", elsewhere, "postmaster@remote.example")
    assert reply.code == 554, reply


def test_what_was_sent_on_before_leads_back_over_both(site: Site) -> None:
    before = "SRS0=abcd=7A=first.example=eve@origin.example"
    message_id, reply = post(site, before, f"forwarded@{site.domain}", AUTHOR)
    assert reply.code == 250, reply
    kept = arrived(site, message_id)
    found = re.fullmatch(
        r"SRS1=[A-Za-z0-9+/]{6}=origin\.example==abcd=7A=first\.example=eve@example\.net",
        kept.mail_from,
    )
    assert found, kept.mail_from
    message_id, reply = post(site, "", kept.mail_from, "postmaster@remote.example")
    assert reply.code == 250, reply
    assert arrived(site, message_id).rcpt_to == (before,)


@pytest.mark.parametrize(
    "sender", ["", '"ada lovelace"@origin.example', '"eve@example.net"@origin.example']
)
def test_a_sender_that_cannot_be_rewritten_stays(site: Site, sender: str) -> None:
    message_id, reply = post(site, sender, f"forwarded@{site.domain}", AUTHOR)
    assert reply.code == 250, reply
    assert arrived(site, message_id).mail_from == (sender or "<>")


def test_what_cannot_be_sent_on_comes_back_to_who_sent_it(site: Site) -> None:
    message_id, reply = post(site, AUTHOR, f"lost@{site.domain}", AUTHOR)
    assert reply.code == 250, reply
    bounce = sink.wait_for(
        site.lab, lambda kept: kept.mail_from == "<>" and message_id.encode() in kept.content, 60
    )
    assert bounce.rcpt_to == (AUTHOR,)
    assert b"nowhere.invalid" in bounce.content


def test_nothing_is_added_that_the_author_did_not_write(site: Site) -> None:
    message_id, reply = post(site, AUTHOR, f"forwarded@{site.domain}", AUTHOR, drop=b"Date")
    assert reply.code == 250, reply
    assert message_from_bytes(arrived(site, message_id).content)["Date"] is None


def test_without_postsrsd_other_mail_flows_and_what_needs_it_waits(
    site: Site, forwarded: KeptMail, host_of: Callable[[str], Host]
) -> None:
    access, exchanger = host_of(site.access_server), host_of(site.exchangers[0])
    access.check_output("systemctl stop postsrsd")
    try:
        case = Case("ordinary", AUTHOR, Expected(), author=AUTHOR)
        ordinary, content = compose(site.lab, case, site.domain)
        user = f"alice@{site.domain}"
        reply = lab_mail.send(
            site.lab,
            "receiver",
            site.exchangers[0],
            content,
            mail_from=AUTHOR,
            rcpt_to=[user],
        ).verdict()
        assert reply.code == 250, reply
        assert len(site.delivered(user, ordinary, 60)) == 1
        sent_on, reply = post(site, AUTHOR, f"forwarded@{site.domain}", AUTHOR)
        assert reply.code == 250, reply
        # The exchanger knows this recipient: it takes the bounce, and keeps it.
        bounced, reply = post(site, "", forwarded.mail_from, "postmaster@remote.example")
        assert reply.code == 250, reply
    finally:
        access.check_output("systemctl start postsrsd")
    for host in (exchanger, access):
        host.check_output("postqueue -f")
    assert REWRITTEN.fullmatch(arrived(site, sent_on).mail_from)
    assert arrived(site, bounced).rcpt_to == (AUTHOR,)


def test_mail_for_a_mailbox_keeps_its_sender(outcomes: dict[str, Outcome]) -> None:
    (path,) = outcomes["spf-pass"].header.get_all("Return-Path", [])
    assert path == "<ada@pass.spf.example>"


def test_users_keep_theirs(site: Site) -> None:
    user = f"alice@{site.domain}"
    case = Case("of a user", user, Expected(), author=user)
    message_id, content = compose(site.lab, case, site.domain)
    lab_mail.send(
        site.lab,
        "plain",
        site.access_server,
        content,
        mail_from=user,
        rcpt_to=["frank@remote.example"],
        port=587,
        tls="starttls",
        user=user,
        password=site.passwords[user],
    )
    assert arrived(site, message_id).mail_from == user
