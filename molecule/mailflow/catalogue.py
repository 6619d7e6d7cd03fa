"""The catalogue of mails (`tests/mail/catalogue.yml`) as data."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import yaml

DOMAIN = "example.net"
"""The site's domain as the mails and the catalogue write it."""
_MESSAGE_ID = re.compile(r"^Message-ID: <([^>]+)>", re.M)
MAILS = Path(__file__).resolve().parents[2] / "tests" / "mail"


@dataclass(frozen=True)
class Expectation:
    """What must become of a mail."""

    reply: int
    """SMTP code of the last reply that decided."""
    ends: str
    """``USER@DOMAIN/FOLDER``, ``refused``, or the name of the receiving MX."""
    text: str = ""
    """Must occur in the reply's text."""
    action: str | None = None
    symbols: Mapping[str, float] = field(default_factory=dict)
    """Symbols that must have fired, with their exact scores."""
    absent: tuple[str, ...] = ()
    """Text that must not occur in the delivered header."""
    dkim: str | None = None
    """Domain whose DKIM signature must verify."""


@dataclass(frozen=True)
class Mail:
    """One entry of the catalogue."""

    name: str
    shows: str
    file: str
    sender: str
    mail_from: str
    rcpt_to: str
    via: str
    expect: Expectation
    dkim: str | None = None
    """Domain in whose name the sender signs."""
    ipv6: bool = False
    domain: str = DOMAIN
    """The site's domain."""

    @property
    def submission(self) -> bool:
        """A user of the site hands it in, with a password."""
        return "@" in self.sender

    def fill(self, unique: str | None = None) -> tuple[str, bytes]:
        """A fresh copy: its Message-ID without brackets, and its bytes with CRLF line ends.

        A mail without Message-ID cannot be followed; its ID is empty.
        """
        unique = unique or uuid.uuid4().hex
        text = (MAILS / self.file).read_text()
        text = text.replace(DOMAIN, self.domain).replace("{id}", unique)
        text = text.replace("{date}", format_datetime(datetime.now(UTC)))
        found = _MESSAGE_ID.search(text)
        return found[1] if found else "", text.replace("\n", "\r\n").encode()


def load(path: Path = MAILS / "catalogue.yml", domain: str = DOMAIN) -> list[Mail]:
    """Every mail of the catalogue in order, for the site of that domain.

    Raises TypeError for a key that does not exist.
    """
    text = path.read_text().replace(DOMAIN, domain)
    return [_mail(entry, domain) for entry in yaml.safe_load(text)["mails"]]


def _mail(entry: dict[str, Any], domain: str) -> Mail:
    expect = dict(entry.pop("expect"))
    expect["absent"] = tuple(expect.get("absent", ()))
    return Mail(**entry, expect=Expectation(**expect), domain=domain)
