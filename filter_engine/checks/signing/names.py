"""What a site writes as names of keys: domains, selectors, variables of paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypeVar

from filter_engine.config.findings import Severity
from filter_engine.config.kinds import merged_object, text_of
from filter_engine.config.schema import Binder, Kind
from filter_engine.dns.names import MAX_LABEL, to_ascii
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject

T = TypeVar("T")

ALL_OTHERS: Final = "*"
"""The name under ``domain`` that means every domain not listed there."""
_KEYS: Final = "_domainkey"
"""The label between selector and domain (RFC 6376, section 3.6.2.1)."""
_SAFE_NAME: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]|\.(?!\.))*\Z")
_UNKNOWN: Final = re.compile(r"\$(?!domain|selector)\{?\w+\}?")


def is_safe(name: str) -> bool:
    """Whether a domain or selector may become part of a path and of a header."""
    return len(name) < 254 and _SAFE_NAME.match(name) is not None


def _selector(nodes: list[UclNode], binder: Binder) -> str:
    text, node = text_of(nodes[0]), nodes[0]
    labels = text.lower().split(".")
    if not text:
        binder.report(
            Severity.WARNING,
            "no-effect",
            node,
            "the selector is empty: no key is published under such a name",
            "write the label before ._domainkey in DNS, or remove the line for what holds without",
        )
    elif _KEYS in labels:
        bare = ".".join(labels[: labels.index(_KEYS)])
        binder.report(
            Severity.WARNING,
            "odd-syntax",
            node,
            f"selector {text!r}: receivers look for the key at {text}.{_KEYS}.DOMAIN",
            f"write {bare or 'the label before ._domainkey'}" + (" alone" if bare else ""),
        )
    elif not is_safe(text.lower()) or any(not 0 < len(one) <= MAX_LABEL for one in labels):
        binder.report(
            Severity.WARNING,
            "no-effect",
            node,
            f"selector {text!r} has no effect: it is no name in DNS, so that nothing is signed "
            "with it",
            "write letters, digits and -, as in mail or 2027-a",
        )
    return text


SELECTOR: Kind[str] = Kind("string", _selector)
"""A selector; one that nobody can look up is told."""


def _path(nodes: list[UclNode], binder: Binder) -> str:
    text = text_of(nodes[0])
    for word in dict.fromkeys(_UNKNOWN.findall(text)):
        binder.report(
            Severity.WARNING,
            "odd-syntax",
            nodes[0],
            f"{word} is no variable of a key's path: it is taken as it stands",
            "write $domain or $selector",
        )
    return text


KEY_PATH: Kind[str] = Kind("string", _path)
"""The path of key files; variables that it cannot have are told."""


def by_domain(kind: Kind[Mapping[str, T]]) -> Kind[Mapping[str, T]]:
    """Named sections whose names are domains, read in the form that mail is compared in.

    That is lower case without final dot, U-labels as A-labels. A name that no mail can have is
    told.
    """

    def convert(nodes: list[UclNode], binder: Binder) -> Mapping[str, T]:
        flat = [
            item
            for node in nodes
            for item in (node.items if isinstance(node, UclArray) else (node,))
        ]
        written = merged_object(flat)
        entries: dict[str, list[UclNode]] = {}
        for name, values in written.entries.items():
            key = name if name == ALL_OTHERS else to_ascii(name.strip()) or name
            if key != ALL_OTHERS and not is_safe(key):
                _tell_no_domain(name, values[0], binder)
            entries.setdefault(key, []).extend(values)
        made = UclObject(entries, written.origin, priority=written.priority)
        return kind.convert([made], binder)

    return replace(kind, convert=convert)


def _tell_no_domain(name: str, node: UclNode, binder: Binder) -> None:
    bare = name.removeprefix("@").removeprefix("*.").removeprefix(".")
    known = is_safe(to_ascii(bare) or "") and bare != name
    subdomains = name.startswith(("*.", "."))
    binder.report(
        Severity.WARNING,
        "no-effect",
        node,
        f"domain {name!r} has no effect: it is no domain's name, so that no mail is of it",
        (f"write {bare}" if known else 'write it as in example.net, or "*" for all others')
        + ("; with use_esld its subdomains are signed as it" if known and subdomains else ""),
    )
