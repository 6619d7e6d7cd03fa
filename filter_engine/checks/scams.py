"""Wallets of crypto currency in the text, and letters of extortion that name one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import reduce
from operator import xor
from typing import Final

from filter_engine.checks.regexp import module as regexp
from filter_engine.checks.regexp.places import Texts, text_of, text_parts
from filter_engine.message import Message
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_GROUP: Final = ("scams",)
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
# What 21 octets and four of a checksum fill in base 58; Bitcoin's begin with 1 or 3, Litecoin's
# with L, M or 3. Letters that base 58 lacks are told when it is read.
_LEGACY: Final = re.compile(r"\b[1LM3](?:(?!0)[0-9A-Za-z]){25,34}\b")
# Cases are spelled out: case aside, a long s and the sign of Kelvin would be letters of ASCII.
_CODED: Final = re.compile(
    rf"\b(?:([a-zA-Z]\w{{1,15}}):|[bB][cC]1)?([{_BECH32}{_BECH32.upper()}]{{14,90}})\b"
)
_SEGWIT_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CASH_GENERATOR: Final = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
_SEGWIT_SHIFT: Final = 25
_CASH_SHIFT: Final = 35
_VALUES: Final = bytes.maketrans(_BECH32.encode(), bytes(range(32)))
"""Letter of base 32 -> its value."""
_CONSTANTS: Final = (1, 0x2BC830A3)
"""What the checksum of a segwit address comes to: bech32 (BIP 173) and bech32m (BIP 350)."""
_MAX_TEXT: Final = 200_000
"""Octets of one text that are searched."""
_SHORTEST: Final = 26
"""Characters of the shortest addresses: the legacy ones; all others have 42 or more."""
_ALNUM: Final = bytes(b"x"[0] if chr(octet).isalnum() else 0 for octet in range(128)).ljust(256)
_CODED_LETTERS: Final = bytes(
    b"x"[0] if chr(octet).lower() in _BECH32 else 0 for octet in range(128)
).ljust(256)
_BLANKS: Final = bytes(b" "[0] if chr(octet).isspace() else b"x"[0] for octet in range(128)).ljust(
    256, b"x"
)
_LEGACY_RUN: Final = b"x" * _SHORTEST
"""What a legacy address has of letters and digits, one after the other."""
_CODED_RUN: Final = b"x" * 14
"""What all others have of their own letters."""
_MAX_WALLETS: Final = 10


@check(
    "scams",
    module="scams",
    symbols=(
        Symbol("BITCOIN_ADDR", 0.0, "The text has a valid wallet's address", _GROUP, True),
        Symbol(
            "LEAKED_PASSWORD_SCAM_RE",
            0.0,
            "A wallet's address and words of extortion",
            _GROUP,
            True,
        ),
    ),
    needs=("regexp",),
)
def scams(task: Task) -> list[Finding]:
    """Addresses of Bitcoin (base58, segwit) and Bitcoin Cash whose checksums are right."""
    found = wallets([_long_words(text) for text in _texts(task.message)])
    if not found:
        return []
    texts = Texts(task.message)
    findings = [Finding("BITCOIN_ADDR", tuple(found), evidence=f"text: {', '.join(found)}")]
    book = task.state(regexp.NAME)
    held = book.asked("__EXTORTION", task, texts) if book is not None else None
    if held is not None:
        findings.append(Finding("LEAKED_PASSWORD_SCAM_RE", evidence=held))
    return findings


def _texts(message: Message) -> Iterator[str]:
    """What the patterns of ``SA_BODY`` look at; made here, without a copy of each text."""
    if message.subject:
        yield message.subject
    for part in text_parts(message):
        yield part.visible_text if part.is_html else text_of(part, message)


def _long_words(text: str) -> str:
    """What of a text can hold an address: few words are that long, and looking closer is dear."""
    octets = text.encode("utf-8", "replace")
    letters = octets.translate(_ALNUM)
    if _CODED_RUN not in letters or (
        _LEGACY_RUN not in letters and _CODED_RUN not in octets.translate(_CODED_LETTERS)
    ):
        return ""  # nearly all
    if not text.isascii() or len(text) > _MAX_TEXT:
        # Words are measured in octets, and counted from where blanks are one.
        octets = " ".join(text.split()).encode("utf-8", "replace")[:_MAX_TEXT]
        words = [word for word in octets.split() if len(word) >= _SHORTEST]
        return b" ".join(words).decode("utf-8", "replace")
    blanks = octets.translate(_BLANKS)
    found: list[str] = []
    at = letters.find(_CODED_RUN)
    while at >= 0:
        start = blanks.rfind(b" ", 0, at) + 1
        end = blanks.find(b" ", at)
        if end < 0:
            end = len(text)
        if end - start >= _SHORTEST:
            found.append(text[start:end])
        at = letters.find(_CODED_RUN, end)
    return " ".join(found)


def wallets(texts: Iterable[str]) -> list[str]:
    """The distinct valid addresses in texts, legacy ones first, ``_MAX_WALLETS`` at most."""
    found: dict[str, None] = {}
    kept = [text for text in texts if text]
    for find in (_legacy, _coded):
        for text in kept:
            for address in find(text):
                found[address] = None
                if len(found) >= _MAX_WALLETS:
                    return list(found)
    return list(found)


def _legacy(text: str) -> Iterator[str]:
    """Base58Check: 21 octets and four of their double SHA-256."""
    for match in _LEGACY.finditer(text):
        number = 0
        for char in match.group():
            digit = _BASE58.find(char)
            if digit < 0:
                break
            number = number * 58 + digit
        else:
            if number >> 200:
                continue
            data = number.to_bytes(25, "big")
            digest = hashlib.sha256(hashlib.sha256(data[:21]).digest()).digest()
            if digest[:4] == data[21:]:
                yield match.group()


def _coded(text: str) -> Iterator[str]:
    """Segwit addresses (BIP 173, BIP 350) and those of Bitcoin Cash (its CashAddr document)."""
    for match in _CODED.finditer(text):
        word, prefix, payload = match.group(), match[1], match[2].lower()
        values = payload.encode("ascii").translate(_VALUES)
        if prefix is None and word[:3].lower() == "bc1":
            human = [3, 3, 0, 2, 3]  # "bc": high bits, zero, low bits
            if _checksum([*human, *values], _SEGWIT, _SEGWIT_SHIFT) in _CONSTANTS:
                yield word
        else:
            human = [ord(char) & 0x1F for char in (prefix or "bitcoincash").lower()]
            if len(values) > 8 and _checksum([*human, 0, *values], _CASH, _CASH_SHIFT) == 1:
                yield word


def _table(generator: tuple[int, ...]) -> tuple[int, ...]:
    """What each value of the five bits that are shifted out adds."""
    return tuple(
        reduce(xor, (term for bit, term in enumerate(generator) if top >> bit & 1), 0)
        for top in range(32)
    )


_SEGWIT: Final = _table(_SEGWIT_GENERATOR)
_CASH: Final = _table(_CASH_GENERATOR)


def _checksum(values: Iterable[int], table: tuple[int, ...], shift: int) -> int:
    """The remainder of the BCH code both kinds of address use.

    By a table: texts of random letters have hundreds of words that look like addresses.
    """
    mask = (1 << shift) - 1
    checksum = 1
    for value in values:
        checksum = (checksum & mask) << 5 ^ value ^ table[checksum >> shift]
    return checksum
