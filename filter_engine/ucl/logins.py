"""Hiding the login of a URL: ``redis://:secret@host`` becomes ``redis://***@host``.

Passwords are often written as they are, so that one may hold ``/``, ``:`` or ``@``: all between the
scheme and the last ``@`` of the word counts as login, which at times hides a host name as well.
"""

from __future__ import annotations

import re

#: Not over quotes: a message quotes a value and goes on.
LOGIN = re.compile(r"(?<=://)[^\s\"'<>]+(?=@)")


def hide_logins(text: str, instead: str = "***") -> str:
    """The text with ``instead`` in place of the logins of its URLs."""
    return LOGIN.sub(instead, text) if "://" in text else text
