"""The part ``metadata`` of ``/checkv3``: the envelope as data instead of request headers.

Names as Rspamd 4.1 reads them: ``from``, ``rcpt``, ``ip``, ``helo``, ``hostname``, ``user``,
``queue_id``, ``deliver_to``, ``settings_id``, ``settings``, ``tls.cipher``, ``tls.version``,
``mta.name``, ``mta.tag``, ``flags``, ``headers``. Others are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from filter_engine.scan.envelope import Envelope
from filter_engine.wire.form import FormError
from filter_engine.wire.limits import MAX_HEAD_FIELDS, MAX_RCPTS
from filter_engine.wire.request import without_brackets

MAX_METADATA = 256 * 1024
"""Octets: more than 2,000 recipients of common length."""

_TEXTS: Final = {
    "ip": "ip",
    "helo": "helo",
    "hostname": "hostname",
    "user": "user",
    "queue_id": "queue_id",
    "deliver_to": "deliver_to",
    "settings_id": "settings_id",
    "tls.cipher": "tls_cipher",
    "tls.version": "tls_version",
    "mta.name": "mta_name",
    "mta.tag": "mta_tag",
}
"""Path in the data -> field of the envelope."""

NO_FILES: Final = "file and shm message sources are not allowed"
"""What is said to a request that has this host read a file; Rspamd's words."""
_FILES: Final = ("file", "path", "shm", "shm_offset", "shm_length")
"""What would have this host read a file."""
_NOT_CUSTOM: Final = frozenset(
    (
        *("file", "path", "shm", "shm-offset", "shm-length", "dictionary"),
        *("compression", "content-encoding", "content-length", "transfer-encoding", "host"),
    )
)
"""Names in ``headers`` that say how a request is read: they are skipped."""
_FIELD_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,998}", re.ASCII)
"""A token (RFC 9110, section 5.6.2)."""
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class FileSourceError(FormError):
    """The request names a file of this host instead of a message."""


def with_metadata(envelope: Envelope, said: Mapping[str, Any]) -> Envelope:
    """The envelope with what the metadata say; they win over request headers.

    ``null`` counts as not said. Raises ``FormError`` for a value of another type than it should be,
    ``FileSourceError`` for metadata that name a file.
    """
    if any(said.get(name) is not None for name in _FILES):
        raise FileSourceError(NO_FILES)
    changes: dict[str, Any] = {}
    for path, field in _TEXTS.items():
        value = _inner(said, path)
        if value is not None:
            changes[field] = _text(value, path).strip() or None
    if (changes.get("hostname") or "").lower() == "unknown":
        changes["hostname"] = None
    if said.get("from") is not None:
        changes["mail_from"] = without_brackets(_text(said["from"], "from").strip())
    if said.get("rcpt") is not None:
        rcpts = (without_brackets(text.strip()) for text in _texts(said["rcpt"], "rcpt"))
        changes["rcpt_to"] = tuple(rcpt for rcpt in rcpts if rcpt)[:MAX_RCPTS]
    if said.get("flags") is not None:
        words = (w.strip().lower() for f in _texts(said["flags"], "flags") for w in f.split(","))
        changes["flags"] = envelope.flags.union(word for word in words if word)
    headers = tuple(_headers(said))
    if headers:
        # The first of a name counts.
        changes["request_headers"] = (*headers, *envelope.request_headers)
    return replace(envelope, **changes)


def _headers(said: Mapping[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    settings = said.get("settings")
    if settings is not None:
        if not isinstance(settings, dict):
            raise FormError("metadata: settings is not an object")
        yield b"settings", _json(settings)
    custom = said.get("headers")
    if custom is None:
        return
    if not isinstance(custom, dict):
        raise FormError("metadata: headers is not an object")
    count = 0
    for name, values in custom.items():
        key = str(name).lower()
        if _FIELD_NAME.fullmatch(key) is None:
            raise FormError(f"metadata: headers: {str(name)[:40]!a} is no field name")
        for value in _texts(values, f"headers.{key[:40]}"):
            count += 1
            if count > MAX_HEAD_FIELDS:
                raise FormError(f"metadata: more than {MAX_HEAD_FIELDS} headers")
            if key not in _NOT_CUSTOM:
                octets = value.encode("utf-8", "surrogateescape")
                # Sent on to a scanner such a character would end its line.
                yield key.encode(), _CONTROL.sub(b"?", octets)


def _json(data: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(data)
    except (TypeError, ValueError) as error:
        raise FormError(f"metadata: settings: {str(error)[:100]}") from None


def _inner(said: Mapping[str, Any], path: str) -> Any:
    outer, dot, name = path.partition(".")
    value = said.get(outer)
    if not dot or value is None:
        return value
    if not isinstance(value, dict):
        raise FormError(f"metadata: {outer} is not an object")
    return value.get(name)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise FormError(f"metadata: {where} is not a text")
    return value


def _texts(value: Any, where: str) -> Iterator[str]:
    """One text or a list of them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield _text(item, where)
    else:
        raise FormError(f"metadata: {where} is neither a text nor a list of texts")
