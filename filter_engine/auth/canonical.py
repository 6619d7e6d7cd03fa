"""DKIM canonicalisation (RFC 6376, section 3.4) on bytes, in time linear in the message.

dkimpy's own is not used: its regular expressions take quadratic time on long runs of blanks, which
a sender can make as long as a message may be.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from enum import StrEnum


class Canonicalization(StrEnum):
    """The two algorithms (section 3.4)."""

    SIMPLE = "simple"
    RELAXED = "relaxed"


_TAB_TO_SPACE = bytes.maketrans(b"\t", b" ")
_REVERSED_LINE_ENDS = re.compile(rb"(?:\n\r)*")
_ODD_BLANKS = re.compile(rb"[\v\f\r]")
_MANY_RUNS = 256
"""Runs of blanks that are too many to be taken one by one."""
_HASHES = {"sha256": hashlib.sha256, "sha1": hashlib.sha1}


def with_crlf(data: bytes) -> bytes:
    """The data with every line end as CRLF, as it travels by SMTP; a lone CR stays what it is."""
    if b"\n" not in data:
        return data
    if b"\r" not in data:
        return data.replace(b"\n", b"\r\n")
    if data.count(b"\n") == data.count(b"\r\n"):
        return data
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _collapse_blanks(data: bytes) -> bytes:
    """Runs of spaces and tabs as one space each."""
    if b"\t" in data:
        data = data.translate(_TAB_TO_SPACE)
    first, *pieces = data.split(b"  ", _MANY_RUNS)
    if not pieces:
        return data
    if len(pieces) < _MANY_RUNS:  # nearly all: each run is looked for once
        pieces = [piece.lstrip(b" ") for piece in pieces]
        end = b"" if pieces[-1] else b" "
        return b" ".join([first, *filter(None, pieces)]) + end
    while b"  " in data:
        # Halves every run: at most log2(longest run) rounds.
        data = data.replace(b"  ", b" ")
    return data


def _without_last_empty_lines(body: bytes) -> bytes:
    """The body without the CRLFs at its end, the one of its last line included."""
    if not body.endswith(b"\r\n"):
        return body
    stripped = body.rstrip(b"\r\n")
    tail = body[len(stripped) :]
    if len(tail) % 2 or tail != b"\r\n" * (len(tail) // 2):
        found = _REVERSED_LINE_ENDS.match(tail[::-1])
        assert found is not None
        return body[: len(body) - found.end()]
    return stripped


def _ends_as_it_should(body: bytes) -> bool:
    """Whether the body ends with one line end and no empty line: as nearly all do."""
    return body.endswith(b"\r\n") and len(body) > 2 and not body.endswith(b"\r\n\r\n")


def simple_body(body: bytes) -> bytes:
    """Section 3.4.3: empty lines at the end are ignored; an empty body is one CRLF."""
    if _ends_as_it_should(body):
        return body
    return _without_last_empty_lines(body) + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """Section 3.4.4: blanks collapsed, none at line ends, no empty lines at the end."""
    body = _collapse_blanks(body).replace(b" \r\n", b"\r\n")
    if body.endswith(b" "):
        body = body[:-1]
    if _ends_as_it_should(body):
        return body
    body = _without_last_empty_lines(body)
    return body + b"\r\n" if body else b""


def relaxed_value(value: bytes) -> bytes:
    """A field's value unfolded, blanks collapsed and stripped (section 3.4.2)."""
    folded = b"\r" in value
    if _ODD_BLANKS.search(value.replace(b"\r\n", b"\n") if folded else value):
        return _collapse_blanks(value.replace(b"\r\n", b"")).strip(b" ")
    return b" ".join(value.split())


def canonical_field(name: bytes, value: bytes, how: Canonicalization) -> bytes:
    """One header field without its final CRLF; ``value`` is all after the colon, CRLF inside."""
    if how is Canonicalization.RELAXED:
        return name.strip().lower() + b":" + relaxed_value(value)
    return name + b":" + value


class SignedContent:
    """The header fields and the body of a message, as signing and verifying look at them.

    Canonical forms are made when first asked for and kept, since several signatures share them.
    """

    def __init__(self, fields: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """Take (name, everything after the colon without the last line end) of every field."""
        self.fields = tuple((name, with_crlf(value)) for name, value in fields)
        self.body = body if _begins_with_crlf(body) else with_crlf(body)
        self._bodies: dict[Canonicalization, bytes] = {}
        self._hashes: dict[tuple[Canonicalization, str, int | None], bytes] = {}
        self._canonical: dict[tuple[int, Canonicalization], bytes] = {}
        self._places: dict[bytes, list[int]] = {}
        for index, (name, _) in enumerate(self.fields):
            self._places.setdefault(name.strip().lower(), []).append(index)

    def mend_line_ends(self) -> bool:
        """Turn bare LFs of the body into CRLF; whether there were any.

        A body whose first line ends in CRLF is taken to be right, since looking for a bare LF costs
        as much as canonicalisation: signing calls this first, verifying when a body hash is wrong.
        """
        mended = with_crlf(self.body)
        if mended is self.body:
            return False
        self.body = mended
        self._bodies.clear()
        self._hashes.clear()
        return True

    def places(self, name: bytes) -> list[int]:
        """Indices of the fields of a lower-case name, topmost first."""
        return self._places.get(name, [])

    def canonical_body(self, how: Canonicalization) -> bytes:
        """The whole body in canonical form."""
        made = self._bodies.get(how)
        if made is None:
            made = relaxed_body(self.body) if how is _RELAXED else simple_body(self.body)
            self._bodies[how] = made
        return made

    def body_hash(self, how: Canonicalization, algorithm: str, length: int | None = None) -> bytes:
        """The digest of the body or its first ``length`` octets; ``algorithm``: sha256 or sha1."""
        key = (how, algorithm, length)
        made = self._hashes.get(key)
        if made is None:
            body = self.canonical_body(how)
            made = _HASHES[algorithm](body if length is None else body[:length]).digest()
            self._hashes[key] = made
        return made

    def signed_fields(self, names: Iterable[bytes], how: Canonicalization) -> list[bytes]:
        """The canonical fields that ``h=`` names, each with CRLF (section 5.4.2).

        A name that occurs again means the next field above; beyond the last, nothing.
        """
        left: dict[bytes, int] = {}
        chosen: list[bytes] = []
        for name in names:
            places = self.places(name)
            above = left.get(name, len(places))
            if above <= 0:
                continue
            left[name] = above - 1
            chosen.append(self._field(places[above - 1], how))
        return chosen

    def _field(self, index: int, how: Canonicalization) -> bytes:
        made = self._canonical.get((index, how))
        if made is None:
            made = canonical_field(*self.fields[index], how) + b"\r\n"
            self._canonical[index, how] = made
        return made


def _begins_with_crlf(body: bytes) -> bool:
    end = body.find(b"\n")
    return end > 0 and body[end - 1 : end] == b"\r"


_RELAXED = Canonicalization.RELAXED
