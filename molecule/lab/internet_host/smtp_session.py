#!/usr/bin/python3
"""One SMTP session from one of the Internet's addresses: JSON on stdin, JSON on stdout.

In: `source` and `host` (addresses), `port`, `helo`, `timeout` (seconds), `tls` ("", "starttls" or
"implicit"), `user` and `password` (AUTH, or empty), `transactions`: a list of `mail_from`,
`rcpt_to` (list), `message` (base64) and `raw` (true: send the bytes as they are, line ends and
leading dots included). Out: `replies`, a list of `transaction` (number, or null outside of one),
`command`, `code` and `text`; and `error`, what ended the session early, or null.
"""

import base64
import json
import re
import smtplib
import ssl
import sys


class Session:
    """An SMTP client that writes every reply down."""

    def __init__(self, order):
        self.order = order
        self.replies = []
        self.transaction = None
        self.smtp = None

    def note(self, command, reply):
        code, text = reply
        self.replies.append(
            {
                "transaction": self.transaction,
                "command": command,
                "code": code,
                "text": text.decode("utf-8", "replace"),
            }
        )
        return code

    def run(self):
        order = self.order
        context = ssl._create_unverified_context()  # noqa: S323 - MTAs do not verify; hosts sign for themselves
        common = {
            "local_hostname": order["helo"],
            "timeout": order["timeout"],
            "source_address": (order["source"], 0),
        }
        if order["tls"] == "implicit":
            self.smtp = smtplib.SMTP_SSL(context=context, **common)
        else:
            self.smtp = smtplib.SMTP(**common)
        # smtplib learns the name from the constructor only, which would swallow the greeting.
        self.smtp._host = order["host"]
        if self.note("connect", self.smtp.connect(order["host"], order["port"])) != 220:
            return
        self.hello()
        if order["tls"] == "starttls":
            if self.note("STARTTLS", self.smtp.starttls(context=context)) != 220:
                return
            self.hello()
        if order["user"]:
            try:
                self.note("AUTH", self.smtp.login(order["user"], order["password"]))
            except smtplib.SMTPAuthenticationError as error:
                self.note("AUTH", (error.smtp_code, error.smtp_error))
                return
        for number, transaction in enumerate(order["transactions"]):
            self.transaction = number
            self.send(transaction)
        self.transaction = None
        self.note("QUIT", self.smtp.docmd("QUIT"))

    def hello(self):
        if self.note("EHLO", self.smtp.ehlo()) >= 500:
            self.note("HELO", self.smtp.helo())

    def send(self, transaction):
        message = base64.b64decode(transaction["message"])
        if self.note("MAIL", self.smtp.docmd(f"MAIL FROM:<{transaction['mail_from']}>")) != 250:
            return
        taken = [
            self.note("RCPT", self.smtp.docmd(f"RCPT TO:<{recipient}>"))
            for recipient in transaction["rcpt_to"]
        ]
        if not any(code in (250, 251) for code in taken):
            self.note("RSET", self.smtp.docmd("RSET"))
            return
        if self.note("DATA", self.smtp.docmd("DATA")) != 354:
            self.note("RSET", self.smtp.docmd("RSET"))
            return
        if not transaction["raw"]:
            message = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
            message = re.sub(rb"(?m)^\.", b"..", message)
            if not message.endswith(b"\r\n"):
                message += b"\r\n"
        self.smtp.send(message + b".\r\n")
        self.note(".", self.smtp.getreply())


def main():
    session, error = Session(json.load(sys.stdin)), None
    try:
        session.run()
    except (OSError, smtplib.SMTPException) as failure:
        error = f"{type(failure).__name__}: {failure}"
    finally:
        if session.smtp is not None:
            session.smtp.close()
    json.dump({"replies": session.replies, "error": error}, sys.stdout)


if __name__ == "__main__":
    main()
