"""Addresses without their tags, as Rspamd compares them.

``user+tag@example.com`` counts as ``user@example.com``, and Gmail's dots are left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from filter_engine.message.address import Address, parse_mailbox

_DOTLESS = frozenset({"gmail.com", "googlemail.com"})
_SAME_DOMAIN = {"googlemail.com": "gmail.com"}

Tags: TypeAlias = "tuple[str, ...]"


def smtp_address(text: str) -> Address:
    """An address as it stands in the envelope; the null sender is valid and empty."""
    if not text:
        return Address(None, "", "")
    return parse_mailbox(text.encode("utf-8", "surrogateescape"))


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
    return replace(address, local=local, domain=domain, spelled=f"{local}@{shown}")
