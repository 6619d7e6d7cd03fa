"""Making DKIM signatures (RFC 6376, section 5; RFC 8463), with Rspamd's list of headers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

from filter_engine.auth.canonical import Canonicalization, SignedContent, canonical_field
from filter_engine.auth.signing_key import SigningKey
from filter_engine.lazy_dataclass import frozen

SIGN_HEADERS = (
    "(o)from:(x)sender:(o)reply-to:(x)subject:(x)date:(x)message-id:(o)to:(o)cc:(x)mime-version:"
    "(x)content-type:(x)content-transfer-encoding:resent-to:resent-cc:resent-from:resent-sender:"
    "resent-message-id:(x)in-reply-to:(x)references:list-id:list-help:list-owner:list-unsubscribe:"
    "list-unsubscribe-post:list-subscribe:list-post:(x)openpgp:(x)autocrypt"
)
"""Rspamd's default. ``(o)``: signed once more than it occurs; ``(x)``: the same, if it occurs."""
ARC_SIGN_HEADERS = f"{SIGN_HEADERS}:dkim-signature"
"""The same for ARC-Message-Signature, which covers DKIM's signatures (RFC 8617, section 4.1.2)."""

_FORM = Canonicalization.RELAXED
_WIDTH = 72
"""Characters of a folded line."""


class Oversign(StrEnum):
    """How often a field is named beyond its occurrences, so that none can be added."""

    NEVER = ""
    ALWAYS = "o"
    PRESENT = "x"


@frozen
class SignedHeader:
    """One entry of the list of headers to sign."""

    name: bytes
    """Lower-case."""
    oversign: Oversign


@lru_cache(maxsize=64)
def parse_header_list(text: str) -> tuple[SignedHeader, ...]:
    """Read a list like ``(o)from:(x)sender:to``. Raises ValueError with the wrong part."""
    entries: list[SignedHeader] = []
    for written in text.split(":"):
        item = written.strip().lower()
        oversign = Oversign.NEVER
        if item[:1] == "(" and item[2:3] == ")":
            if item[1] not in ("o", "x"):
                raise ValueError(f"{written.strip()!r}: expected (o) or (x) before the name")
            oversign = Oversign(item[1])
            item = item[3:].strip()
        if not item or not item.isascii() or any(c in " \t,;()" for c in item):
            raise ValueError(f"{written.strip()!r} is no header name")
        entries.append(SignedHeader(item.encode("ascii"), oversign))
    if not any(entry.name == b"from" for entry in entries):
        raise ValueError("From must be signed (RFC 6376, section 5.4)")
    return tuple(entries)


def chosen_names(content: SignedContent, headers: Sequence[SignedHeader]) -> list[bytes]:
    """``h=`` for this message."""
    names: list[bytes] = []
    for header in headers:
        count = len(content.places(header.name))
        if header.oversign is Oversign.ALWAYS or (header.oversign is Oversign.PRESENT and count):
            count += 1
        names.extend([header.name] * count)
    return names


def sign(
    content: SignedContent,
    domain: str,
    selector: str,
    key: SigningKey,
    now: int,
    headers: Sequence[SignedHeader] = parse_header_list(SIGN_HEADERS),
) -> str:
    """The value of a DKIM-Signature field over the message, relaxed/relaxed.

    Folds are ``\\n\\t``. ``domain`` and ``selector`` are A-labels, ``now`` seconds since the epoch.
    """
    return signature_value(
        content,
        b"DKIM-Signature",
        "v=1;",
        domain,
        selector,
        key,
        now,
        chosen_names(content, headers),
    )


def signature_value(
    content: SignedContent,
    field: bytes,
    first: str,
    domain: str,
    selector: str,
    key: SigningKey,
    now: int,
    names: Sequence[bytes],
) -> str:
    """The value of the signature field ``field``, which begins with the tag ``first``.

    ``names`` is ``h=``; folds are ``\\n\\t``.
    """
    content.mend_line_ends()
    body_hash = content.body_hash(_FORM, "sha256")
    lines = [
        f"{first} a={key.algorithm}; c={_FORM}/{_FORM}; d={domain};",
        f"s={selector}; t={now};",
        *_fold_list("h=", [name.decode("ascii") for name in names]),
        f"bh={b64encode(body_hash).decode()};",
        "b=",
    ]
    value = "\n\t".join(lines)
    signed = content.signed_fields(names, _FORM)
    signed.append(canonical_field(field, wire_value(value), _FORM))
    return with_signature(value, key.sign(b"".join(signed)))


def wire_value(value: str) -> bytes:
    """All after the colon once it is a header: a blank, the value, its folds with CRLF."""
    return b" " + value.replace("\n", "\r\n").encode("utf-8")


def with_signature(value: str, signature: bytes) -> str:
    """A field's value that ends in ``b=`` with the signature, folded."""
    return value + "\n\t".join(_chunks(b64encode(signature).decode()))


def _fold_list(start: str, names: list[str]) -> list[str]:
    """``h=a:b:c;`` in lines; a fold may follow a colon (section 3.5, FWS in ``h=``)."""
    lines: list[str] = []
    line = start
    for index, name in enumerate(names):
        item = name + (":" if index < len(names) - 1 else ";")
        if len(line) + len(item) > _WIDTH and line != start:
            lines.append(line)
            line = " "
        line += item
    return [*lines, line]


def _chunks(text: str) -> list[str]:
    first = _WIDTH - len("b=")
    return [text[:first], *(text[at : at + _WIDTH] for at in range(first, len(text), _WIDTH))]
