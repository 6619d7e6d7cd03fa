"""From bytes to text: the charsets of mail, labelled rightly, wrongly or not at all."""

from __future__ import annotations

import codecs
import encodings.aliases
import re
from collections.abc import Callable
from functools import cache, lru_cache
from pkgutil import iter_modules
from typing import Final

from filter_engine.message.defect import Defect

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NO_CHARSETS: Final = frozenset(
    {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"}
)
"""Text encodings of Python that are no charsets of mail."""
_MAX_LABEL: Final = 64
"""Characters of a charset label; no charset has a longer one, and strangers write them."""
_WIDER = {
    # What senders call by the narrower name and mean by the wider one (WHATWG Encoding, 4.2).
    "ascii": "utf-8",
    "us-ascii": "utf-8",
    "iso-8859-1": "windows-1252",
    "latin1": "windows-1252",
    "latin-1": "windows-1252",
    "iso8859-1": "windows-1252",
    "iso-8859-9": "windows-1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "unicode-1-1-utf-7": "utf-7",
    "utf8": "utf-8",
    "utf8mb4": "utf-8",
    "windows-31j": "cp932",
    "x-sjis": "cp932",
    "x-mac-roman": "mac-roman",
}


def codec_name(label: str) -> str | None:
    """Python's name of a charset label; None when it is not known or no text encoding."""
    return _codec_name(label) if len(label) <= _MAX_LABEL else None


@lru_cache(maxsize=256)
def _codec_name(label: str) -> str | None:
    name = label.strip().strip("\"'").lower().replace("_", "-")
    name = _WIDER.get(label.strip().lower(), _WIDER.get(name, name))
    for candidate in (name, name.replace("windows-", "cp"), name.removeprefix("x-")):
        if not _is_known(candidate):
            continue
        try:
            info = codecs.lookup(candidate)
        except (LookupError, ValueError):
            continue
        if info._is_text_encoding and info.name not in _NO_CHARSETS:
            return info.name
    return None


def _is_known(name: str) -> bool:
    """Whether to ask Python for it, which keeps every name that it was ever asked for."""
    plain = encodings.normalize_encoding(name)
    return plain in _known_names() or plain.replace(".", "_") in _known_names()


@cache
def _known_names() -> frozenset[str]:
    """Every name that Python knows a charset by."""
    modules = (module.name for module in iter_modules(encodings.__path__))
    return frozenset(modules) | frozenset(encodings.aliases.aliases)


def decode_bytes(data: bytes, label: str, note: Callable[[Defect], None] | None = None) -> str:
    """Text of bytes in the charset of that label, free of lone surrogates; never raises.

    An unknown charset, or bytes the charset does not allow, are reported to ``note`` and then
    read as UTF-8 if they are that, else with replacement characters.
    """
    text = _decode(data, label, note)
    if text.isascii() or not _SURROGATE.search(text):
        return text
    # UTF-7 and others let half a pair through, which no encoder takes and no rule expects.
    if note is not None:
        note(Defect.BAD_CHARSET)
    return _SURROGATE.sub("\ufffd", text)


def _decode(data: bytes, label: str, note: Callable[[Defect], None] | None) -> str:
    name = codec_name(label)
    if name is None:
        if note is not None:
            note(Defect.UNKNOWN_CHARSET)
        return decode_unlabelled(data)
    try:
        return data.decode(name)
    except (UnicodeError, ValueError):
        if note is not None:
            note(Defect.BAD_CHARSET)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if name == "utf-8":
        return decode_unlabelled(data)
    try:
        return data.decode(name, "replace")
    except (UnicodeError, ValueError):  # some multibyte codecs raise even so
        return data.decode("latin-1")


def decode_header_bytes(data: bytes) -> str:
    """Text of unencoded header bytes: UTF-8 (RFC 6532), replacement characters for anything else.

    Unlike in a body, no other charset is guessed: as Rspamd does, so that guessed letters match no
    rule.
    """
    return data.decode("utf-8", "replace")


def decode_unlabelled(data: bytes) -> str:
    """Text of bytes without a label: UTF-8 if they are that, else windows-1252."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")
