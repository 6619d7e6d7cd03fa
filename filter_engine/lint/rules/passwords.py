"""Passwords of the controller, and passwords everybody knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b

from filter_engine.config.findings import Finding
from filter_engine.config.workers import ControllerConfig
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation
from filter_engine.lint.tree import scalars, text, texts
from filter_engine.ucl.nodes import UclScalar

_HASH = re.compile(r"\$[12]\$[^$]+\$[^$]+\Z")
_KEYS = ("password", "enable_password")
#: The first that anybody tries.
_WORDS = frozenset(
    """
    12345 123456 admin changeme controller default letmein mypassword pass password q1 q2 rspamd
    secret test
    """.split()  # noqa: SIM905  # a table to read
)
#: BLAKE2b (8 bytes) of passwords and hashes that manuals print: the reference site's three, and
#: the examples of Rspamd's documentation.
_PUBLISHED = frozenset(
    {
        "8eedf3d6e3001135",
        "425175ebf5b7c405",
        "47abe55fb0bfe0f3",
        "df4c96e4633638de",
    }
)
_HINT = "write the output of: filter-engine pw"


def _controller_passwords(situation: Situation) -> Iterator[tuple[str, str, UclScalar]]:
    for placed in situation.workers:
        if isinstance(placed.worker, ControllerConfig) and placed.worker.active:
            for key in _KEYS:
                for value, node in texts(placed.section, key):
                    yield key, value, node


@rule(
    "plain-password",
    doc="A password of the controller stands in clear: whoever reads the file, a backup or the "
    "repository has it.",
)
def plain_password(situation: Situation) -> Iterator[Finding]:
    """Hashes are written by ``filter-engine pw`` and ``rspamadm pw``."""
    for key, value, node in _controller_passwords(situation):
        if value and not _HASH.match(value):
            yield situation.finding(
                "plain-password",
                node.origin,
                f"{key} stands in clear: whoever reads this file, its backup or its repository "
                "may command the controller",
                _HINT,
            )


@rule(
    "known-password",
    doc="A password is empty, one of the first that anybody tries, or printed in a manual "
    "(its hash too).",
)
def known_password(situation: Situation) -> Iterator[Finding]:
    """Also Redis' passwords."""
    for path, node in scalars(situation.config.tree):
        if path[-1] not in (*_KEYS, "sentinel_password") or situation.is_shipped(node.origin):
            continue
        value = text(node)
        if not value and "controller" not in path:
            continue  # a Redis without a password
        if not value:
            what = "is empty"
        elif value.lower() in _WORDS:
            what = "is one of the first that anybody tries"
        elif (
            blake2b(value.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
            in _PUBLISHED
        ):
            what = "is printed in a manual that everybody can read"
        else:
            continue
        hint = _HINT if "controller" in path else "write a random one: pwgen --secure 32 1"
        yield situation.finding("known-password", node.origin, f"{path[-1]} {what}", hint)


@rule(
    "same-passwords",
    doc="enable_password is the same as password: whoever may read may change everything too.",
)
def same_passwords(situation: Situation) -> Iterator[Finding]:
    """Two passwords have a sense only when they differ."""
    for placed in situation.workers:
        if not isinstance(placed.worker, ControllerConfig) or not placed.worker.active:
            continue
        reading = {value for value, _ in texts(placed.section, "password") if value}
        for value, node in texts(placed.section, "enable_password"):
            if value in reading:
                yield situation.finding(
                    "same-passwords",
                    node.origin,
                    "enable_password is the same as password: who may read may change everything",
                    "write another one, or leave enable_password out, which says the same",
                )
