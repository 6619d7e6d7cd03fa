"""One mail's trial: send it, find out what became of it, compare with what should have."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from functools import cached_property

import yaml

from lab import mail as lab_mail
from lab import sink
from lab.errors import LabError
from lab.lab import Lab
from mailflow import mailbox, outgoing
from mailflow.catalogue import Mail
from mailflow.spamd_result import SpamdResult, parse

PATIENCE = 30.0
"""Seconds an accepted mail may take to arrive."""
_QUEUE_ID = re.compile(r":?\s*queued as \S+$")
# Postfix's own words where the milter gave none, or could not be asked (postconf(5)).
_POSTFIX_WORDS = ("Command rejected", "Service unavailable")


class Site:
    """The site of a lab as its users and correspondents see it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    @cached_property
    def domain(self) -> str:
        """The primary mail domain."""
        return self.lab.site().domains[0]

    @cached_property
    def exchangers(self) -> list[str]:
        """Names of the MX hosts in order."""
        return [host.name for host in self.lab.site().mail_exchangers]

    @cached_property
    def access_server(self) -> str:
        """Name of the MAS."""
        return next(host.name for host in self.lab.site().hosts if "mas" in host.roles)

    @cached_property
    def passwords(self) -> dict[str, str]:
        """User -> password, from the lab's generated secrets."""
        path = self.lab.paths.inventory / "group_vars" / "all" / "secrets.yml"
        users = yaml.safe_load(path.read_text())["vault_users"]
        return {user["name"]: user["password"] for user in users}

    def host(self, via: str) -> str:
        """The host that ``mx1``, ``mx2`` or ``mas`` stands for; a host's name stands for itself."""
        places = {
            "mx1": self.exchangers[0],
            "mx2": self.exchangers[-1],
            "mas": self.access_server,
        }
        return places.get(via, via)

    def inapplicable(self, mail: Mail) -> str:
        """Why this site cannot be sent a mail at all; empty when it can."""
        host = self.host(mail.via)
        if mail.ipv6 and self.lab.host(host).ipv6 is None:
            return f"{host} has no public IPv6"
        return ""

    def delivered(self, user: str, message_id: str, seconds: float) -> list[mailbox.Delivered]:
        """Copies of a message in a user's mailbox, waiting for the first."""
        address = lab_mail.target_address(self.lab, self.access_server)
        return mailbox.wait(address, user, self.passwords[user], message_id, seconds)


@dataclass
class Trial:
    """What was observed of one mail."""

    mail: Mail
    message_id: str
    host: str
    """Name of the host it was handed to."""
    inapplicable: str = ""
    """Why it was not sent at all; empty when it was."""
    command: str = ""
    """The SMTP command that `code` and `text` answered; ``.`` is the end of the message."""
    code: int = 0
    text: str = ""
    ended: str = "lost"
    """``refused``, ``deferred``, ``USER/FOLDER``, the receiving MX's name, or ``lost``."""
    copies: int = 0
    raw: bytes = b""
    """The message as it arrived."""
    result: SpamdResult | None = None
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    """How it differs from what should have become of it; empty when all is well."""

    @cached_property
    def header(self) -> Message:
        """The arrived message's header."""
        return message_from_bytes(self.raw)

    @property
    def action(self) -> str:
        """The filter's action as the header or the reply tells it; empty if Postfix decided.

        The filter speaks at the end of the message, in a text of its own: 5.7.1 for a refusal,
        4.7.1 for a later attempt.
        """
        if self.raw:
            return str(self.header.get("X-Rspamd-Action", ""))
        status, _, words = self.text.partition(" ")
        if self.command != "." or words.startswith(_POSTFIX_WORDS):
            return ""
        return {"5.7.1": "reject", "4.7.1": "soft reject"}.get(status, "")

    @property
    def reply(self) -> str:
        """Code and first line of the reply, without the queue's number for the mail."""
        first = (self.text.splitlines() or [""])[0]
        return f"{self.code} {_QUEUE_ID.sub('', first)}".strip() if self.code else ""


def send(site: Site, mail: Mail, content: bytes) -> lab_mail.Reply:
    """Hand the mail in as its sender does and return the reply that decided.

    Raises LabError when the session broke off.
    """
    host = site.host(mail.via)
    if mail.submission:
        session = lab_mail.send(
            site.lab,
            "plain",
            host,
            content,
            mail_from=mail.mail_from,
            rcpt_to=[mail.rcpt_to],
            port=587,
            tls="starttls",
            user=mail.sender,
            password=site.passwords[mail.sender],
        )
    else:
        session = lab_mail.send(
            site.lab,
            mail.sender,
            host,
            content,
            mail_from=mail.mail_from,
            rcpt_to=[mail.rcpt_to],
            dkim_domain=mail.dkim,
            ipv6=mail.ipv6,
        )
    return session.verdict()


def attempt(site: Site, mail: Mail, *, patience: float = PATIENCE) -> Trial:
    """Send one mail of the catalogue, follow it to its end and judge it."""
    message_id, content = mail.fill()
    trial = Trial(mail, message_id, site.host(mail.via))
    began = time.monotonic()
    try:
        reply = send(site, mail, content)
        trial.command, trial.code, trial.text = reply.command, reply.code, reply.text
        _follow(site, trial, patience)
    except LabError as error:
        trial.problems.append(str(error))
    trial.seconds = time.monotonic() - began
    if not trial.problems:
        trial.problems.extend(_judge(site, trial))
    return trial


def _follow(site: Site, trial: Trial, patience: float) -> None:
    if trial.code >= 400:
        trial.ended = "refused" if trial.code >= 500 else "deferred"
        return
    if trial.mail.rcpt_to in site.passwords:
        found = site.delivered(trial.mail.rcpt_to, trial.message_id, patience)
        trial.copies = len(found)
        if found:
            trial.raw = found[0].raw
            trial.ended = f"{trial.mail.rcpt_to}/{found[0].folder}"
    else:
        wanted = f"<{trial.message_id}>"
        kept = sink.wait_for(
            site.lab, lambda m: m.parsed().get("Message-ID", "").strip() == wanted, patience
        )
        trial.copies = 1
        trial.raw = kept.content
        trial.ended = site.lab.internet.receiver.fqdn
    value = trial.header.get("X-Spamd-Result")
    if value is not None:
        trial.result = parse(value)


def _judge(site: Site, trial: Trial) -> list[str]:
    rules: tuple[Callable[[Site, Trial], list[str]], ...] = (_reply, _end, _verdict, _traces, _dkim)
    return [problem for rule in rules for problem in rule(site, trial)]


def _reply(_site: Site, trial: Trial) -> list[str]:
    expect = trial.mail.expect
    if trial.code != expect.reply or expect.text not in trial.text:
        return [f"reply {expect.reply} {expect.text} expected, got {trial.code} {trial.text}"]
    return []


def _end(_site: Site, trial: Trial) -> list[str]:
    problems = []
    if trial.ended != trial.mail.expect.ends:
        problems.append(f"{trial.mail.expect.ends} expected, ended in {trial.ended}")
    if trial.copies > 1:
        problems.append(f"arrived {trial.copies} times")
    return problems


def _verdict(_site: Site, trial: Trial) -> list[str]:
    expect, result = trial.mail.expect, trial.result
    if expect.action is None:
        return []
    if result is None:
        return ["no X-Spamd-Result"]
    problems = []
    if trial.action != expect.action:
        problems.append(f"action {expect.action!r} expected, got {trial.action!r}")
    for name, score in expect.symbols.items():
        if result.symbols.get(name) != score:
            problems.append(f"{name}({score}) expected, got {result.symbols.get(name)}")
    total = sum(result.symbols.values())
    if abs(total - result.score) > 0.005 * (1 + len(result.symbols)):
        problems.append(f"score {result.score} is not the sum of the symbols, {total:.2f}")
    marked = trial.header.get("X-Spam") == "Yes"
    if marked != (expect.action == "add header"):
        problems.append(f"X-Spam is {trial.header.get('X-Spam')!r}")
    return problems


def _traces(_site: Site, trial: Trial) -> list[str]:
    header = trial.raw.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    return [
        f"{text!r} is still in the header" for text in trial.mail.expect.absent if text in header
    ]


def _dkim(site: Site, trial: Trial) -> list[str]:
    domain = trial.mail.expect.dkim
    if domain is None:
        return []
    found = outgoing.signatures(site.lab, trial.raw)
    return [] if (domain, True) in found else [f"no valid signature of {domain}: {found}"]
