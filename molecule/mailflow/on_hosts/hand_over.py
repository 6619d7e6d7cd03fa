"""Hands mail to Dovecot's LMTP as the MTA of the host it runs on does.

Standard input is JSON: [{"rcpt_to": [...], "message": text}, ...]. Answered by one line of JSON:
for each mail the reply to each recipient, ``ok`` or what LMTP said instead.
"""

from __future__ import annotations

import json
import smtplib
import sys

SOCKET = "/var/spool/postfix/private/dovecot-lmtp"


def hand_over(rcpt_to: list[str], message: str) -> list[str]:
    """One mail; LMTP replies to its content once for each recipient (RFC 2033, section 4.2)."""
    with smtplib.LMTP(SOCKET) as session:
        session.ehlo_or_helo_if_needed()
        for code, text in (session.mail("sender@example.org"), *map(session.rcpt, rcpt_to)):
            if code != 250:
                raise smtplib.SMTPResponseException(code, text)
        said = [session.data(message), *(session.getreply() for _ in rcpt_to[1:])]
    return ["ok" if code == 250 else f"{code} {text!r}" for code, text in said]


def main() -> None:
    """Hand all of it over, one session a mail."""
    print(json.dumps([hand_over(**mail) for mail in json.load(sys.stdin)]))


if __name__ == "__main__":
    main()
