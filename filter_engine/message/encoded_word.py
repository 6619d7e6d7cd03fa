"""Encoded words in header values (RFC 2047), with the abuse of them seen in the wild."""

from __future__ import annotations

import binascii
from collections.abc import Callable

from filter_engine.message.charset import decode_bytes, decode_header_bytes
from filter_engine.message.defect import Defect
from filter_engine.message.transfer_encoding import decode_base64

_FOLDING = b" \t\r\n"
_MAX_WORD = 4 << 10
"""Bytes. RFC 2047 allows 75; senders put whole subjects into one word."""


def decode_value(raw: bytes, note: Callable[[Defect], None] | None = None) -> str:
    """The text of a header value: unfolded, encoded words decoded, ends stripped.

    Never raises: what cannot be decoded stays as it is and is reported to ``note``. Neighbouring
    words of one charset and encoding are joined as bytes first, because senders split characters
    between them (against RFC 2047, section 5).
    """
    return decode_line(unfold(raw), note)


def decode_line(line: bytes, note: Callable[[Defect], None] | None = None) -> str:
    """The same for a value that is unfolded."""
    if b"=?" not in line:
        return decode_header_bytes(line)
    pieces: list[str] = []
    pending: list[bytes] = []
    pending_charset = ""
    position = 0
    while position < len(line):
        start = line.find(b"=?", position)
        word = None if start < 0 else _encoded_word(line, start)
        if word is None:
            if pending:
                pieces.append(decode_bytes(b"".join(pending), pending_charset, note))
                pending.clear()
            end = len(line) if start < 0 else start + 2
            pieces.append(decode_header_bytes(line[position:end]))
            if start >= 0 and note is not None and line.find(b"?=", end, end + _MAX_WORD) >= 0:
                note(Defect.BAD_ENCODED_WORD)
            position = end
            continue
        charset, content, end = word
        between = line[position:start]
        blank = not between.strip(_FOLDING)
        if pending and not (blank and charset == pending_charset):
            pieces.append(decode_bytes(b"".join(pending), pending_charset, note))
            pending.clear()
            if not blank:
                pieces.append(decode_header_bytes(between))
        elif not pending and between:
            pieces.append(decode_header_bytes(between))
        pending.append(content)
        pending_charset = charset
        position = end
    if pending:
        pieces.append(decode_bytes(b"".join(pending), pending_charset, note))
    return "".join(pieces)


def unfold(raw: bytes) -> bytes:
    """A header value on one line (RFC 5322, section 2.2.3): each fold becomes one space."""
    value = raw.strip(_FOLDING)
    if b"\n" not in value and b"\r" not in value:
        return value
    value = value.replace(b"\r\n", b"\n")
    if b"\r" in value:
        value = value.replace(b"\r", b"\n")
    lines = value.split(b"\n")
    return b" ".join([stripped for line in lines if (stripped := line.strip(b" \t"))])


def _encoded_word(line: bytes, start: int) -> tuple[str, bytes, int] | None:
    """Charset, decoded bytes and end of the encoded word at ``start``; None when it is none."""
    first = line.find(b"?", start + 2, start + 2 + 64)
    if first < 0 or line[first + 2 : first + 3] != b"?":
        return None
    kind = line[first + 1 : first + 2]
    end = line.find(b"?=", first + 3, first + _MAX_WORD)
    if end < 0:
        return None
    # A language tag may follow the charset (RFC 2231, section 5).
    charset = line[start + 2 : first].partition(b"*")[0].decode("ascii", "replace").strip().lower()
    if not charset or " " in charset:
        return None
    content = line[first + 3 : end]
    if kind in b"Bb":
        decoded, _ = decode_base64(content)
    elif kind in b"Qq":
        decoded = binascii.a2b_qp(content, header=True)
    else:
        return None
    return charset, decoded, end + 2
