"""What the Internet's receiving MX has kept."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from lab.errors import LabError
from lab.internet_services import SCRIPTS, STORE
from lab.lab import Lab

_POLL = 0.2  # seconds between two looks


@dataclass(frozen=True)
class KeptMail:
    """A message as it arrived, with its envelope."""

    id: str
    peer: str
    helo: str
    tls: bool
    mail_from: str
    rcpt_to: tuple[str, ...]
    size: int
    content: bytes

    def parsed(self) -> EmailMessage:
        """The message for reading headers; `content` is what signatures are checked over."""
        message = message_from_bytes(self.content, policy=policy.default)
        if not isinstance(message, EmailMessage):  # what policy.default promises
            raise TypeError(type(message))
        return message


def _call(lab: Lab, verb: str, ids: Sequence[str]) -> bytes:
    script = ["python3", f"{SCRIPTS}/kept_mail.py", STORE, verb, *ids]
    return lab.ssh.run(lab.internet.name, script).stdout


def kept(lab: Lab, *ids: str) -> list[KeptMail]:
    """All kept messages, oldest first, or those with the given ids."""
    return [_mail(facts) for facts in json.loads(_call(lab, "list", ids))]


def _mail(facts: dict[str, Any]) -> KeptMail:
    content = base64.b64decode(facts.pop("message"))
    return KeptMail(**{**facts, "rcpt_to": tuple(facts["rcpt_to"]), "content": content})


def clear(lab: Lab, *ids: str) -> int:
    """Remove all kept messages, or those with the given ids; return how many there were."""
    return int(json.loads(_call(lab, "clear", ids)))


def wait_for(lab: Lab, wanted: Callable[[KeptMail], bool], timeout: float = 30.0) -> KeptMail:
    """The first kept message that is wanted, as soon as it is there.

    Raises LabError after `timeout` seconds, naming what was there instead.
    """
    deadline = time.monotonic() + timeout
    while True:
        mails = kept(lab)
        for mail in mails:
            if wanted(mail):
                return mail
        if time.monotonic() > deadline:
            there = ", ".join(f"{mail.mail_from} -> {'/'.join(mail.rcpt_to)}" for mail in mails)
            raise LabError(
                f"no such message at {lab.internet.receiver.fqdn} within {timeout:g} s; "
                f"there: {there or 'nothing'}"
            )
        time.sleep(_POLL)
