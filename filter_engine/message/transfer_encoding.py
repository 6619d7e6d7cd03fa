"""Content-Transfer-Encoding (RFC 2045, section 6): declared, guessed and undone."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Final

from filter_engine.message.defect import Defect

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64: Final = bytes(sorted(set(range(256)) - set(_ALPHABET)))
_UPPER: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOWER: Final = b"abcdefghijklmnopqrstuvwxyz"
_HEX: Final = b"0123456789abcdefABCDEF"
_SAMPLE: Final = 128
_MAX_RUNS: Final = 1000
"""Runs of base64 between padding; what follows counts as one more."""
_MAX_UU_LINES: Final = 500_000
"""Lines of uuencoded content: 22 MB of it in the usual width."""

_NAMES: Final = {
    "7bit": "7bit",
    "8bit": "8bit",
    "binary": "8bit",
    "quoted-printable": "quoted-printable",
    "base64": "base64",
    "base-64": "base64",
    "uuencode": "uuencode",
    "x-uuencode": "uuencode",
    "x-uue": "uuencode",
}


def declared_encoding(value: str) -> str | None:
    """The encoding a header value names, ``binary`` counted as 8bit; None when it is not known."""
    return _NAMES.get(value.strip(" \t;,.+-#!`~'\"").lower())


def guess_encoding(content: bytes) -> str:
    """What the beginning of the content looks like, by the marks Rspamd goes by.

    Base64 is guessed only for an unbroken run of its characters, quoted-printable only with
    several escapes; else it is 7bit or 8bit.
    """
    start = content[: _SAMPLE * 2].lstrip()
    if start.startswith(b"begin ") and start[6:].lstrip()[:1].isdigit():
        return "uuencode"
    tail = content[-16:].rstrip()
    padding = min(2, len(tail) - len(tail.rstrip(b"=")))
    whole = len(content) <= _SAMPLE
    sample = start[:_SAMPLE].rstrip()
    if whole and padding:
        sample = sample.rstrip(b"=")
    if not sample.isascii():
        return "8bit"
    if sample and not sample.translate(None, _ALPHABET):
        mixed = len(sample.translate(None, _UPPER)) <= len(sample) - 2 and (
            len(sample.translate(None, _LOWER)) <= len(sample) - 2
        )
        if padding or (mixed and len(content) > 80):
            return "base64"
        return "7bit"
    escapes = 0
    position = sample.find(b"=")
    while position >= 0:
        if all(code in _HEX for code in sample[position + 1 : position + 3].ljust(2)):
            escapes += 1
        position = sample.find(b"=", position + 1)
    return "quoted-printable" if escapes > 2 else "7bit"


def decode_content(content: bytes, encoding: str, note: Callable[[Defect], None]) -> bytes:
    """Undo a transfer encoding; malformed content is decoded as far as it goes and noted."""
    if encoding == "base64":
        decoded, clean = decode_base64(content)
        if not clean:
            note(Defect.BAD_BASE64)
        return decoded
    if encoding == "quoted-printable":
        return binascii.a2b_qp(content)
    if encoding == "uuencode":
        return _decode_uu(content, note)
    return content


def decode_base64(content: bytes) -> tuple[bytes, bool]:
    """Base64 as far as it goes, and whether it was clean.

    Missing padding is forgiven, other characters are skipped, and what follows padding is read as a
    second run, because lists and gateways append text to encoded bodies.
    """
    stray = content.translate(None, _ALPHABET)
    clean = not stray.strip(b"\r\n \t=")
    runs = [content]
    if b"=" in stray:
        runs = [run for run in content.split(b"=", _MAX_RUNS) if run.strip()]
        clean = clean and len(runs) < 2
    decoded: list[bytes] = []
    for run in runs:
        letters = run.translate(None, _NOT_BASE64)
        if len(letters) % 4 == 1:
            clean = False
            letters = letters[:-1]
        decoded.append(binascii.a2b_base64(letters + b"=" * (-len(letters) % 4)))
    return b"".join(decoded), clean


def _decode_uu(content: bytes, note: Callable[[Defect], None]) -> bytes:
    decoded: list[bytes] = []
    inside = False
    room = len(content)
    for ended_line in content.split(b"\n", _MAX_UU_LINES)[:_MAX_UU_LINES]:
        line = ended_line.rstrip(b"\r")
        if not inside:
            inside = line.startswith(b"begin ")
            continue
        if line.startswith(b"end"):
            break
        if not line.strip():
            continue
        size = (line[0] - 32) & 63
        # A line may be shorter than it says, its blanks lost: no reason to make more of it all.
        room -= size
        if room < 0:
            note(Defect.BAD_UUENCODE)
            break
        try:
            decoded.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Some encoders leave trash at the end of a line: keep what the length says.
            needed = 1 + (size * 4 + 2) // 3
            try:
                decoded.append(binascii.a2b_uu(line[:needed]))
            except binascii.Error:
                note(Defect.BAD_UUENCODE)
    if not inside:
        note(Defect.BAD_UUENCODE)
        return content
    return b"".join(decoded)
