"""Mail with numbers, as a sending server with several exchangers before it delivers it.

Runs on the lab's Internet host. The one argument is JSON: source, helo, exchangers, mail_from,
rcpt_to (a list, in turn), run (in the Message-IDs), rate (mails a second), timeout, pause (seconds
until a mail is tried again, at the next exchanger), patience (seconds it goes on trying after its
input ended).
One line of JSON for each attempt, as it ends:
n, at and took (seconds since the beginning), host, code (0: the session broke off), text, and
sent: the whole message had left, so that the receiver may have it though it did not say so.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import smtplib
import sys
import threading
import time
from email.utils import formatdate
from typing import Any


class Session(smtplib.SMTP):
    """Knows whether the final dot was sent."""

    dot_sent = False

    def send(self, s: Any) -> None:
        super().send(s)
        end = s if isinstance(s, bytes) else s.encode()
        if end.endswith(b"\r\n.\r\n"):
            self.dot_sent = True


class Sender:
    """Mails that wait, and the threads that try to be rid of them."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.began = time.monotonic()
        self.lock = threading.Condition()
        self.due: list[tuple[float, int, int]] = []
        """(when, number, attempts)"""
        self.making = True
        self.open = 0
        self.give_up = float("inf")

    def run(self) -> None:
        """Make mail until the input ends, then until all of it is gone or patience is."""
        threading.Thread(target=self.listen, daemon=True).start()
        threads = [threading.Thread(target=self.work) for _ in range(48)]
        for thread in threads:
            thread.start()
        number = 0
        while self.making:
            with self.lock:
                number += 1
                self.open += 1
                heapq.heappush(self.due, (time.monotonic(), number, 0))
                self.lock.notify()
            time.sleep(max(self.began + number / self.given["rate"] - time.monotonic(), 0))
        for thread in threads:
            thread.join()

    def listen(self) -> None:
        """Wait for the end of the input."""
        sys.stdin.read()
        with self.lock:
            self.making = False
            self.give_up = time.monotonic() + float(self.given["patience"])
            self.lock.notify_all()

    def work(self) -> None:
        """Take the next mail that is due, again and again."""
        while True:
            with self.lock:
                while not self.due or self.due[0][0] > time.monotonic():
                    if not self.making and not self.open:
                        return
                    self.lock.wait(max(self.due[0][0] - time.monotonic(), 0) if self.due else 0.2)
                _, number, tries = heapq.heappop(self.due)
            hosts = self.given["exchangers"]
            host = hosts[(number + tries) % len(hosts)]
            started = time.monotonic()
            code, text, unsure = self.attempt(number, host)
            ended = time.monotonic()
            event = {
                "n": number,
                "at": round(started - self.began, 3),
                "took": round(ended - started, 3),
                "host": host,
                "code": code,
                "text": text[:200],
                "sent": unsure,
            }
            with self.lock:
                print(json.dumps(event), flush=True)
                if code // 100 in (2, 5) or ended > self.give_up:
                    self.open -= 1
                else:
                    heapq.heappush(self.due, (ended + self.given["pause"], number, tries + 1))
                self.lock.notify_all()

    def attempt(self, number: int, host: str) -> tuple[int, str, bool]:
        """Code, text, and whether the server may have the mail all the same."""
        given = self.given
        code, said = 0, b""
        session = Session(
            timeout=given["timeout"],
            local_hostname=given["helo"],
            source_address=(given["source"], 0),
        )
        try:
            code, said = session.connect(host, 25)
            if code == 220:
                session.ehlo_or_helo_if_needed()
                code, said = session.mail(given["mail_from"])
                if code == 250:
                    code, said = session.rcpt(self.recipient(number))
                if code == 250:
                    code, said = session.data(self.message(number))
            text = said.decode(errors="replace")
        except smtplib.SMTPResponseException as error:
            code, text = error.smtp_code, str(error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            code, text = 0, f"{type(error).__name__}: {error}"
        unsure = session.dot_sent and code <= 0
        with contextlib.suppress(OSError, smtplib.SMTPException):
            if code > 0:
                session.quit()
            else:
                session.close()
        return max(code, 0), text, unsure

    def recipient(self, number: int) -> str:
        """To whom the mail of that number goes."""
        return str(self.given["rcpt_to"][number // 2 % len(self.given["rcpt_to"])])

    def message(self, number: int) -> bytes:
        """A mail with its number in Subject and Message-ID."""
        given = self.given
        return (
            f"From: Erin <{given['mail_from']}>\r\nTo: {self.recipient(number)}\r\n"
            f"Subject: number {number}\r\nDate: {formatdate(localtime=True)}\r\n"
            f"Message-ID: <{given['run']}.{number}@plain.example>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
            f"Choir practice number {number} is on Wednesday this week, same place, half past\r\n"
            "seven, and whoever sings alto brings the old sheets of music along with them.\r\n"
        ).encode()


if __name__ == "__main__":
    Sender(json.loads(sys.argv[1])).run()
