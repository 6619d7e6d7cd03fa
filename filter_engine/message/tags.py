"""Addresses without their tags, as Rspamd compares them.

``user+tag@example.com`` counts as ``user@example.com``, and Gmail's dots are left out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

from filter_engine.message.address import Address, parse_mailbox

_DOTLESS = frozenset({"gmail.com", "googlemail.com"})
_SAME_DOMAIN = {"googlemail.com": "gmail.com"}

_MAX_KEPT: Final = 320
"""Characters of an address that is kept (RFC 5321, section 4.5.3.1: 64 + 1 + 255)."""

Tags: TypeAlias = "tuple[str, ...]"


def smtp_address(text: str) -> Address:
    """An address as it stands in the envelope; the null sender is valid and empty."""
    return _kept(text) if len(text) <= _MAX_KEPT else _parsed(text)


def bare_smtp_address(text: str) -> Address:
    """The same without tags; a mail's own are asked for by a dozen checks."""
    return _kept_bare(text) if len(text) <= _MAX_KEPT else without_tags(_parsed(text))[0]


def _parsed(text: str) -> Address:
    if not text:
        return Address(None, "", "")
    return parse_mailbox(text.encode("utf-8", "surrogateescape"))


_kept = lru_cache(maxsize=256)(_parsed)


@lru_cache(maxsize=256)
def _kept_bare(text: str) -> Address:
    return without_tags(_kept(text))[0]


def without_tags(address: Address) -> tuple[Address, Tags | None]:
    """The address without plus tags, and the tags; None when there was nothing to remove."""
    local, domain = address.local, address.domain
    if domain in _DOTLESS:
        bare = local.replace(".", "")
        user, plus, rest = bare.partition("+")
        changed = (plus and user) or bare != local
        if not changed:
            user = local
            if domain not in _SAME_DOMAIN:
                return address, None
        return _renamed(address, user or bare, _SAME_DOMAIN.get(domain, domain)), (
            tuple(tag for tag in rest.split("+") if tag) if changed else None
        )
    user, plus, rest = local.partition("+")
    if not (plus and user and domain):
        return address, None
    return _renamed(address, user, domain), tuple(tag for tag in rest.split("+") if tag)


def _renamed(address: Address, local: str, domain: str) -> Address:
    written = address.spelled.rpartition("@")[2]
    shown = written if written.lower() == domain else domain
    return Address(address.display, local, domain, f"{local}@{shown}", address.valid)
