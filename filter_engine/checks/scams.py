"""Wallets of crypto currency in the text, and letters of extortion that name one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Final

from filter_engine.checks.regexp import module as regexp
from filter_engine.checks.regexp.places import Kind, Place, Texts
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_GROUP: Final = ("scams",)
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
# What 21 octets and four of a checksum fill in base 58; Bitcoin's begin with 1 or 3, Litecoin's
# with L, M or 3. Letters that base 58 lacks are told when it is read.
_LEGACY: Final = re.compile(r"\b[1LM3](?:(?!0)[0-9A-Za-z]){25,34}\b")
_CODED: Final = re.compile(rf"\b(?:([a-z]\w{{1,15}}):|bc1)?([{_BECH32}]{{14,90}})\b", re.IGNORECASE)
_SEGWIT_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CASH_GENERATOR: Final = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
_CONSTANTS: Final = (1, 0x2BC830A3)
"""What the checksum of a segwit address comes to: bech32 (BIP 173) and bech32m (BIP 350)."""
_MAX_TEXT: Final = 200_000
"""Octets of one text that are searched."""
_SHORTEST: Final = 26
"""Characters of the shortest addresses: the legacy ones; all others have 42 or more."""
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
    texts = Texts(task.message)
    found = wallets(_long_words(text[:_MAX_TEXT]) for text in texts.of(Place(Kind.SA_BODY)))
    if not found:
        return []
    findings = [Finding("BITCOIN_ADDR", tuple(found), evidence=f"text: {', '.join(found)}")]
    book = task.state(regexp.NAME)
    held = book.asked("__EXTORTION", task, texts) if book is not None else None
    if held is not None:
        findings.append(Finding("LEAKED_PASSWORD_SCAM_RE", evidence=held))
    return findings


def _long_words(text: bytes) -> str:
    """What of a text can hold an address: few words are that long, and looking closer is dear."""
    words = [word for word in text.split() if len(word) >= _SHORTEST]
    return b" ".join(words).decode("utf-8", "replace")


def wallets(texts: Iterable[str]) -> list[str]:
    """The distinct valid addresses in texts, legacy ones first, ``_MAX_WALLETS`` at most."""
    found: dict[str, None] = {}
    kept = list(texts)
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
        values = [_BECH32.index(char) for char in payload]
        if prefix is None and word[:3].lower() == "bc1":
            human = [3, 3, 0, 2, 3]  # "bc": high bits, zero, low bits
            if _checksum([*human, *values], _SEGWIT_GENERATOR, 25) in _CONSTANTS:
                yield word
        else:
            human = [ord(char) & 0x1F for char in (prefix or "bitcoincash").lower()]
            if len(values) > 8 and _checksum([*human, 0, *values], _CASH_GENERATOR, 35) == 1:
                yield word


def _checksum(values: Iterable[int], generator: tuple[int, ...], shift: int) -> int:
    """The remainder of the BCH code both kinds of address use."""
    mask = (1 << shift) - 1
    checksum = 1
    for value in values:
        top = checksum >> shift
        checksum = (checksum & mask) << 5 ^ value
        for bit, term in enumerate(generator):
            if top >> bit & 1:
                checksum ^= term
    return checksum
