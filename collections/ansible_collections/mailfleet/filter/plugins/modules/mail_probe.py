#!/usr/bin/python
# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Module `mailfleet.filter.mail_probe`: sends one message and tells how it fared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mail_probe
short_description: Sends one message by SMTP and tells how it fared
version_added: 0.1.0
author: The mailfleet authors (@mailfleet)
description:
  - Sends one message from the host it runs on and returns every reply; it can wait until the
    message is in a mailbox and return its header.
  - A refusal is a result, not a failure, unless O(expect_code) says otherwise.
  - Nothing of the host changes, so it never reports a change.
options:
  host:
    description: Name or address of the server.
    type: str
    required: true
  port:
    description: Port of the server.
    type: int
    default: 25
  source_address:
    description: Own address to connect from.
    type: str
  helo:
    description: Name to say in EHLO. By default the host's own.
    type: str
  mail_from:
    description: Envelope sender; an empty one is the null sender.
    type: str
    required: true
  rcpt_to:
    description: Envelope recipients.
    type: list
    elements: str
    required: true
  message:
    description: The message with its header.
    type: str
  headers:
    description:
      - Header fields of a message made here; C(From), C(To), C(Date) and C(Message-ID) are added
        where they are missing.
    type: dict
  body:
    description: Text of a message made here.
    type: str
  tls:
    description: V(starttls) asks for TLS after EHLO, V(implicit) begins with it.
    type: str
    choices: [none, starttls, implicit]
    default: none
  validate_certs:
    description: Whether certificates must be valid for the host, here and for O(wait_for_delivery).
    type: bool
    default: true
  ca_path:
    description: File of CA certificates to trust besides the system's.
    type: path
  username:
    description: User to authenticate as. Needs O(tls), so that no password travels in clear.
    type: str
  password:
    description: Password of O(username).
    type: str
  timeout:
    description: Seconds the SMTP session may take.
    type: float
    default: 30
  expect_code:
    description: Reply codes one of which must end the session; others fail the task.
    type: list
    elements: int
  wait_for_delivery:
    description:
      - Where to wait for the message, if it was accepted. The task fails if it does not arrive.
    type: dict
    suboptions:
      imap_host:
        description: Name or address of the IMAP server.
        type: str
        required: true
      imap_port:
        description: Port of IMAP with implicit TLS.
        type: int
        default: 993
      username:
        description: User of the mailbox.
        type: str
        required: true
      password:
        description: Password of the user.
        type: str
        required: true
      mailbox:
        description: Mailbox to look in.
        type: str
        default: INBOX
      timeout:
        description: Seconds to wait.
        type: float
        default: 60
      message_id:
        description: Message-ID to look for, by default that of the message.
        type: str
attributes:
  check_mode:
    description: Nothing is sent; the task is skipped.
    support: none
"""

EXAMPLES = r"""
- name: GTUBE is refused
  mailfleet.filter.mail_probe:
    host: dolores.example.net
    mail_from: sender@goodcorp.example
    rcpt_to: [alice@example.net]
    body: "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
    expect_code: [554]

- name: A user's mail arrives
  mailfleet.filter.mail_probe:
    host: charlotte.example.net
    port: 587
    tls: starttls
    username: alice@example.net
    password: "{{ vault_alice_password }}"
    mail_from: alice@example.net
    rcpt_to: [bob@example.net]
    headers: {Subject: probe}
    body: hello
    expect_code: [250]
    wait_for_delivery:
      imap_host: charlotte.example.net
      username: bob@example.net
      password: "{{ vault_bob_password }}"
"""

RETURN = r"""
code:
  description: Code of the reply that ended the session.
  type: int
  returned: a server answered
  sample: 554
text:
  description: Text of that reply with its enhanced code; lines joined by newlines.
  type: str
  returned: a server answered
  sample: 5.7.1 Gtube pattern
enhanced_code:
  description: Enhanced status code of that reply, or V(null).
  type: str
  returned: a server answered
  sample: 5.7.1
accepted:
  description: Whether the message was taken for at least one recipient.
  type: bool
  returned: a server answered
refused_at:
  description:
    - Stage that was refused (C(connect), C(helo), C(starttls), C(auth), C(mail), C(rcpt), C(data),
      C(message)), or V(null).
  type: str
  returned: always
recipients:
  description: Reply for each recipient, with C(code) and C(text).
  type: dict
  returned: a server answered
queue_id:
  description: Queue id the server named, or V(null).
  type: str
  returned: a server answered
message_id:
  description: Message-ID of the message, or V(null).
  type: str
  returned: always
delivery:
  description:
    - The message as it arrived, with C(headers) (list of name and value), C(size) and C(body_size)
      in octets and C(seconds) it took.
  type: dict
  returned: O(wait_for_delivery) is given and the message was accepted
"""

import contextlib
import email.parser
import email.utils
import re
import signal
import socket
import ssl
from collections.abc import Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mailfleet.filter.plugins.module_utils import imap_wait, smtp_probe

_FIELD_NAME = re.compile(r"[!-9;-~]+\Z")  # RFC 5322, section 2.2
_BARE_NEWLINE = re.compile(r"\n(?![ \t])|\r")

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 25},
    "source_address": {"type": "str"},
    "helo": {"type": "str"},
    "mail_from": {"type": "str", "required": True},
    "rcpt_to": {"type": "list", "elements": "str", "required": True},
    "message": {"type": "str"},
    "headers": {"type": "dict"},
    "body": {"type": "str"},
    "tls": {"type": "str", "choices": ["none", "starttls", "implicit"], "default": "none"},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "timeout": {"type": "float", "default": 30.0},
    "expect_code": {"type": "list", "elements": "int"},
    "wait_for_delivery": {
        "type": "dict",
        "options": {
            "imap_host": {"type": "str", "required": True},
            "imap_port": {"type": "int", "default": 993},
            "username": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "mailbox": {"type": "str", "default": "INBOX"},
            "timeout": {"type": "float", "default": 60.0},
            "message_id": {"type": "str"},
        },
    },
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        mutually_exclusive=[("message", "headers"), ("message", "body")],
        required_one_of=[("message", "headers", "body")],
        required_together=[("username", "password")],
        supports_check_mode=False,
    )
    params = module.params
    result: dict[str, Any] = {"changed": False, "refused_at": None, "message_id": None}
    try:
        _check(params)
        text = params["message"] if params["message"] is not None else _compose(params)
        result["message_id"] = email.parser.HeaderParser().parsestr(text)["Message-ID"]
        outcome = _send(params, text)
        result.update(_described(outcome))
        expected = params["expect_code"]
        if expected and outcome.reply.code not in expected:
            wanted = " or ".join(map(str, expected))
            reply = f"{outcome.reply.code} {outcome.reply.text}"
            module.fail_json(msg=f"expected {wanted}, got at {outcome.stage}: {reply}", **result)
        if params["wait_for_delivery"] and outcome.accepted:
            result["delivery"] = _delivery(params, result["message_id"])
    except smtp_probe.ProbeError as error:
        result["refused_at"] = error.stage
        module.fail_json(msg=f"{params['host']}:{params['port']}: {error}", **result)
    except (imap_wait.DeliveryError, ValueError, OSError) as error:
        module.fail_json(msg=str(error), **result)
    module.exit_json(**result)


def _check(params: dict[str, Any]) -> None:
    if params["username"] is not None and params["tls"] == "none":
        raise ValueError("username without tls: the password would travel in clear; set tls")
    if not params["rcpt_to"]:
        raise ValueError("rcpt_to is empty: name at least one recipient")
    for address in (params["mail_from"], *params["rcpt_to"]):
        if not address.isascii() or not address.isprintable() or any(c in address for c in "<> "):
            raise ValueError(f"{address!r} is not an envelope address: write it as user@domain")


def _compose(params: dict[str, Any]) -> str:
    """Make a message of headers and body; refuses values that would add header fields."""
    headers: dict[str, str] = {k: str(v) for k, v in (params["headers"] or {}).items()}
    for name, value in headers.items():
        if not _FIELD_NAME.match(name) or _BARE_NEWLINE.search(value):
            raise ValueError(f"header {name!r} is not a field: no line ends but before a blank")
    given = {name.lower() for name in headers}
    domain = params["helo"] or params["mail_from"].rpartition("@")[2] or socket.getfqdn()
    defaults = {
        "From": f"<{params['mail_from']}>" if params["mail_from"] else f"<postmaster@{domain}>",
        "To": ", ".join(f"<{recipient}>" for recipient in params["rcpt_to"]),
        "Date": email.utils.formatdate(localtime=False),
        "Message-ID": email.utils.make_msgid(domain=domain),
    }
    headers.update({name: v for name, v in defaults.items() if name.lower() not in given})
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return "\n".join([*lines, "", params["body"] or ""])


def _context(params: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=None)
    if params["ca_path"]:
        context.load_verify_locations(cafile=params["ca_path"])
    if not params["validate_certs"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _send(params: dict[str, Any], text: str) -> smtp_probe.Outcome:
    session = smtp_probe.Session(
        host=params["host"],
        port=params["port"],
        helo=params["helo"] or socket.getfqdn(),
        tls=params["tls"],
        source_address=params["source_address"],
        context=_context(params) if params["tls"] != "none" else None,
        username=params["username"],
        password=params["password"],
        timeout=params["timeout"],
    )
    # A message may hold octets that are no UTF-8; Ansible hands them over as surrogates.
    content = text.encode("utf-8", "surrogateescape")
    with _time_limit(params["timeout"]):
        return smtp_probe.send(session, params["mail_from"], params["rcpt_to"], content)


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in what runs inside: a server that drips octets resets socket timeouts."""

    def stop(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"the session took longer than {seconds:g} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _described(outcome: smtp_probe.Outcome) -> dict[str, Any]:
    return {
        "code": outcome.reply.code,
        "text": outcome.reply.text,
        "enhanced_code": outcome.reply.enhanced,
        "accepted": outcome.accepted,
        "refused_at": outcome.refused_at,
        "queue_id": outcome.reply.queue_id if outcome.accepted else None,
        "recipients": {
            name: {"code": reply.code, "text": reply.text}
            for name, reply in outcome.recipients.items()
        },
    }


def _delivery(params: dict[str, Any], message_id: str | None) -> dict[str, Any]:
    wait = params["wait_for_delivery"]
    wanted = wait["message_id"] or message_id
    if not wanted:
        raise ValueError("the message has no Message-ID: give wait_for_delivery.message_id")
    mailbox = imap_wait.Mailbox(
        host=wait["imap_host"],
        port=wait["imap_port"],
        username=wait["username"],
        password=wait["password"],
        mailbox=wait["mailbox"],
        context=_context(params),
        timeout=wait["timeout"],
    )
    arrived = imap_wait.wait_for(mailbox, wanted.strip())
    return {
        "headers": [list(one) for one in arrived.headers],
        "size": arrived.size,
        "body_size": arrived.body_size,
        "seconds": round(arrived.seconds, 3),
    }


if __name__ == "__main__":
    main()
