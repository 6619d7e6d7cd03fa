"""Mails and what Rspamd 3.4 makes of them (recorded from its controller and its Redis)."""

from __future__ import annotations

from typing import Final

from filter_engine.message import Message

_HEAD: Final = """From: Alice <alice@example.com>
To: bob@example.org
Subject: {subject}
Message-ID: <a1@example.com>
Date: Sat, 21 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: {type}; charset=utf-8

"""
ENGLISH: Final = """\
Dear customer, our company is selling wonderful watches at very low prices and we
would like to invite you to visit our store at http://shop.example.com/deals?id=7 before
the end of the month. Every purchase comes with a lifetime guarantee, free shipping, and a
mysterious present that will surprise your whole family. Don't hesitate: write to
sales@example.com or call 1-800-555-0199 now, because the quantities are strictly limited
and the competition never sleeps. We accept cards, transfers and cash; 1,000.50 euros buys
everything you can carry away from the warehouse in Éclair street.
"""
GERMAN: Final = (
    "Sehr geehrter Kunde, wir freuen uns, Ihnen mitteilen zu können, dass die Lieferung Ihrer "
    "Bestellung heute unser Lager verlassen hat und in den nächsten Tagen bei Ihnen eintreffen "
    "wird. Bitte überprüfen Sie die Waren sofort nach dem Empfang und teilen Sie uns etwaige "
    "Schäden mit. Die Rechnung finden Sie im Anhang, den Betrag überweisen Sie bitte innerhalb "
    "von vierzehn Tagen auf das angegebene Konto. Mit freundlichen Grüßen, Ihre Versandabteilung "
    "der Größten Händler Österreichs\n"
)
SHORT: Final = "Hello  friend,\n buy now\n\tat http://shop.example.com/x today!\n\nbye\n"


def mail(text: str, subject: str = "Great offers for you today", kind: str = "text/plain") -> bytes:
    """A mail of one part."""
    return (_HEAD.format(subject=subject, type=kind) + text).encode()


def message(text: str, subject: str = "Great offers for you today") -> Message:
    """The same, read."""
    return Message(mail(text, subject))


def parts_mail() -> bytes:
    """A short text, an attachment and short HTML."""
    return (
        _HEAD.format(subject="Short offer", type="multipart/mixed; boundary=xx").encode()
        + b"--xx\nContent-Type: text/plain; charset=utf-8\n\n"
        + SHORT.encode()
        + b"\n--xx\nContent-Type: application/octet-stream; name=a.bin\n"
        b"Content-Disposition: attachment; filename=a.bin\nContent-Transfer-Encoding: base64\n\n"
        b"AAECAwQFBgcICQoLDA0ODw==\n--xx\nContent-Type: text/html; charset=utf-8\n\n"
        b"<html><body><p>Hi there <b>you</b></p><p>Second  paragraph &amp; more</p></body></html>\n"
        b"--xx--\n"
    )
