"""Mail addresses of header fields (RFC 5322, section 3.4) and of the wild."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from filter_engine.lazy_dataclass import settled
from filter_engine.message.charset import decode_header_bytes
from filter_engine.message.defect import Defect
from filter_engine.message.encoded_word import decode_value
from filter_engine.message.header import HeaderField
from filter_engine.message.limits import MAX_ADDRESSES
from filter_engine.message.quoted import strip_comments, unquote

_LABEL: Final = rb"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_DOMAIN: Final = rb"%s(?:\.%s)*" % (_LABEL, _LABEL)
_ATOM: Final = rb"[A-Za-z0-9!#$%&'*+_/=?^`{|}~-]+"
# RFC 5321, section 4.1.2: a source route, local part, domain or address literal.
_MAILBOX: Final = re.compile(
    rb"(?:@%s(?:,@%s)*:)?(?:(%s(?:\.%s)*)|\"((?:[ !#-\[\]-~]|\\[ -~])*)\")@(%s|\[[!-Z^-~]+\])\.?"
    % (_DOMAIN, _DOMAIN, _ATOM, _ATOM, _DOMAIN)
)
_SPECIAL: Final = re.compile(rb'["<,@]')
_BLANKS: Final = b" \t\r\n\v\f"


@settled
class Address:
    """One address. Equal addresses compare equal by all their fields; use ``email`` to match."""

    display: str | None
    """Display name, quotes and encoded words decoded; None when there is none."""
    local: str
    """Local part, unquoted; ``""`` with an empty domain where there is no address."""
    domain: str
    """In lower case; ``""`` when there is none."""
    spelled: str = ""
    """The address as written, without angle brackets and display name."""
    valid: bool = True
    """It keeps to RFC 5321, section 4.1.2."""

    @property
    def email(self) -> str:
        """``local@domain``, without the ``@`` when there is no domain."""
        return f"{self.local}@{self.domain}" if self.domain else self.local


def parse_mailbox(text: bytes, display: str | None = None) -> Address:
    """One address, with or without angle brackets; ``valid`` says whether it is one."""
    inner = text.strip(_BLANKS)
    if inner.startswith(b"<"):
        inner = inner[1 : inner.index(b">") if b">" in inner else len(inner)]
    if not inner and b"<>" in text:
        return Address(display, "", "")
    valid = _MAILBOX.fullmatch(inner.strip(b" "))
    if valid is not None:
        atoms, quoted, domain = valid.groups()
        local = (atoms if atoms is not None else quoted.replace(b"\\", b"")).decode("ascii")
        host = domain.decode("ascii")
        return Address(display, local, host.lower(), f"{local}@{host}", True)
    spelled = decode_header_bytes(inner)
    before, at, after = spelled.rpartition("@")
    if not (at and after):
        return Address(display, spelled, "", spelled, False)
    return Address(display, before, after.lower(), spelled, False)


def parse_addresses(
    fields: Iterable[HeaderField], note: Callable[[Defect], None]
) -> tuple[Address, ...]:
    """The addresses of all the fields, at most ``MAX_ADDRESSES``; never raises.

    A field without any address gives one empty, invalid address with its text as display name, so
    that ``undisclosed-recipients:;`` is seen. Comments are left out.
    """
    found: list[Address] = []
    for field in fields:
        _parse_list(field.unfolded, found)
        if len(found) >= MAX_ADDRESSES:
            del found[MAX_ADDRESSES:]
            break
    for address in found:
        if not address.valid:
            note(Defect.BAD_ADDRESS)
            break
    return tuple(found)


def _parse_list(value: bytes, found: list[Address]) -> None:
    """Append the addresses of one field to ``found``."""
    text = strip_comments(value) if b"(" in value else value
    name: list[bytes] = []
    start = position = 0
    seen_at = False
    length = len(text)
    while len(found) < MAX_ADDRESSES:
        special = _SPECIAL.search(text, position)
        if special is None:
            break
        position = special.start()
        char = special.group()
        if char == b"@":
            seen_at = True
            position += 1
            continue
        before = text[start:position]
        if char == b",":
            if seen_at and before.strip(_BLANKS):
                found.append(parse_mailbox(before, _display(name)))
                name.clear()
                seen_at = False
            start = position = _skip_blanks(text, position + 1)
            continue
        if before:
            name.append(before.rstrip(_BLANKS) + (b" " if before[-1:] in _BLANKS else b""))
        if char == b'"':
            quoted, end = unquote(text, position + 1)
            name.append(quoted)
            if end >= length and not text.endswith(b'"'):
                _rescue(quoted, found)
                return
            if text[end : end + 1] in (b" ", b"\t"):
                name.append(b" ")
            start = position = _skip_blanks(text, end)
            continue
        close = text.find(b">", position)
        if close < 0:
            close = length
        found.append(parse_mailbox(text[position : close + 1], _display(name)))
        name.clear()
        seen_at = False
        start = position = _skip_blanks(text, close + 1)
    rest = text[start:].rstrip(_BLANKS)
    if not rest or len(found) >= MAX_ADDRESSES:
        return
    if seen_at:
        found.append(parse_mailbox(rest, _display(name)))
    elif not found:
        name.append(rest)
        found.append(Address(_display(name), "", "", "", False))


def _rescue(quoted: bytes, found: list[Address]) -> None:
    """A quoted string that never ends may hold the address it was meant to precede."""
    angle = quoted.rfind(b"<")
    if angle >= 0 and b"@" in quoted[angle:]:
        found.append(parse_mailbox(quoted[angle:]))


def _display(name: list[bytes]) -> str | None:
    joined = b"".join(name).strip(b" \t\v")
    return decode_value(joined) or None if joined else None


def _skip_blanks(text: bytes, position: int) -> int:
    while text[position : position + 1] in (b" ", b"\t"):
        position += 1
    return position
