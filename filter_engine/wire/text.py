"""Text on its way out: no half character can make an encoder raise.

Octets that were no UTF-8 travel through the engine as the surrogates U+DC80 to U+DCFF (PEP 383) and
leave as they came. Any other surrogate stands for nothing: some decoders (UTF-7, for one) make them
from what a sender wrote. They become U+FFFD.
"""

from __future__ import annotations

import re
from typing import Any

_HALF_CHARACTER = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def octets(text: str) -> bytes:
    """UTF-8, with the octets that surrogates stand for; never raises."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        whole = _HALF_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)
        return whole.encode("utf-8", "surrogateescape")


def as_unicode(text: str) -> str:
    """Text that UTF-8 can hold: octets that were no UTF-8 become U+FFFD as well; never raises."""
    if text.isascii():
        return text
    return octets(text).decode("utf-8", "replace")


def data_as_unicode(value: Any) -> Any:
    """Plain data with every text in it, keys too, as ``as_unicode`` gives it."""
    if isinstance(value, str):
        return as_unicode(value)
    if isinstance(value, dict):
        return {as_unicode(key): data_as_unicode(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [data_as_unicode(inner) for inner in value]
    return value
