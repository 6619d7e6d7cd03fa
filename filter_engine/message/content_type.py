"""Values with parameters: Content-Type and Content-Disposition (RFC 2045, RFC 2183, RFC 2231)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from filter_engine.lazy_dataclass import settled
from filter_engine.message.charset import decode_bytes, decode_header_bytes
from filter_engine.message.encoded_word import decode_value, unfold
from filter_engine.message.quoted import unquote

_BLANKS = b" \t"
_MAX_PARAMETERS = 128
_MAX_KEPT = 80
"""Octets of a value that is kept."""


@settled
class Parametrised:
    """A value and its parameters."""

    value: str
    """In lower case, without blanks and comments; ``""`` when there is none."""
    params: Mapping[str, str] = field(default_factory=dict)
    """Name in lower case -> decoded value; of a repeated name the first counts."""


def parse_parametrised(raw: bytes) -> Parametrised:
    """Parse a header value; never raises, keeps what it can read of a malformed one."""
    # Types with a charset recur from mail to mail; boundaries and names of files do not.
    if len(raw) <= _MAX_KEPT and b"boundary" not in raw and b"name" not in raw:
        return _kept(raw)
    return _parse(raw)


def _parse(raw: bytes) -> Parametrised:
    text = unfold(raw)
    head, semicolon, rest = text.partition(b";")
    if not semicolon:
        # Parameters without the semicolon occur: "text/html charset=x".
        head, _, rest = text.partition(b" ") if b"=" in text else (text, b"", b"")
    head = head.partition(b"(")[0]
    words = head.split(None, 1)
    value = b"/".join(piece.strip() for piece in head.split(b"/", 1)) if b"/" in head else head
    if len(words) > 1 and b" " in value.strip():
        value = words[0]
        rest = words[1] + b";" + rest
    plain = decode_header_bytes(value.strip()).lower()
    return Parametrised(plain, _join(_split_parameters(rest)) if rest else {})


_kept = lru_cache(maxsize=128)(_parse)


def _split_parameters(text: bytes) -> list[tuple[bytes, bytes]]:
    """Name and unquoted value of each ``name=value``."""
    found: list[tuple[bytes, bytes]] = []
    position = 0
    length = len(text)
    while position < length and len(found) < _MAX_PARAMETERS:
        equals = text.find(b"=", position)
        if equals < 0:
            break
        name = text[position:equals]
        separator = max(name.rfind(b";"), name.rstrip(_BLANKS).rfind(b" "), name.rfind(b")"))
        name = name[separator + 1 :].strip(_BLANKS).lower()
        position = equals + 1
        while position < length and text[position] in _BLANKS:
            position += 1
        if text[position : position + 1] == b'"':
            value, position = unquote(text, position + 1, paths=True)
        else:
            end = text.find(b";", position)
            value = text[position : length if end < 0 else end]
            word = value.split(None, 1)
            if len(word) > 1 and (b"=" in word[1] or word[1].startswith(b"(")):
                value = word[0]
                end = position + len(value)
            position = length if end < 0 else end
            value = value.strip(_BLANKS)
        if name:
            found.append((name, value))
    return found


def _join(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Decode values and join the pieces of RFC 2231, section 3."""
    params: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for raw_name, value in pairs:
        name = decode_header_bytes(raw_name)
        if "*" not in name:
            params.setdefault(name, decode_value(value))
            continue
        base, _, number = name.partition("*")
        extended = name.endswith("*")
        number = number.rstrip("*") or "0"
        if number.isdecimal() and len(number) < 5:
            pieces.setdefault(base, {}).setdefault(int(number), (value, extended))
    for base, numbered in pieces.items():
        params[base] = _extended([numbered[index] for index in sorted(numbered)])
    return params


def _extended(pieces: list[tuple[bytes, bool]]) -> str:
    """The value of an extended parameter: charset'language'percent-encoded (RFC 2231, 4)."""
    first, is_extended = pieces[0]
    if not any(extended for _, extended in pieces):
        return decode_value(b"".join(piece for piece, _ in pieces))
    charset = ""
    if is_extended and first.count(b"'") >= 2:
        label, _, first = first.split(b"'", 2)
        charset = label.decode("ascii", "replace")
    pieces = [(first, is_extended), *pieces[1:]]
    data = b"".join(unquote_to_bytes(text) if extended else text for text, extended in pieces)
    return decode_bytes(data, charset) if charset else decode_header_bytes(data)
