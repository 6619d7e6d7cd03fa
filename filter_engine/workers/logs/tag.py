"""The tag that all lines of one message share, on the way to a scanner and there.

It is kept in the context of the asyncio task that handles the message; the driver of the checks
goes on in that context, whoever brings an answer. Lines about a shared connection have no tag.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from random import getrandbits
from typing import Final

from filter_engine.config.addresses import AddressSet
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.task import client_ip

HEADER: Final = "Log-Tag"
"""Of a scan request: the tag that the asker's lines have. Rspamd's name for it."""
_SOUND = re.compile(r"[A-Za-z0-9._:-]{1,64}")

_TAG: ContextVar[str] = ContextVar("log_tag", default="")
_DEBUGGED: ContextVar[bool] = ContextVar("log_debugged", default=False)


class Debugging:
    """Whose messages are logged at debug level; one a process."""

    clients: AddressSet | None = None


def begin_message(envelope: Envelope) -> str:
    """The lines of this context are from now on those of a message; returns their tag.

    It is the asker's where the request names a sound one, else a new one.
    """
    tag = ""
    if envelope.request_headers:
        tag = envelope.request_header(HEADER) or ""
    if not tag or _SOUND.fullmatch(tag) is None:
        tag = f"{getrandbits(48):012x}"
    _TAG.set(tag)
    if Debugging.clients is not None:
        ip = client_ip(envelope.ip)
        _DEBUGGED.set(ip is not None and ip in Debugging.clients)
    return tag


def log_tag() -> str:
    """The tag of the message that is worked on; empty when it is none."""
    return _TAG.get()


def is_debugged() -> bool:
    """Whether the message that is worked on comes from one of ``debug_ip``."""
    return _DEBUGGED.get()
