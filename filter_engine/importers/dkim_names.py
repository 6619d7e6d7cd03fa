"""Domains and selectors of DKIM as an environment names them: both become parts of a path.

Source: RFC 6376, sections 3.1 (selectors are sub-domains) and 3.5; underscores occur in both.
"""

from __future__ import annotations

import re

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_MAX = 253


def is_dkim_name(text: str) -> bool:
    """Whether it is a domain or a selector: labels of letters, digits, ``-`` and ``_``.

    A domain of other letters is written in its ASCII form (``xn--``).
    """
    return len(text) <= _MAX and _NAME.match(text) is not None
