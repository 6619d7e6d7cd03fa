"""Names as hashes: what lists of addresses are asked with, so that no address leaves the site."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from filter_engine.checks.rbl.options import RblRule
from filter_engine.config.base32 import encode_base32

_SCRIPT_HASH: Final = "blake2"
# Rspamd's documented example of process_script, in all its spacings and names of variables: the
# name's BLAKE2b in base32, cut, then a dot and the zone.
_HASHING_SCRIPT: Final = re.compile(
    r"\s*(?:return\s+)?function\s*\(\s*(?P<name>\w+)\s*,\s*(?P<zone>\w+)[^)]*\)"
    r"\s*local\s+(?P<lib>\w+)\s*=\s*require\s*\(?\s*[\"']rspamd_cryptobox_hash[\"']\s*\)?;?"
    r"\s*local\s+(?P<hash>\w+)\s*=\s*(?P=lib)\.create\(\s*(?P=name)\s*\):base32\(\s*\)"
    r":sub\(\s*1\s*,\s*(?P<length>\d{1,3})\s*\);?"
    r"\s*return\s+string\.format\(\s*[\"']%s\.%s[\"']\s*,\s*(?P=hash)\s*,\s*(?P=zone)\s*\);?"
    r"\s*end;?\s*"
)

_KEPT: Final = 1024
"""Hashes of names that are kept: most names of a message stood in one of the last."""

Hashing = Callable[[str], str]


def _hex(data: bytes, length: int | None) -> str:
    return data.hex()[:length]


def _base64(data: bytes, length: int | None) -> str:
    return base64.b64encode(data).decode("ascii")[:length]


_Write = Callable[[bytes, "int | None"], str]
_FORMATS: Final[dict[str, _Write]] = {
    "": _hex,
    "hex": _hex,
    "base32": encode_base32,
    "base64": _base64,
}


def hashing_of(rule: RblRule) -> Hashing | None:
    """How a rule hides names; None when it asks for them as they are.

    Raises ValueError for a ``process_script`` that is not understood.
    """
    if rule.process_script:
        found = _HASHING_SCRIPT.fullmatch(rule.process_script)
        if found is None:
            raise ValueError("its process_script is Lua, which this engine does not run")
        return _hashing(_SCRIPT_HASH, encode_base32, int(found["length"]))
    if not rule.hash:
        return None
    return _hashing(rule.hash, _FORMATS[rule.hash_format], rule.hash_len)


@lru_cache
def _hashing(algorithm: str, write: _Write, length: int | None) -> Hashing:
    """One for all rules that hash alike: so they are known to."""
    return partial(_hashed, algorithm, write, length)


@lru_cache(maxsize=_KEPT)
def _hashed(algorithm: str, write: _Write, length: int | None, text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    if algorithm == "blake2":
        digest = hashlib.blake2b(data).digest()
    else:
        make = getattr(hashlib, algorithm, None)  # ``new`` takes twice as long
        digest = (
            hashlib.new(algorithm, data, usedforsecurity=False)
            if make is None
            else make(data, usedforsecurity=False)
        ).digest()
    return write(digest, length)
