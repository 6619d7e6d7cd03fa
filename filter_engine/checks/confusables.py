# ruff: noqa: RUF001  # look-alikes are what this file is about
"""Letters that look like Latin ones, and names made of them (Unicode Technical Standard 39)."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

# Letter by letter: what is written, and the Latin letter it is taken for.
_PAIRS: Final = (
    # Cyrillic
    ("аеорсухіјѕһԁԛԝӏкмтвнпгьё", "aeopcyxijshdqwlkmtbhnrbe"),
    ("АЕОРСУХІЈЅԚԜКМТВНЬЁ", "AEOPCYXIJSQWKMTBHbE"),
    # Greek
    ("αορνικυτχγωηεςϲ", "aopvikutxywnecc"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
    # Armenian
    ("оսոհցօքզյ", "ounhgopqj"),
    # Cherokee
    ("ᎪᏴᏟᎠᎬᎻᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᏃ", "ABCDEHJKLMPRSTVWZ"),
    # Hebrew, Arabic and others by a stroke or a ring
    ("וןاه٥ס০", "lllooo0"),
)
_LATIN: Final = {
    sign: letter for signs, letters in _PAIRS for sign, letter in zip(signs, letters, strict=True)
}
_TABLE: Final = str.maketrans(_LATIN)


@lru_cache(maxsize=2048)
def can_alias_latin(sign: str) -> bool:
    """Whether a letter of another script is easily taken for a Latin letter."""
    if sign in _LATIN:
        return True
    plain = unicodedata.normalize("NFKD", sign)[:1]
    return plain != sign and plain.isascii()


def skeleton(name: str) -> str:
    """A name as it is read: look-alikes turned into Latin letters, marks taken off."""
    plain = unicodedata.normalize("NFKD", name.translate(_TABLE))
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).lower()


def looks_like(one: str, other: str) -> bool:
    """Whether two different names read the same, at least one of them by foreign letters."""
    one, other = as_unicode(one), as_unicode(other)
    if one == other or (one.isascii() and other.isascii()):
        return False
    return skeleton(one) == skeleton(other)


def is_spoofed(name: str) -> bool:
    """Whether a label mixes scripts, or is of another script but reads like Latin throughout."""
    name = as_unicode(name)
    if name.isascii():
        return False
    return any(_is_spoofed_label(label) for label in name.split(".")[:-1])


def _is_spoofed_label(label: str) -> bool:
    letters = [sign for sign in label if sign.isalpha()]
    foreign = [sign for sign in letters if not is_latin(sign)]
    if not foreign:
        return False
    if len(foreign) < len(letters):
        return any(sign in _LATIN for sign in foreign)
    return all(sign in _LATIN for sign in foreign)


def is_latin(sign: str) -> bool:
    """Whether a letter is of the Latin script, its phonetic extensions and marks included."""
    code = ord(sign)
    return code < 0x370 or 0x1E00 <= code < 0x1F00


def as_unicode(host: str) -> str:
    """A host as people see it: A-labels turned into U-labels; itself when they are bad."""
    if "xn--" not in host:
        return host
    try:
        return host.encode("ascii").decode("idna")
    except UnicodeError:
        return host
