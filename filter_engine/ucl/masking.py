"""Hiding what may be a secret where no schema says so: told by its name."""

from __future__ import annotations

import re

from filter_engine.ucl.logins import LOGIN, hide_logins

MASK = "***"
"""What stands for a hidden value."""

HIDDEN = "(hidden)"
"""What stands for one in a report, a diff or a dump."""

#: Parts of key names whose values are secrets: of ``api_key``, ``X-Api-Key``, ``apiKeys``.
_PARTS = (
    "passwo?r?d",
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "(?<!max_)(?<!min_)(?<!store_)token(?!i|s?_bucket|_hits)",
    "credential",
    "priv(?:ate)?[_-]?key",
    "(?:api|encryption|master|fuzzy)[_-]?key",
    "authori[sz]ation",
    "bearer",
    "request_header",
)
#: Words that make a secret only as a key's last part: ``key``, ``encryption_key``, ``keypair``.
_LAST = ("key", "keypair", "pass")

SECRET_NAME = (
    rf"(?:[\w./-]*(?:{'|'.join(_PARTS)})[\w./-]*|(?:[\w./-]*[_.-])?(?:{'|'.join(_LAST)})|auth)"
    r"(?![\w./-])"
)
"""A key that looks as if its value were a secret (regular expression, to be read without case).

For texts that no schema speaks of; where one does, ``Option.secret`` decides."""

# Patterns as text: the library compiles them at their first use, which few commands come to.
_KEY = SECRET_NAME
_START = r"(?<![\w./-])"
_SECRET_KEY = rf"(?i:{_START}{_KEY}[\"']?[ \t]*[=: \t][ \t]*)"
#: A secret's value that continues from the lines before: after its key, or inside its array.
_OPEN_BEFORE = rf"(?i:{_START}{_KEY}[\"']?[ \t]*[=:]?\s*(?:\[[^\]]*|<<\w*\s[^;]*|'[^']*)?\Z)"
#: Characters before the line that are looked at.
CONTEXT = 400


def is_secret_name(name: str) -> bool:
    """Whether an option without a schema holds a secret, told by its name."""
    return re.fullmatch(SECRET_NAME, name, re.IGNORECASE) is not None


#: A parameter of a URL: ``?token=x``, ``&api_key=x``.
_PARAMETER = r"(?<=[?&;])(?P<name>[\w.-]+)=(?P<value>[^&;#\s\"'<>]+)"
#: The customer's key in the zone of a list in DNS: ``KEY.zen.dq.spamhaus.net``.
_ACCOUNT = (
    r"(?i:(?<![\w.-])[A-Za-z0-9]{8,}"
    r"(?=(?:\.[\w-]+)*\.(?:dq\.spamhaus\.net|mail\.abusix\.zone)\b))"
)


def hide_in_text(text: str, instead: str = MASK) -> str:
    """A value of no secret name, or a message that quotes one, without the secrets inside it.

    These are logins and parameters of URLs, and keys in names of lists in DNS.
    """
    if "://" in text:
        text = hide_logins(text, instead)
    if "=" in text:
        text = re.sub(
            _PARAMETER,
            lambda found: (
                f"{found['name']}={instead}" if is_secret_name(found["name"]) else found[0]
            ),
            text,
        )
    return re.sub(_ACCOUNT, instead, text) if "." in text else text


def mask(line: str, before: str = "") -> str:
    """``line`` with the value of a key that looks secret, and all after it, hidden.

    ``before`` is the text before the line, of which the last ``CONTEXT`` characters count.
    """
    if re.search(_OPEN_BEFORE, before[-CONTEXT:]):
        return MASK
    login = LOGIN.search(line)
    if login is not None:
        line = line[: login.start()] + MASK
    match = re.search(_SECRET_KEY, line)
    if match is None or not line[match.end() :].strip(" \t\r\"'{[;,"):
        return line
    return line[: match.end()] + MASK
