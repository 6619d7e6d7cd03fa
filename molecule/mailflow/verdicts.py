"""The table of verdicts (`tests/mail/auth.yml`) as data, and sending all of it at once."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message as Parsed
from email.utils import format_datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from lab import mail as lab_mail
from lab.lab import Lab
from mailflow import mailbox
from mailflow.catalogue import MAILS
from mailflow.spamd_result import SpamdResult, parse
from mailflow.steps import Step, walk
from mailflow.trial import Site

RECIPIENT = "alice"
SESSION = 8
"""Messages in one SMTP session: Postfix slows a client down that is refused more often."""


@dataclass(frozen=True)
class Expected:
    """What must become of one message."""

    reply: int = 250
    text: str = ""
    """Must occur in the reply's text."""
    action: str | None = None
    symbols: Mapping[str, float] = field(default_factory=dict)
    """Symbols that must have fired, with their exact scores."""
    absent: tuple[str, ...] = ()
    """Symbols that must not have fired."""
    results: tuple[str, ...] = ()
    """Must occur in Authentication-Results."""
    gone: tuple[str, ...] = ()
    """Text that must not occur in the delivered header."""


@dataclass(frozen=True)
class Case:
    """One entry of the table."""

    name: str
    mail_from: str
    expect: Expected
    author: str = ""
    """Address in From; the envelope sender unless told otherwise."""
    sender: str = "tester"
    """Name of the sending server in internet.yml."""
    steps: tuple[Step, ...] = ()


@dataclass
class Outcome:
    """What became of one message."""

    code: int
    text: str
    raw: bytes = b""
    """The message as it was delivered; empty if it was not."""

    @cached_property
    def header(self) -> Parsed:
        """Header of the delivered message."""
        return message_from_bytes(self.raw)

    @cached_property
    def result(self) -> SpamdResult:
        """Its X-Spamd-Result. Raises ValueError without one."""
        return parse(str(self.header.get("X-Spamd-Result", "")))


def load(domain: str, path: Path = MAILS / "auth.yml") -> list[Case]:
    """Every case in order; the site's domain stands in for ``example.net``.

    Raises TypeError for a key that does not exist.
    """
    data = yaml.safe_load(path.read_text().replace("example.net", domain))
    return [_case(entry) for entry in data["mails"]]


def _case(entry: dict[str, Any]) -> Case:
    expect = dict(entry.pop("expect"))
    for name in ("absent", "results", "gone"):
        expect[name] = tuple(expect.get(name, ()))
    steps = tuple(entry.pop("steps", ()))
    return Case(**entry, steps=steps, expect=Expected(**expect))


def compose(lab: Lab, case: Case, domain: str) -> tuple[str, bytes]:
    """A fresh copy of a case's message: its Message-ID without brackets, and its bytes."""
    message_id = f"{uuid.uuid4().hex}@mail.tester.example"
    text = (MAILS / "auth.eml").read_text()
    for name, value in {
        "author": case.author or case.mail_from or "postmaster@mail.tester.example",
        "recipient": f"{RECIPIENT}@{domain}",
        "subject": case.name,
        "date": format_datetime(datetime.now(UTC)),
        "message_id": message_id,
    }.items():
        text = text.replace(f"{{{name}}}", value)
    return message_id, walk(lab, text.replace("\n", "\r\n").encode(), case.steps)


def send_all(
    site: Site,
    cases: Iterable[Case],
    before: Callable[[int], None] = lambda _: None,
    patience: float = 60.0,
) -> dict[str, Outcome]:
    """Send every case to the first exchanger and collect what was delivered, by name.

    A few messages go in one session; `before` is called with the number of each session. Raises
    LabError when a session breaks off.
    """
    composed = {case.name: (case, *compose(site.lab, case, site.domain)) for case in cases}
    by_sender: dict[str, list[str]] = defaultdict(list)
    for name, (case, _, _) in composed.items():
        by_sender[case.sender].append(name)
    sessions = [
        (sender, names[start : start + SESSION])
        for sender, names in by_sender.items()
        for start in range(0, len(names), SESSION)
    ]
    outcomes: dict[str, Outcome] = {}
    for number, (sender, names) in enumerate(sessions):
        before(number)
        outcomes |= _send(site, sender, {name: composed[name] for name in names})
    ids = {composed[name][1]: name for name, outcome in outcomes.items() if outcome.code == 250}
    user = f"{RECIPIENT}@{site.domain}"
    address = lab_mail.target_address(site.lab, site.access_server)
    for message_id, delivered in mailbox.collect(
        address, user, site.passwords[user], set(ids), patience
    ).items():
        outcomes[ids[message_id]].raw = delivered.raw
    return outcomes


def _send(
    site: Site, sender: str, part: Mapping[str, tuple[Case, str, bytes]]
) -> dict[str, Outcome]:
    recipient = f"{RECIPIENT}@{site.domain}"
    messages = [
        lab_mail.Message(case.mail_from, [recipient], content) for case, _, content in part.values()
    ]
    session = lab_mail.session(site.lab, sender, site.exchangers[0], messages)
    verdicts = [session.verdict(number) for number in range(len(messages))]
    return {
        name: Outcome(reply.code, reply.text) for name, reply in zip(part, verdicts, strict=True)
    }


def problems(expect: Expected, outcome: Outcome) -> list[str]:
    """How an outcome differs from what was expected; empty when all is well."""
    if outcome.code != expect.reply or expect.text not in outcome.text:
        return [f"reply {expect.reply} {expect.text} expected, got {outcome.code} {outcome.text}"]
    if expect.reply != 250:
        return []
    if not outcome.raw:
        return ["accepted and lost"]
    found = []
    fired = outcome.result.symbols
    for name, score in expect.symbols.items():
        if fired.get(name) != score:
            found.append(f"{name}({score}) expected, got {fired.get(name)}")
    found += [f"{name} fired" for name in expect.absent if name in fired]
    action = outcome.header.get("X-Rspamd-Action")
    if expect.action is not None and action != expect.action:
        found.append(f"action {expect.action!r} expected, got {action!r}")
    told = " ".join(" ".join(outcome.header.get_all("Authentication-Results", [])).split())
    found += [f"{text!r} is not in {told!r}" for text in expect.results if text not in told]
    head = outcome.raw.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    found += [f"{text!r} is still in the header" for text in expect.gone if text in head]
    return found
