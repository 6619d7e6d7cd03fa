"""The access server's doors: only users may submit, and only in their own name."""

from __future__ import annotations

import pytest

from lab import mail as lab_mail
from mailflow.catalogue import Mail
from mailflow.trial import Site

Mails = dict[str, Mail]


def submit(site: Site, mail: Mail, **how: str | int) -> lab_mail.Reply:
    session = lab_mail.send(
        site.lab,
        "plain",
        site.access_server,
        mail.fill()[1],
        mail_from=str(how.pop("mail_from", mail.mail_from)),
        rcpt_to=[mail.rcpt_to],
        **{"port": 587, "tls": "starttls", **how},  # type: ignore[arg-type]
    )
    return session.verdict()


def test_without_a_password_nothing_is_taken(mails: Mails, site: Site) -> None:
    reply = submit(site, mails["outgoing"])
    assert reply.code in (530, 554)


def test_without_tls_nothing_is_taken(mails: Mails, site: Site) -> None:
    reply = submit(site, mails["outgoing"], tls="")
    assert reply.code == 530
    assert "STARTTLS" in reply.text


@pytest.mark.parametrize(("port", "tls"), [(587, "starttls"), (465, "implicit")])
def test_a_wrong_password_is_refused(mails: Mails, site: Site, port: int, tls: str) -> None:
    reply = submit(
        site, mails["outgoing"], port=port, tls=tls, user="alice@example.net", password="wrong"
    )
    assert reply.code == 535


def test_implicit_tls_works(mails: Mails, site: Site) -> None:
    user = "alice@example.net"
    reply = submit(
        site,
        mails["outgoing"],
        port=465,
        tls="implicit",
        user=user,
        password=site.passwords[user],
    )
    assert reply.code == 250


def test_a_user_cannot_send_in_anothers_name(mails: Mails, site: Site) -> None:
    user = "alice@example.net"
    reply = submit(
        site,
        mails["outgoing"],
        mail_from="bob@example.net",
        user=user,
        password=site.passwords[user],
    )
    assert reply.code == 553


def test_port_25_of_the_access_server_is_closed_to_the_internet(site: Site) -> None:
    done = site.lab.ssh.run(
        site.lab.internet.name,
        ["python3", "-c", _CONNECT, lab_mail.target_address(site.lab, site.access_server)],
    )
    assert done.stdout.decode().strip() == "ConnectionRefusedError"


_CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 25), 5)
except OSError as error:
    print(type(error).__name__)
"""
