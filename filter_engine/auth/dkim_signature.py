"""DKIM-Signature fields as written (RFC 6376, sections 3.2 and 3.5)."""

from __future__ import annotations

from filter_engine.auth.canonical import Canonicalization, canonical_field
from filter_engine.auth.dkim_key import decode_base64
from filter_engine.auth.tag_list import TagListError, parse_tags
from filter_engine.dns.names import MAX_NAME, is_below, to_ascii
from filter_engine.lazy_dataclass import settled

MAX_FIELD = 32768
"""Octets of a signature field; longer ones are not read."""
MAX_NAMES = 1000
"""Names in ``h=``."""

_MANDATORY = (b"v", b"a", b"b", b"bh", b"d", b"h", b"s")
ALGORITHMS = {
    b"rsa-sha256": ("rsa", "sha256"),
    b"rsa-sha1": ("rsa", "sha1"),
    b"ed25519-sha256": ("ed25519", "sha256"),
}
"""``a=`` -> kind of key, name of the hash."""
UNSAFE_IN_SELECTOR = frozenset(b" \t\r\n;:@<>()[]\\,\"'/")
"""Octets that cannot be in ``s=``."""


class DkimSignatureError(ValueError):
    """A signature field that cannot be used; ``domain`` and ``selector`` if they could be read."""

    def __init__(self, reason: str, tags: dict[bytes, bytes]) -> None:
        super().__init__(reason)
        self.domain = tags.get(b"d", b"").decode("utf-8", "replace")[:255]
        self.selector = tags.get(b"s", b"").decode("ascii", "replace")[:255]


@settled
class DkimSignature:
    """A signature field that is syntactically right."""

    name: bytes
    """The field's name as written."""
    value: bytes
    """All after the colon."""
    key_kind: str
    """``rsa`` or ``ed25519``."""
    hash_name: str
    """``sha256`` or ``sha1``."""
    header_form: Canonicalization
    body_form: Canonicalization
    domain: str
    """``d=`` in lower case, as A-labels."""
    selector: str
    identity: str
    """``i=``, or ``@`` and the domain."""
    names: tuple[bytes, ...]
    """``h=`` in lower case."""
    body_hash: bytes
    signature: bytes
    signature_text: str
    """``b=`` without white space."""
    length: int | None
    """``l=``."""
    signed_at: int | None
    """``t=``, seconds since the epoch."""
    expires_at: int | None
    """``x=``."""

    @property
    def algorithm(self) -> str:
        """``a=``."""
        return f"{self.key_kind}-{self.hash_name}"

    @property
    def key_name(self) -> str:
        """Where the public key is (section 3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"

    def unsigned(self, form: Canonicalization) -> bytes:
        """The field in canonical form with an empty ``b=`` and no final CRLF (section 3.5)."""
        return canonical_field(self.name, without_signature(self.value), form)

    def time_problem(self, now: float, jitter: float) -> str:
        """Why the signature is not valid at this time, ``""`` if it is; all in seconds."""
        if self.signed_at is not None and self.signed_at > now + jitter:
            return "signature is from the future"
        if self.expires_at is not None:
            if self.expires_at < now - jitter:
                return "signature has expired"
            if self.signed_at is not None and self.expires_at < self.signed_at:
                return "signature expires before it was made"
        return ""


def without_signature(value: bytes) -> bytes:
    """A signature field's value with its ``b=`` emptied."""
    parts = value.split(b";")
    for index, part in enumerate(parts):
        tag, equals, _ = part.partition(b"=")
        if equals and tag.strip() == b"b":
            parts[index] = tag + equals
    return b";".join(parts)


def parse_signature(name: bytes, value: bytes) -> DkimSignature:
    """Read one DKIM-Signature field. Raises DkimSignatureError."""
    if len(value) > MAX_FIELD:
        raise DkimSignatureError(f"signature field of {len(value)} octets", {})
    try:
        tags = parse_tags(value)
    except TagListError as error:
        raise DkimSignatureError(f"no tag list: {error}", {}) from None
    tags = {
        tag: b"".join(text.split()) if tag != b"h" else text.lower() for tag, text in tags.items()
    }
    try:
        return _build(name, value, tags)
    except ValueError as error:
        raise DkimSignatureError(str(error)[:200], tags) from None


def _build(name: bytes, value: bytes, tags: dict[bytes, bytes]) -> DkimSignature:
    for tag in _MANDATORY:
        if tag not in tags:
            raise ValueError(f"no {tag.decode()}=")
    if tags[b"v"] != b"1":
        raise ValueError("v= is not 1")
    if tags[b"a"] not in ALGORITHMS:
        raise ValueError("unknown algorithm in a=")
    methods = tags.get(b"q", b"dns/txt").lower().split(b":")
    if b"dns/txt" not in methods:
        raise ValueError("q= offers no dns/txt")
    names = tuple(field.strip() for field in tags[b"h"].split(b":"))
    if len(names) > MAX_NAMES:
        raise ValueError(f"{len(names)} names in h=")
    if b"from" not in names:
        raise ValueError("h= does not name From")
    domain = to_ascii(tags[b"d"].decode("utf-8", "strict"))
    selector = tags[b"s"].decode("ascii", "strict").lower()
    unsafe = UNSAFE_IN_SELECTOR
    if not domain or not selector or not (unsafe.isdisjoint(tags[b"s"] + tags[b"d"])):
        raise ValueError("d= or s= is no domain name")
    if len(selector) > MAX_NAME:
        raise ValueError("s= is longer than a name can be")
    identity = tags.get(b"i", b"@" + tags[b"d"]).decode("utf-8", "replace")
    if not is_below(to_ascii(identity.rpartition("@")[2]) or "", domain):
        raise ValueError("i= is not below d=")
    header_form, body_form = canonical_forms(tags.get(b"c", b"simple/simple"))
    key_kind, hash_name = ALGORITHMS[tags[b"a"]]
    return DkimSignature(
        name,
        value,
        key_kind,
        hash_name,
        header_form,
        body_form,
        domain,
        selector,
        identity,
        names,
        octets(tags[b"bh"]),
        octets(tags[b"b"]),
        tags[b"b"].decode("ascii", "replace"),
        number(tags, b"l"),
        number(tags, b"t"),
        number(tags, b"x"),
    )


def octets(text: bytes) -> bytes:
    """What base64 stands for; nothing, which fits no hash and no key, if it is broken.

    As in Rspamd the signature then fails, where a syntax error would only make it go unnoticed.
    """
    try:
        return decode_base64(text)
    except ValueError:
        return b""


def canonical_forms(text: bytes) -> tuple[Canonicalization, Canonicalization]:
    """What ``c=`` says of header and body. Raises ValueError."""
    header, slash, body = text.decode("ascii", "replace").lower().partition("/")
    try:
        return Canonicalization(header), Canonicalization(body if slash else "simple")
    except ValueError:
        raise ValueError(f"unknown canonicalisation {text[:40]!r}") from None


def number(tags: dict[bytes, bytes], tag: bytes) -> int | None:
    """The number in that tag, None without it. Raises ValueError."""
    text = tags.get(tag)
    if text is None:
        return None
    if not text.isdigit() or len(text) > 76:
        raise ValueError(f"{tag.decode()}= is no number")
    return int(text)
