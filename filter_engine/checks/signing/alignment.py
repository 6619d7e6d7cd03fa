"""Signatures that are in vain for DMARC, which asks for one of From's organisation.

Source: RFC 7489, section 3.1.1: ``d=`` has to be of the organisational domain of From.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from filter_engine.checks.signing.names import is_safe
from filter_engine.checks.signing.options import IDENTITIES, SigningOptions
from filter_engine.checks.signing.tables import OF_AUTHOR, table_key
from filter_engine.dns.names import organisational_domain
from filter_engine.maps.map import Map

#: Option that says whose domain signs -> those that let From differ from the sender there.
_MISMATCH: Final = {
    "use_domain": ("allow_hdrfrom_mismatch",),
    "use_domain_sign_networks": (
        "allow_hdrfrom_mismatch",
        "allow_hdrfrom_mismatch_sign_networks",
    ),
    "use_domain_sign_local": ("allow_hdrfrom_mismatch", "allow_hdrfrom_mismatch_local"),
    "use_domain_sign_inbound": ("allow_hdrfrom_mismatch",),
}


def unaligned_options(options: SigningOptions) -> Iterator[tuple[str, str]]:
    """(option, why) of each by which another domain than From's may sign."""
    for name, mismatches in _MISMATCH.items():
        whose = getattr(options, name)
        if whose in ("", "header"):
            continue
        if whose not in IDENTITIES:
            yield name, f"all that falls under {name} is signed with d={whose}, whoever wrote it"
        elif whose != "envelope":
            yield name, f"{name} = {whose}: From may be of another domain than the one that signs"
        elif found := next((other for other in mismatches if getattr(options, other)), None):
            yield name, f"{name} = envelope: by {found} From may be of another domain"


def unaligned_authors(signing_table: Map, key_table: Map, options: SigningOptions) -> Iterator[str]:
    """Each author of OpenDKIM's tables whose mail another organisation signs."""
    for hit in signing_table.items():
        _, at, written = hit.entry.rpartition("@")
        author = written.removeprefix("*.").removeprefix(".")
        if not at or not is_safe(author) or hit.value == OF_AUTHOR:
            continue
        entry = key_table.get(hit.value)
        found = table_key(entry, author, options.selector) if entry else None
        if found is None:
            continue
        if organisational_domain(found.domain) != organisational_domain(author):
            yield f"{hit.where}: mail of {hit.entry[:80]} is signed with d={found.domain}"
