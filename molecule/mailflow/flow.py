"""Mail that keeps flowing from a user to the Internet, each verified the moment it arrives."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from email.utils import format_datetime, localtime

import dkim
import dns.exception

from lab import mail as lab_mail
from lab import sink
from lab.errors import LabError
from lab.lab import Lab
from mailflow.outgoing import authoritative_txt
from mailflow.second_opinion import second_opinions
from mailflow.trial import Site

RECIPIENT = "frank@remote.example"
PATIENCE = 60.0
"""Seconds an accepted mail may take to arrive."""


@dataclass(frozen=True)
class Signature:
    """A signature as a receiver saw it."""

    domain: str
    selector: str
    algorithm: str
    verifies: bool


@dataclass
class Passage:
    """One mail: what it was signed with, and what was wrong with it."""

    number: int
    signatures: list[Signature] = field(default_factory=list)
    second: dict[str, str] = field(default_factory=dict)
    """Selector -> verdict of Mail::DKIM, for the algorithms it knows."""
    problem: str = ""

    @property
    def selectors(self) -> frozenset[str]:
        """What it was signed with."""
        return frozenset(one.selector for one in self.signatures)


def signatures(lab: Lab, message: bytes) -> list[Signature]:
    """Every DKIM-Signature, checked by dkimpy with what the authoritative server has now."""
    verifier = dkim.DKIM(message)
    count = sum(name.lower() == b"dkim-signature" for name, _ in verifier.headers)
    found = []
    for index in range(count):
        try:
            good = bool(
                verifier.verify(
                    index,
                    dnsfunc=lambda name, timeout=5: authoritative_txt(lab, name.decode()),  # noqa: ARG005 - dkimpy names it
                )
            )
        except (dkim.DKIMException, dns.exception.DNSException):
            good = False
        tags = {name: value.decode("ascii", "replace") for name, value in _tags(verifier).items()}
        found.append(Signature(tags.get(b"d", ""), tags.get(b"s", ""), tags.get(b"a", ""), good))
    return found


def _tags(verifier: dkim.DKIM) -> dict[bytes, bytes]:
    return dict(verifier.signature_fields)


def pass_one(site: Site, number: int = 0) -> Passage:
    """Submit one mail, wait for it on the Internet and verify it there."""
    passage = Passage(number)
    sender = f"alice@{site.domain}"
    identity = f"{uuid.uuid4().hex}@{site.domain}"
    lines = [
        f"From: {sender}",
        f"To: {RECIPIENT}",
        f"Subject: number {number}",
        f"Date: {format_datetime(localtime())}",
        f"Message-ID: <{identity}>",
        "",
        f"This is mail number {number}.",
        "",
    ]
    try:
        reply = lab_mail.send(
            site.lab,
            "plain",
            site.access_server,
            "\r\n".join(lines).encode(),
            mail_from=sender,
            rcpt_to=[RECIPIENT],
            port=587,
            tls="starttls",
            user=sender,
            password=site.passwords[sender],
        ).verdict()
        if reply.code != 250:
            raise LabError(f"not taken: {reply}")
        wanted = f"<{identity}>"
        kept = sink.wait_for(
            site.lab, lambda mail: mail.parsed().get("Message-ID", "").strip() == wanted, PATIENCE
        )
        passage.signatures = signatures(site.lab, kept.content)
        (opinion,) = second_opinions(site.lab, [kept.content])
        passage.second = {
            one.selector: one.result for one in opinion.dkim if one.algorithm == "rsa-sha256"
        }
        sink.clear(site.lab, kept.id)
    except LabError as error:
        passage.problem = str(error)
    return passage


class Flow:
    """Mail from several threads while the context lasts; `passages` is what became of it."""

    def __init__(self, site: Site, threads: int = 1) -> None:
        self.passages: list[Passage] = []
        self._site = site
        self._stop = threading.Event()
        self._count = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self) -> Flow:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.passages.sort(key=lambda passage: passage.number)

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                self._count += 1
                number = self._count
            passage = pass_one(self._site, number)
            with self._lock:
                self.passages.append(passage)
