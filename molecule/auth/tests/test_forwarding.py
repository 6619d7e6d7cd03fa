"""Mail that an alias sends on leaves under an address of the site (SRS), and bounces come back."""

from __future__ import annotations

import re
from email import message_from_bytes

import pytest

from lab import mail as lab_mail
from lab import sink
from lab.sink import KeptMail
from mailflow.outgoing import signatures
from mailflow.second_opinion import second_opinions, spf_result
from mailflow.trial import Site
from mailflow.verdicts import Case, Expected, Outcome, compose

AUTHOR = "ada@origin.example"
"""Writes to a user who has mail sent on to remote.example."""
REWRITTEN = re.compile(r"SRS0=([A-Za-z0-9+/]{4})=[A-Z2-7]{2}=origin\.example=ada@example\.net")


def post(site: Site, mail_from: str, rcpt_to: str, author: str) -> tuple[str, lab_mail.Reply]:
    """Hand a mail to the exchanger from where origin.example sends: Message-ID and reply."""
    steps = ({"sign": {"domain": "origin.example"}},) if author == AUTHOR else ()
    case = Case("sent on", mail_from, Expected(), author=author, steps=steps)
    message_id, content = compose(site.lab, case, site.domain)
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
