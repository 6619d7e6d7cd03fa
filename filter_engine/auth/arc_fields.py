"""The three fields of an ARC set as written (RFC 8617, section 4.1)."""

from __future__ import annotations

import re

from filter_engine.auth.canonical import Canonicalization, canonical_field
from filter_engine.auth.dkim_signature import (
    ALGORITHMS,
    MAX_FIELD,
    MAX_NAMES,
    UNSAFE_IN_SELECTOR,
    DkimSignature,
    canonical_forms,
    number,
    octets,
    without_signature,
)
from filter_engine.auth.tag_list import TagListError, parse_tags
from filter_engine.dns.names import MAX_NAME, to_ascii
from filter_engine.lazy_dataclass import frozen

MAX_SETS = 50
"""The highest instance number (section 4.2.1)."""
_AAR_INSTANCE = re.compile(rb"\s{0,100}i\s{0,20}=\s{0,20}(\d{1,2})\s{0,20};")
_SPACE = re.compile(rb"\s")


class ArcFieldError(ValueError):
    """A field that cannot be used; the text says why."""


@frozen
class ArcSeal:
    """An ARC-Seal field that is syntactically right (section 4.1.3)."""

    instance: int
    name: bytes
    """The field's name as written."""
    value: bytes
    """All after the colon."""
    key_kind: str
    hash_name: str
    chain: str
    """``cv=``: none, pass or fail."""
    domain: str
    selector: str
    signature: bytes

    @property
    def key_name(self) -> str:
        """Where the public key is."""
        return f"{self.selector}._domainkey.{self.domain}"

    def unsigned(self) -> bytes:
        """The field in relaxed form with an empty ``b=`` and no final CRLF."""
        value = without_signature(self.value)
        return canonical_field(self.name, value, Canonicalization.RELAXED)


def parse_results_instance(value: bytes) -> int:
    """The instance of an ARC-Authentication-Results field, which begins with ``i=N;``.

    Raises ArcFieldError.
    """
    found = _AAR_INSTANCE.match(value)
    if found is None or not 1 <= int(found[1]) <= MAX_SETS:
        raise ArcFieldError("ARC-Authentication-Results does not begin with its instance")
    return int(found[1])


def parse_message_signature(name: bytes, value: bytes) -> tuple[int, DkimSignature]:
    """The instance and the signature of an ARC-Message-Signature (section 4.1.2).

    Raises ArcFieldError.
    """
    tags = _tags("ARC-Message-Signature", value, (b"i", b"a", b"b", b"bh", b"d", b"h", b"s"))
    names = tuple(field.strip().lower() for field in tags[b"h"].split(b":"))
    if len(names) > MAX_NAMES:
        raise ArcFieldError(f"{len(names)} names in h=")
    if b"arc-seal" in names:
        raise ArcFieldError("h= names ARC-Seal")
    try:
        header_form, body_form = canonical_forms(tags.get(b"c", b"simple/simple"))
        signed_at, expires_at = number(tags, b"t"), number(tags, b"x")
        length = number(tags, b"l")
    except ValueError as error:
        raise ArcFieldError(str(error)) from None
    domain, selector = _signer(tags)
    key_kind, hash_name = ALGORITHMS[tags[b"a"]]
    signature = DkimSignature(
        name,
        value,
        key_kind,
        hash_name,
        header_form,
        body_form,
        domain,
        selector,
        f"@{domain}",
        tuple(field for field in names if field),
        octets(tags[b"bh"]),
        octets(tags[b"b"]),
        tags[b"b"].decode("ascii", "replace"),
        length,
        signed_at,
        expires_at,
    )
    return _instance(tags), signature


def parse_seal(name: bytes, value: bytes) -> ArcSeal:
    """Read one ARC-Seal field. Raises ArcFieldError."""
    tags = _tags("ARC-Seal", value, (b"i", b"a", b"b", b"cv", b"d", b"s"))
    if b"h" in tags:
        raise ArcFieldError("ARC-Seal has h=")
    try:
        number(tags, b"t")
    except ValueError as error:
        raise ArcFieldError(str(error)) from None
    if tags[b"cv"] not in (b"none", b"pass", b"fail"):
        raise ArcFieldError("cv= is none of none, pass, fail")
    domain, selector = _signer(tags)
    key_kind, hash_name = ALGORITHMS[tags[b"a"]]
    chain = tags[b"cv"].decode("ascii")
    instance, signature = _instance(tags), octets(tags[b"b"])
    return ArcSeal(instance, name, value, key_kind, hash_name, chain, domain, selector, signature)


def _tags(field: str, value: bytes, mandatory: tuple[bytes, ...]) -> dict[bytes, bytes]:
    if len(value) > MAX_FIELD:
        raise ArcFieldError(f"{field} of {len(value)} octets")
    try:
        tags = parse_tags(value)
    except TagListError:
        raise ArcFieldError(f"{field} is no list of tags") from None
    for tag in (b"b", b"bh"):
        if tag in tags:
            tags[tag] = b"".join(tags[tag].split())
    for tag in mandatory:
        if tag not in tags or (not tags[tag] and tag != b"h"):
            raise ArcFieldError(f"{field} has no {tag.decode()}=")
    if ALGORITHMS.get(tags[b"a"], ("", "sha1"))[1] == "sha1":
        raise ArcFieldError(f"{field} has an a= that is not accepted")
    return tags


def _instance(tags: dict[bytes, bytes]) -> int:
    text = tags[b"i"]
    if not text.isdigit() or len(text) > 2 or not 1 <= int(text) <= MAX_SETS:
        raise ArcFieldError("i= is no instance number")
    return int(text)


def _signer(tags: dict[bytes, bytes]) -> tuple[str, str]:
    """``d=`` as A-labels and ``s=``, both in lower case."""
    domain = to_ascii(tags[b"d"].decode("utf-8", "replace"))
    if not domain or _SPACE.search(tags[b"d"]) or UNSAFE_IN_SELECTOR & set(tags[b"s"]):
        raise ArcFieldError("d= or s= is no domain name")
    if len(tags[b"s"]) > MAX_NAME:
        raise ArcFieldError("s= is longer than a name can be")
    return domain, tags[b"s"].decode("ascii", "replace").lower()
