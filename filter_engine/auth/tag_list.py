"""Lists of tags: DKIM-Signature and ARC fields, DKIM key records (RFC 6376, section 3.2)."""

from __future__ import annotations


class TagListError(ValueError):
    """The octets are no list of tags; the message quotes what is wrong."""


def parse_tags(octets: bytes) -> dict[bytes, bytes]:
    """Name -> value, white space around both taken off; folded lines may still be folded.

    A name begins with a letter and stands once; a semicolon may end the list. Raises TagListError.
    """
    specs = octets.strip().split(b";")
    if not specs[-1]:
        del specs[-1]
    tags: dict[bytes, bytes] = {}
    for spec in specs:
        name, equals, value = spec.partition(b"=")
        name = name.strip()
        if not equals or not name[:1].isalpha():
            raise TagListError(f"{_shown(spec)} is no tag")
        if name in tags:
            raise TagListError(f"{_shown(name)} stands twice")
        tags[name] = value.strip()
    return tags


def _shown(octets: bytes) -> str:
    return ascii(octets[:40].decode("latin-1"))
