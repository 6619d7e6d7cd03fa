"""Words of a text: split, normalised, without the URLs and addresses between them."""

from __future__ import annotations

import re
import unicodedata
from codecs import charmap_decode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Final, NamedTuple

MAX_WORDS: Final = 8192
"""Words of one text that are read."""
_MAX_TEXT: Final = 1 << 19
"""Characters of one text that are read as words."""
# Unicode Text Segmentation (UAX 29): an apostrophe between letters, and a dot or a comma between
# digits, do not part a word; nor does an at sign (CLDR 42), but what begins with one is no word,
# as in Rspamd. A sign of a currency is a word of its own.
_WORD: Final = re.compile(
    r"(?<!@)\w[\w@]*"
    r"(?:(?:(?<=[^\W\d_])['\u2019](?=[^\W\d_])|(?<=\d)['\u2019.,;](?=\d))[\w@]+)*"
    r"|[$\u20ac\u00a3]"
)
_LINK: Final = "\x01"
"""Stands for a link, as a word of its own."""
_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_AFTER_AT: Final = re.compile(r"@(?<![\w@]@)[\w@]+")
# Digits above, in circles and of fractions, and signs of trade marks: normal form KC would make
# words of them.
_ORNAMENTS: Final = re.compile(
    "[\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u2089\u2120\u2122\u2150-\u215f\u2460-\u249b\u24ea-\u24ff\u2776-\u2793]"
)
_JOINTS: Final = str.maketrans("", "", "@'\u2019.,;")
_JOINT: Final = re.compile("[@'\u2019.,;]")
# The same for texts of ASCII and of these charsets, a fifth of the cost: joints are taken out, what
# parts words becomes a blank.
_CHARSETS: Final = ("latin-1", "cp1252")
_QUOTE: Final = "\u2019"
_CURRENCIES: Final = "$\u20ac\u00a3"
_DIGITS_AND_JOINTS: Final = bytes(
    ord("0") if sign.isdigit() else ord(".") if sign in ".,;" else ord(" ")
    for sign in map(chr, range(128))
).ljust(256)
_JOINED_DIGITS: Final = b"0.0"
_AT: Final = ord("@")


def split_words(text: str, left_out: Sequence[range] = ()) -> list[str]:
    """The words of a text in order, in lower case and normal form KC, at most ``MAX_WORDS``.

    What stands in ``left_out`` (places in order) is not looked at.
    """
    text = _without(text[:_MAX_TEXT], left_out, " ") if left_out else text[:_MAX_TEXT]
    if _LINK in text:
        text = text.replace(_LINK, " ")  # a stranger's are no links, and may be half a million
    return _split(text)[0]


def split_around(text: str, links: Sequence[range]) -> tuple[list[str], list[int] | None]:
    """``split_words(text, links)``, and where each link would stand if it were a word among them.

    None where that cannot be told.
    """
    text = text[:_MAX_TEXT]
    if not links or _LINK in text:
        return split_words(text, links), None if links else []
    text = _without(text, links, f" {_LINK} ")
    words: list[str] = []
    places: list[int] = []
    for taken, piece in enumerate(_split(text)):
        if taken:
            places.append(len(words) + taken - 1)
        words += piece
    if len(words) + len(places) > MAX_WORDS:
        return words[:MAX_WORDS], None
    return words, places


def _split(text: str) -> list[list[str]]:
    """The words before, between and after the links, each time at most ``MAX_WORDS``."""
    if "@" in text:
        text = _AFTER_AT.sub(" ", text)
    normal = _normal_western(text)
    if normal is not None:
        found = [piece.split(None, MAX_WORDS) for piece in normal.split(_LINK)]
        return [words if len(words) <= MAX_WORDS else words[:MAX_WORDS] for words in found]
    # A search costs as much for each blank as for a letter, and pages are full of them.
    text = _normal(" ".join(text.split()))
    found = [_WORD.findall(piece)[:MAX_WORDS] for piece in text.split(_LINK)]
    if _JOINT.search(text) is None:
        return found
    return [
        [word if word.isalnum() else word.translate(_JOINTS) for word in words] for words in found
    ]


def _normal(text: str) -> str:
    """The text in lower case and normal form KC."""
    text = unicodedata.normalize("NFKC", _ORNAMENTS.sub(" ", text.lower()))
    # Accents that no letter took, such as of the Turkish capital I in lower case, part no word.
    return _ACCENTS.sub("", text)


def _normal_western(text: str) -> str | None:
    """``text`` with nothing but words in normal form, and links; None: of no charset here."""
    if text.isascii():
        return _normal_octets(text.encode("ascii"), "ascii")
    for charset in _CHARSETS:
        with suppress(UnicodeEncodeError):
            return _normal_octets(text.encode(charset), charset)
    return None


def _normal_octets(octets: bytes, charset: str) -> str:
    signs = _signs(charset)
    if signs.quote and signs.quote in octets:
        octets = octets.replace(signs.quote, b"'")
    if b"'" in octets:
        octets = signs.apostrophe.sub(b"", octets)
    if joined := joints(octets):
        left = bytearray(octets)
        for at in joined:
            left[at] = _AT  # which goes
        octets = bytes(left)
    for currency in signs.currencies:
        if currency in octets:
            octets = octets.replace(currency, b" %b " % currency)
    if charset == "ascii":
        return octets.translate(signs.octets, b"@").decode("ascii")
    return charmap_decode(octets.replace(b"@", b""), "strict", signs.words)[0]


def joints(octets: bytes | bytearray) -> Sequence[int]:
    """Where a dot, a comma or a semicolon stands between digits of ASCII."""
    marked = octets.translate(_DIGITS_AND_JOINTS)
    at = marked.find(_JOINED_DIGITS)
    if at < 0:
        return ()
    found = []
    while at >= 0:
        found.append(at + 1)
        at = marked.find(_JOINED_DIGITS, at + 2)
    return found


class _Signs(NamedTuple):
    """What the octets of a charset are to words."""

    words: str
    """What each becomes: a sign of a word in normal form, or a blank."""
    octets: bytes
    """The same of those of ASCII."""
    apostrophe: re.Pattern[bytes]
    """One between letters, or between digits; it begins with the sign, which is found fast."""
    quote: bytes
    """The other apostrophe; empty without one."""
    currencies: tuple[bytes, ...]


@cache
def _signs(charset: str) -> _Signs:
    signs = [_normal(bytes([octet]).decode(charset, "replace")) for octet in range(256)]
    words = "".join(sign if sign == _LINK or _WORD.fullmatch(sign) else " " for sign in signs)
    letters = re.escape(bytes(octet for octet in range(256) if words[octet].isalpha()))
    return _Signs(
        words,
        words[:128].encode("ascii").ljust(256),
        re.compile(rb"'(?:(?<=[%b].)(?=[%b])|(?<=\d.)(?=\d))" % (letters, letters)),
        _QUOTE.encode(charset, "ignore"),
        tuple(filter(None, (sign.encode(charset, "ignore") for sign in _CURRENCIES))),
    )


def with_blanks(text: str) -> str:
    """``text`` with blanks for what begins with an at sign, which is no word."""
    return _AFTER_AT.sub(lambda found: " " * len(found[0]), text) if "@" in text else text


def find_words(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """The words between two places of a text ``with_blanks`` as they are written, with places."""
    return _WORD.finditer(text, start, end)


def _without(text: str, left_out: Sequence[range], between: str) -> str:
    pieces = []
    end = 0
    for place in left_out:
        if place.start >= end:
            pieces.append(text[end : place.start])
            end = place.stop
    pieces.append(text[end:])
    return between.join(pieces)
