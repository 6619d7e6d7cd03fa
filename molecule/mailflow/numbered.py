"""Numbered mail while something breaks, and the account of every single one afterwards."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

from lab import mail as lab_mail
from lab.errors import LabError
from mailflow import everywhere, mailbox
from mailflow.remote import Remote
from mailflow.trial import Site

SENDER = "plain"
MAIL_FROM = "erin@plain.example"
GRACE = 60.0
"""Seconds in which queues that are pushed must get shorter, until what was accepted has arrived."""


@dataclass(frozen=True)
class Attempt:
    """One attempt to deliver one mail: `numbered_mail.py` says what the fields mean."""

    n: int
    at: float
    took: float
    host: str
    code: int
    text: str
    sent: bool


@dataclass
class Account:
    """What became of the mail of one run."""

    attempts: list[Attempt] = field(default_factory=list)
    copies: Counter[int] = field(default_factory=Counter)
    """Number of a mail -> copies in the mailbox."""
    unfiltered: list[int] = field(default_factory=list)
    """Numbers of mails that arrived without a verdict."""
    without_store: int = 0
    """Mails whose verdict says that a store did not answer (STORE_FAIL)."""
    queued: int = 0
    """Mails still in the site's queues."""
    settled: float = 0.0
    """Seconds from the last attempt until all that was accepted lay in the mailbox."""

    @property
    def accepted(self) -> set[int]:
        """Mails for which a server said 250."""
        return {one.n for one in self.attempts if one.code == 250}

    def accepted_by(self, host: str) -> int:
        """How many the server at that address accepted."""
        return sum(one.code == 250 and one.host == host for one in self.attempts)

    @property
    def refused(self) -> list[Attempt]:
        """Replies of 5xx: every one is false."""
        return [one for one in self.attempts if one.code >= 500]

    @property
    def lost(self) -> set[int]:
        """Accepted and nowhere."""
        return {n for n in self.accepted if not self.copies[n]}

    @property
    def doubled(self) -> set[int]:
        """There more often than a sender without a reply had to send them (RFC 1047)."""
        unsure = Counter(one.n for one in self.attempts if one.sent)
        return {n for n, count in self.copies.items() if count > 1 + unsure[n]}

    @property
    def longest_pause(self) -> float:
        """Seconds in which nobody accepted anything."""
        return _longest_pause(self.attempts)

    @property
    def longest_pause_of_one(self) -> float:
        """The same of the server that paused longest."""
        hosts = {one.host for one in self.attempts}
        return max(
            _longest_pause([one for one in self.attempts if one.host == host]) for host in hosts
        )

    def problems(self, unfinished: int = 0) -> list[str]:
        """What is wrong; empty when every mail that was accepted arrived once, filtered.

        `unfinished` deliveries into a mailbox were made when a host crashed that could not write
        them down any more.
        """
        found = []
        if not self.accepted:
            found.append("no mail was accepted at all")
        unsent = {one.n for one in self.attempts} - self.accepted
        if unsent:
            found.append(f"never accepted: {_some(unsent)}")
        if self.lost:
            found.append(f"accepted and lost: {_some(self.lost)}; {self.queued} in queues")
        if len(self.doubled) > unfinished:
            found.append(f"delivered more than once: {_some(self.doubled)}")
        if self.unfiltered:
            found.append(f"delivered without a verdict: {_some(self.unfiltered)}")
        found += [f"mail {one.n} at {one.host}: {one.code} {one.text}" for one in self.refused[:5]]
        return found

    def summary(self) -> str:
        """One line for people."""
        codes = Counter(one.code for one in self.attempts)
        later = sum(count for code, count in codes.items() if 400 <= code < 500)
        return (
            f"{len(self.accepted)} mails accepted, {later} told to come back, {codes[0]} sessions"
            f" broken, {sum(self.copies.values())} delivered, the last {self.settled:.1f} s after"
            f" the end; nothing accepted for {self.longest_pause:.1f} s at most (one exchanger:"
            f" {self.longest_pause_of_one:.1f} s)"
        )


def _longest_pause(attempts: list[Attempt]) -> float:
    times = sorted(one.at + one.took for one in attempts if one.code == 250)
    return max((b - a for a, b in pairwise(times)), default=0.0)


def _some(numbers: Any) -> str:
    listed = sorted(numbers)
    return f"{len(listed)} ({', '.join(map(str, listed[:8]))}{' ...' if len(listed) > 8 else ''})"


class NumberedMail:
    """Sends for as long as the context lasts; `account` settles it afterwards."""

    def __init__(self, site: Site, rate: float, *, patience: float = 60.0) -> None:
        self._site = site
        self.run = uuid.uuid4().hex
        # One mailbox takes one mail at a time.
        self.recipients = sorted(site.passwords)
        self._patience = patience
        self._rate = rate
        order = {
            "source": lab_mail.source_address(site.lab, SENDER),
            "helo": site.lab.internet.servers[SENDER].fqdn,
            "exchangers": [lab_mail.target_address(site.lab, host) for host in site.exchangers],
            "mail_from": MAIL_FROM,
            "rcpt_to": self.recipients,
            "run": self.run,
            "rate": rate,
            "timeout": 5.0,
            "pause": 1.0,
            "patience": patience,
        }
        internet = site.lab.internet.name
        self._sender = Remote(site.lab, internet, "numbered_mail.py", json.dumps(order))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._sender.close(self._patience + 60.0)

    def flows(self, seconds: float, patience: float = 30.0) -> None:
        """Wait until as many more have been accepted as are made in so many seconds.

        Raises LabError when they are not within as many seconds of patience.
        """
        count = max(1, round(seconds * self._rate))
        end = time.monotonic() + seconds + patience
        wanted = self._accepted() + count
        while self._accepted() < wanted:
            if time.monotonic() > end:
                last = list(self._sender.lines)[-3:]
                raise LabError(
                    f"not {count} more mails accepted within {seconds + patience:g} s: {last}"
                )
            time.sleep(0.1)

    def _accepted(self) -> int:
        return sum(line["code"] == 250 for line in list(self._sender.lines))

    def account(self) -> Account:
        """What became of them, when all that was accepted has arrived or the grace is over.

        They are deleted then: a large mailbox makes every delivery slower.
        """
        account = Account([Attempt(**line) for line in self._sender.lines])
        began = time.monotonic()
        fewest, end = sys.maxsize, began + GRACE
        while True:
            # Queues first: what leaves one later may be a second copy that would not be counted.
            account.queued = push_queues(self._site)
            if account.queued < fewest:
                fewest, end = account.queued, time.monotonic() + GRACE
            if account.queued and time.monotonic() < end:
                time.sleep(1.0)  # asking costs the hosts more than delivering
                continue
            account.copies.clear()
            account.unfiltered.clear()
            account.without_store = 0
            for number, verdict in self._arrived():
                account.copies[number] += 1
                account.without_store += "STORE_FAIL" in verdict
                if not verdict:
                    account.unfiltered.append(number)
            if not account.lost:
                account.settled = time.monotonic() - began
            if not (account.lost or account.queued) or time.monotonic() > end:
                break
        for user in self.recipients:
            mailbox.remove(*self._login(user), f"{self.run}.")
        return account

    def _login(self, user: str) -> tuple[str, str, str]:
        """Host, user and password."""
        address = lab_mail.target_address(self._site.lab, self._site.access_server)
        return address, user, self._site.passwords[user]

    def _arrived(self) -> list[tuple[int, str]]:
        """Number of each mail of this run in the mailboxes, and its verdict."""
        found = [
            one
            for user in self.recipients
            for one in mailbox.headers(*self._login(user), f"{self.run}.")
        ]
        return [
            (
                int(one["Message-ID"].split(".")[1].partition("@")[0]),
                str(one["X-Spamd-Result"] or ""),
            )
            for one in found
        ]


def push_queues(site: Site) -> int:
    """Have every host try again what it keeps; return how much that is."""
    counts = everywhere.shell(site.lab, "postqueue -f; postqueue -j | wc -l")
    return sum(map(int, counts.values()))
