"""Marks that hosting panels leave in mail of their customers' scripts, and URLs that hide."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_GROUP: Final = ("compromised_hosts",)
_SENDER: Final = re.compile(r"[^:]+:\s(.+)$", re.DOTALL)
_VIA: Final = re.compile(r"authenticated_id: (.+)$", re.DOTALL)
_HIDDEN: Final = re.compile(r"/\.(?:[A-Za-z0-9]|\./)")
_MAX_PATH: Final = 4096


@check(
    "compromised_hosts",
    symbols=(
        Symbol("HAS_X_AS", 0.0, "There is an X-Authenticated-Sender header", _GROUP),
        Symbol("HAS_X_GMSV", 0.0, "There is an X-Get-Message-Sender-Via header", _GROUP),
        Symbol("URI_HIDDEN_PATH", 1.0, "A URL leads into a hidden directory", _GROUP),
    ),
)
def compromised_hosts(task: Task) -> list[Finding]:
    """Headers that name the customer who sent the mail; URLs with ``/.name/`` in their path."""
    message = task.message
    found: list[Finding] = []
    for symbol, name, user in (
        ("HAS_X_AS", "X-Authenticated-Sender", _SENDER),
        ("HAS_X_GMSV", "X-Get-Message-Sender-Via", _VIA),
    ):
        value = message.text(name)
        if value is not None:
            match = user.search(value)
            options = () if match is None else (match[1],)
            found.append(Finding(symbol, options, evidence=f"{name}: {value[:200]}"))
    for url in message.urls:
        if "/." not in url.path:
            continue  # nearly all
        path = re.split("[?#]", url.path[:_MAX_PATH], maxsplit=1)[0]
        if "/.well-known/" in path or "/.well_known/" in path:
            continue
        if _HIDDEN.search(path):
            found.append(Finding("URI_HIDDEN_PATH", (url.text,), evidence=f"URL {url.text}"))
            break
    return found
