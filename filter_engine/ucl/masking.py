"""Hiding what may be a secret in a line that an error shows."""

from __future__ import annotations

import re

from filter_engine.ucl.logins import LOGIN

MASK = "***"
"""What stands for a hidden value."""

#: Parts of key names whose values are secrets.
_SECRETS = ("passw", "passphrase", "pwd", "secret", "token", "credential", "priv", "apikey")
#: Words that make a secret only as a key's last part: ``key``, ``encryption_key``, ``keypair``.
_LAST = ("key", "keypair", "pass")

_KEY = (
    rf"(?:[\w./-]*(?:{'|'.join(_SECRETS)})[\w./-]*|(?:[\w./]*[_.-])?(?:{'|'.join(_LAST)}))"
    r"(?![\w./-])"
)
_START = r"(?<![\w./-])"
_SECRET_KEY = re.compile(rf"{_START}{_KEY}[\"']?[ \t]*[=: \t][ \t]*", re.IGNORECASE)
#: A secret's value that continues from the lines before: after its key, or inside its array.
_OPEN_BEFORE = re.compile(
    rf"{_START}{_KEY}[\"']?[ \t]*[=:]?\s*(?:\[[^\]]*|<<\w*\s[^;]*|'[^']*)?\Z", re.IGNORECASE
)
#: Characters before the line that are looked at.
CONTEXT = 400


def mask(line: str, before: str = "") -> str:
    """``line`` with the value of a key that looks secret, and all after it, hidden.

    ``before`` is the text before the line, of which the last ``CONTEXT`` characters count.
    """
    if _OPEN_BEFORE.search(before[-CONTEXT:]):
        return MASK
    login = LOGIN.search(line)
    if login is not None:
        line = line[: login.start()] + MASK
    match = _SECRET_KEY.search(line)
    if match is None or not line[match.end() :].strip(" \t\r\"'{[;,"):
        return line
    return line[: match.end()] + MASK
