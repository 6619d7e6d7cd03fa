"""Hands mail to Dovecot's LMTP as the MTA of the host it runs on does.

Standard input is JSON: [{"rcpt_to": [...], "message": text}, ...]. Answered by one line of JSON:
for each mail the reply to each recipient, ``ok`` or what LMTP said instead.
"""

from __future__ import annotations

import json
import smtplib
import sys

SOCKET = "/var/spool/postfix/private/dovecot-lmtp"


def main() -> None:
    """Hand all of it over, one session a mail."""
    replies = []
    for mail in json.load(sys.stdin):
        with smtplib.LMTP(SOCKET) as session:
            refused = session.sendmail("sender@example.org", mail["rcpt_to"], mail["message"])
        replies.append([str(refused.get(one, "ok")) for one in mail["rcpt_to"]])
    print(json.dumps(replies))


if __name__ == "__main__":
    main()
