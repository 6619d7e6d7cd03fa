"""Reading a user's mailbox over IMAP, as a mail client does."""

from __future__ import annotations

import imaplib
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

FOLDERS = ("INBOX", "Junk")
PATIENCE = 120.0
"""Seconds for an answer: Dovecot may wait that long for a mailbox that a delivery holds."""
_SPECIAL = re.compile(r'["\\\r\n]')


@dataclass(frozen=True)
class Delivered:
    """A message as it lies in a folder."""

    folder: str
    raw: bytes


@contextmanager
def _login(host: str, user: str, password: str) -> Iterator[imaplib.IMAP4_SSL]:
    # The lab's certificates are self-signed: nobody vouches for them here.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    client = imaplib.IMAP4_SSL(host, 993, ssl_context=context, timeout=PATIENCE)
    try:
        client.login(user, password)
        yield client
    finally:
        with suppress(OSError, imaplib.IMAP4.error):  # what went wrong before is what counts
            client.logout()


def _matching(
    client: imaplib.IMAP4_SSL, part: str, *, readonly: bool = False
) -> Iterator[tuple[str, str]]:
    """Each folder with messages whose Message-ID contains that part, selected; and their UIDs.

    Raises ValueError for a part that a search cannot hold.
    """
    if _SPECIAL.search(part):
        raise ValueError(f"not plain in a Message-ID: {part!r}")
    for folder in FOLDERS:
        if client.select(folder, readonly=readonly)[0] != "OK":
            continue
        numbers = client.uid("SEARCH", f'HEADER Message-ID "{part}"')[1][0].split()
        if numbers:
            yield folder, b",".join(numbers).decode()


def _fetch(client: imaplib.IMAP4_SSL, numbers: str, what: str = "") -> list[bytes]:
    """Messages of the selected folder by their UIDs, whole or their part ``what``."""
    _, data = client.uid("FETCH", numbers, f"(BODY.PEEK[{what}])")
    return [one[1] for one in data if isinstance(one, tuple)]


def find(host: str, user: str, password: str, message_id: str) -> list[Delivered]:
    """Every copy of a message in the user's folders, whole."""
    with _login(host, user, password) as client:
        return [
            Delivered(folder, raw)
            for folder, numbers in _matching(client, message_id, readonly=True)
            for raw in _fetch(client, numbers)
        ]


def wait(
    host: str, user: str, password: str, message_id: str, seconds: float = 30.0
) -> list[Delivered]:
    """Like ``find``, but asks again until a copy is there or the time is up.

    A host that is slow to answer is asked again too; at the end its error is raised.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            found = find(host, user, password, message_id)
        except OSError:
            if time.monotonic() >= end:
                raise
            found = []
        if found or time.monotonic() >= end:
            return found
        time.sleep(0.2)


def collect(
    host: str, user: str, password: str, wanted: set[str], seconds: float = 30.0
) -> dict[str, Delivered]:
    """Many messages by Message-ID, whole, as soon as all are there or the time is up."""
    found: dict[str, Delivered] = {}
    seen: set[tuple[str, bytes]] = set()
    end = time.monotonic() + seconds
    with _login(host, user, password) as client:
        while True:
            for folder in FOLDERS:
                if client.select(folder, readonly=True)[0] != "OK":
                    continue
                numbers = client.uid("SEARCH", "ALL")[1][0].split()
                new = [number for number in numbers if (folder, number) not in seen]
                seen.update((folder, number) for number in new)
                for raw in _fetch(client, b",".join(new).decode()) if new else ():
                    header = message_from_bytes(raw.partition(b"\r\n\r\n")[0])
                    message_id = str(header.get("Message-ID", "")).strip().strip("<>")
                    if message_id in wanted:
                        found[message_id] = Delivered(folder, raw)
            if len(found) == len(wanted) or time.monotonic() >= end:
                return found
            time.sleep(0.2)


def headers(host: str, user: str, password: str, part: str) -> list[Message]:
    """The header of every message whose Message-ID contains that part, copies too."""
    with _login(host, user, password) as client:
        return [
            message_from_bytes(raw)
            for _, numbers in _matching(client, part, readonly=True)
            for raw in _fetch(client, numbers, "HEADER")
        ]


def remove(host: str, user: str, password: str, part: str) -> None:
    """Delete every message whose Message-ID contains that part."""
    with _login(host, user, password) as client:
        for _, numbers in _matching(client, part):
            client.uid("STORE", numbers, "+FLAGS.SILENT", r"(\Deleted)")
            client.expunge()


def move(host: str, user: str, password: str, message_id: str, source: str, target: str) -> None:
    """Move a message from one folder into another (RFC 6851), as a user does.

    Raises LookupError unless the source has exactly one copy, and RuntimeError when the server
    refuses.
    """
    if _SPECIAL.search(message_id):
        raise ValueError(f"not a plain Message-ID: {message_id!r}")
    with _login(host, user, password) as client:
        client.select(source)
        found = client.uid("SEARCH", f'HEADER Message-ID "{message_id}"')[1][0].split()
        if len(found) != 1:
            raise LookupError(f"{len(found)} copies of {message_id} in {source}")
        status, said = client.uid("MOVE", found[0].decode(), target)
        if status != "OK":
            raise RuntimeError(f"{source} -> {target}: {said}")
