"""What a message goes through before it reaches the site: signed, sealed, changed on its way."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dkim

from lab.internet_services import SCRIPTS
from lab.lab import Lab
from lab.mail import signing_key

Step = Mapping[str, Any]
_HEADERS = (b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type")
_PEM = re.compile(r"-----[^-]+-----|\s")


def walk(lab: Lab, message: bytes, steps: Sequence[Step]) -> bytes:
    """Take the steps in order; each is a mapping of one name in STEPS to its argument.

    Raises KeyError for an unknown step, LabError for a domain that does not sign.
    """
    for step in steps:
        ((name, argument),) = step.items()
        message = STEPS[name](lab, message, argument)
    return message


class _Signer(dkim.DKIM):  # type: ignore[misc]  # dkimpy has no types
    """dkimpy's signer, which also writes tags that it does not know, such as x=."""

    further: Sequence[tuple[bytes, bytes]] = ()

    def gen_header(
        self, fields: list[tuple[bytes, bytes]], *arguments: object, **named: object
    ) -> bytes:
        known = {name: value for name, value in fields if name != b"b"}
        fields[:] = [*(known | dict(self.further)).items(), (b"b", b"0" * 60)]
        return bytes(super().gen_header(fields, *arguments, **named))


def sign(lab: Lab, message: bytes, how: Step) -> bytes:
    """DKIM-Signature of `domain` and `selector`.

    `expires` and `made` are seconds from now, `sha1` and `length` (sign the body up to here) are
    switches, `as` is a selector to claim instead of the key's own.
    """
    domain = str(how["domain"])
    selector, algorithm, key = signing_key(lab, domain, str(how.get("selector", "")))
    signer = _Signer(message)
    now = int(time.time())
    signer.further = [
        (tag, str(now + int(how[name])).encode())
        for tag, name in ((b"t", "made"), (b"x", "expires"))
        if name in how
    ]
    header = signer.sign(
        str(how.get("as", selector.decode())).encode(),
        domain.encode(),
        key,
        b"rsa-sha1" if how.get("sha1") else algorithm,
        canonicalize=(b"relaxed", b"relaxed"),
        include_headers=_HEADERS,
        length=bool(how.get("length")),
    )
    return bytes(header) + message


def seal(lab: Lab, message: bytes, how: Step) -> bytes:
    """One ARC set of `domain`, whose server found `results`; `chain` is the state so far."""
    domain = str(how["domain"])
    selector, _, key = signing_key(lab, domain, "arc")
    found = f"Authentication-Results: {domain}; {how['results']}\r\n".encode()
    order = {
        "message": base64.b64encode(found + message).decode(),
        "server": domain,
        "domain": domain,
        "selector": selector.decode(),
        "key": _PEM.sub("", key.decode()),
        "chain": how.get("chain", "none"),
    }
    script = ["perl", f"{SCRIPTS}/seal_mail.pl"]
    sealed = lab.ssh.run(lab.internet.name, script, stdin=json.dumps(order)).stdout
    # The field was for the sealer; a border takes it off.
    return sealed.replace(found, b"", 1)


def add(_lab: Lab, message: bytes, lines: Mapping[str, str]) -> bytes:
    """Header fields at the top."""
    return "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode() + message


def replace(_lab: Lab, message: bytes, lines: Mapping[str, str]) -> bytes:
    """New values of header fields that are there once."""
    for name, value in lines.items():
        pattern = rb"(?mi)^" + re.escape(name.encode()) + rb": .*\r\n"
        message, count = re.subn(pattern, f"{name}: {value}\r\n".encode(), message, count=1)
        if not count:
            raise KeyError(name)
    return message


def remove(_lab: Lab, message: bytes, name: str) -> bytes:
    """Take every field of that name out."""
    head, rest = message.split(b"\r\n\r\n", 1)
    pattern = rb"(?mi)^" + re.escape(name.encode()) + rb":.*(\r\n[ \t].*)*(\r\n|\Z)"
    return re.sub(pattern, b"", head + b"\r\n").rstrip(b"\r\n") + b"\r\n\r\n" + rest


def append(_lab: Lab, message: bytes, text: str) -> bytes:
    """A line more at the end of the body."""
    return message + f"{text}\r\n".encode()


STEPS: Mapping[str, Callable[[Lab, bytes, Any], bytes]] = {
    "sign": sign,
    "seal": seal,
    "add": add,
    "replace": replace,
    "remove": remove,
    "append": append,
}
