"""The MIME structure: missing or odd headers, encodings that lie, parts that are not there."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.message.part import Part
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_HEADERS = ("headers",)
_MIME = ("mime",)
_TYPES = ("mime_types",)
_PROSE: Final = frozenset({"text/plain", "text/html"})
"""Types that are text to be read even as attachments; calendars and cards are data."""
_BIT_CASE: Final = re.compile(rb"\s*[78]B")
_SIGNATURES: Final = {
    "application/pgp-signature": "SIGNED_PGP",
    "application/pkcs7-signature": "SIGNED_SMIME",
    "application/x-pkcs7-signature": "SIGNED_SMIME",
}
_ENCRYPTED: Final = {
    "application/pgp-encrypted": ("ENCRYPTED_PGP", "pgp part"),
    "application/pkcs7-mime": ("ENCRYPTED_SMIME", "smime part"),
    "application/x-pkcs7-mime": ("ENCRYPTED_SMIME", "smime part"),
}


@check(
    "check_mime",
    module="mime",
    symbols=(
        Symbol("MISSING_MIME_VERSION", 2.0, "MIME headers, but no MIME-Version", _HEADERS),
        Symbol("MIME_MA_MISSING_TEXT", 2.0, "multipart/alternative without plain text", _HEADERS),
        Symbol("MIME_MA_MISSING_HTML", 1.0, "multipart/alternative without HTML", _HEADERS),
        Symbol(
            "MIME_HEADER_CTYPE_ONLY", 2.0, "Content-Type is the only MIME header", _HEADERS, True
        ),
        Symbol("MIME_HTML_ONLY", 0.2, "HTML without a text alternative", _HEADERS, True),
        Symbol("R_MISSING_CHARSET", 0.5, "Plain text that names no charset", _HEADERS, True),
        Symbol("MV_CASE", 0.5, "MIME-Version is spelled Mime-Version", _HEADERS),
        Symbol("CT_EXTRA_SEMI", 1.0, "Content-Type ends with a semicolon", _HEADERS, True),
        Symbol("CTE_CASE", 0.5, "Content-Transfer-Encoding is spelled 7Bit or 8Bit", _HEADERS),
    ),
)
def check_mime(task: Task) -> list[Finding]:
    """MIME headers of the whole message, and which kinds of text it has."""
    message = task.message
    found: list[Finding] = []
    version = message.get("mime-version")
    content_type = message.get("content-type")
    encoding = message.get("content-transfer-encoding")
    types = {part.content_type for part in message.parts}
    if version is None and (content_type is not None or encoding is not None):
        found.append(Finding("MISSING_MIME_VERSION"))
    if "multipart/alternative" in types:
        if "text/plain" not in types:
            found.append(Finding("MIME_MA_MISSING_TEXT"))
        if "text/html" not in types:
            found.append(Finding("MIME_MA_MISSING_HTML"))
    plain = _declares(message.parts, "text/plain")
    others = version or encoding or message.get("content-disposition")
    if content_type is not None and not others and not plain:
        found.append(Finding("MIME_HEADER_CTYPE_ONLY"))
    if _html_only(message.text_parts):
        found.append(Finding("MIME_HTML_ONLY"))
    if plain and _missing_charset(message.parts):
        found.append(Finding("R_MISSING_CHARSET"))
    for field in message.get_all("mime-version"):
        if field.name == "Mime-Version":
            found.append(Finding("MV_CASE"))
            break
    for field in message.get_all("content-type"):
        if field.raw.rstrip(b"\r\n").endswith(b";"):
            found.append(Finding("CT_EXTRA_SEMI"))
            break
    for field in message.get_all("content-transfer-encoding"):
        if _BIT_CASE.match(field.raw):
            found.append(Finding("CTE_CASE"))
            break
    return found


def _html_only(texts: tuple[Part, ...]) -> bool:
    """Whether the first text is HTML and has no alternative that is not."""
    if not texts or not texts[0].is_html:
        return False
    parent = texts[0].parent
    if parent is None or parent.content_type != "multipart/alternative":
        return True
    return all(text.is_html for text in texts if text.parent is parent)


def _declares(parts: tuple[Part, ...], content_type: str) -> bool:
    """Whether the message is of that type, or, being a multipart, has a part of it."""
    if parts[0].is_multipart:
        return content_type in [part.content_type for part in parts]
    return parts[0].content_type == content_type


def _missing_charset(parts: tuple[Part, ...]) -> bool:
    looked_at = parts if parts[0].is_multipart else parts[:1]
    if any("charset" in part.params for part in looked_at):
        return False
    if any(part.cte == "7bit" and part.is_text for part in parts):
        return False
    return any(part.content for part in parts if not part.is_multipart)


@check(
    "mime_parts",
    module="mime",
    symbols=(
        Symbol("HAS_ATTACHMENT", 0.0, "There is an attachment", ("body",)),
        Symbol("CTYPE_MISSING_DISPOSITION", 4.0, "Binary content that is no attachment", _MIME),
        Symbol("CTYPE_MIXED_BOGUS", 1.0, "multipart/mixed with text only", _MIME),
        Symbol("MIME_BASE64_TEXT", 0.1, "Text in base64", _MIME),
        Symbol("MIME_BASE64_TEXT_BOGUS", 1.0, "Text in base64 that has ASCII only", _MIME),
        Symbol("R_BAD_CTE_7BIT", 3.5, "Text with bytes above 127 that says 7bit", _HEADERS),
    ),
)
def mime_parts(task: Task) -> list[Finding]:
    """Attachments and encodings of the parts."""
    message = task.message
    parts = message.parts
    found: list[Finding] = []
    missing = False
    encoded: list[Part] = []
    for part in parts:
        kind = (part.text_of("content-type") or "").lower()
        if kind.startswith("text"):
            if (part.text_of("content-transfer-encoding") or "")[:6].lower() == "base64":
                encoded.append(part)
        elif kind.startswith("application/octet-stream") and not missing:
            missing = _missing_disposition(part, len(parts))
    if len(parts) > 1 and any(map(_says_attachment, parts)):
        found.append(Finding("HAS_ATTACHMENT"))
    if missing:
        found.append(Finding("CTYPE_MISSING_DISPOSITION"))
    if parts[0].content_type == "multipart/mixed" and _only_text(parts):
        found.append(Finding("CTYPE_MIXED_BOGUS"))
    if encoded:
        found.append(Finding("MIME_BASE64_TEXT"))
        readable = [part for part in encoded if part.is_text or part.content_type in _PROSE]
        if any(part.content.isascii() for part in readable):
            found.append(Finding("MIME_BASE64_TEXT_BOGUS"))
    for part in message.text_parts:
        if part.cte != "8bit" and not part.raw_content.isascii():
            utf8 = part.charset == "utf-8"
            options = (part.cte, "utf8") if utf8 else (part.cte,)
            found.append(Finding("R_BAD_CTE_7BIT", options, 0.3 if utf8 else 1.0))
            break
    return found


def _says_attachment(part: Part) -> bool:
    text = part.text_of("content-disposition")
    return text is not None and text.lower().startswith("attachment")


def _missing_disposition(part: Part, number: int) -> bool:
    """Whether octets that say nothing of their kind do not say either that they are attached."""
    disposition = (part.text_of("content-disposition") or "").lower()
    if disposition.startswith("attachment") or part.get("content-id") is not None:
        return False
    if number > 1 and (part.filename or "").lower().endswith(".asc"):
        return False
    return part.parent is None or part.parent.content_type != "multipart/encrypted"


def _only_text(parts: tuple[Part, ...]) -> bool:
    texts = [part for part in parts if part.maintype == "text" and not part.is_attachment]
    others = [part for part in parts if part not in texts and not part.is_multipart]
    return len(texts) <= 2 and not others


@check(
    "signed_and_encrypted",
    module="mime_types",
    symbols=(
        Symbol("SIGNED_PGP", -2.0, "Signed with OpenPGP", _TYPES, True),
        Symbol("SIGNED_SMIME", -2.0, "Signed with S/MIME", _TYPES, True),
        Symbol("ENCRYPTED_PGP", -0.5, "Encrypted with OpenPGP", _TYPES, True),
        Symbol("ENCRYPTED_SMIME", -0.5, "Encrypted with S/MIME", _TYPES, True),
        Symbol(
            "BOGUS_ENCRYPTED_AND_TEXT", 10.0, "Encrypted parts mixed with readable ones", _TYPES
        ),
    ),
)
def signed_and_encrypted(task: Task) -> list[Finding]:
    """Parts of OpenPGP (RFC 3156) and S/MIME (RFC 8551)."""
    symbols: dict[str, None] = {}
    encrypted: list[str] = []
    texts = False
    for part in task.message.parts:
        if part.parent is None or not part.parent.is_multipart:
            continue
        if part.content_type in _SIGNATURES:
            symbols[_SIGNATURES[part.content_type]] = None
        elif part.content_type in _ENCRYPTED:
            symbol, option = _ENCRYPTED[part.content_type]
            symbols[symbol] = None
            encrypted.append(option)
        elif part.maintype == "text" and part.is_text:
            texts = True
    found = [Finding(symbol) for symbol in symbols]
    if texts and encrypted:
        found.append(Finding("BOGUS_ENCRYPTED_AND_TEXT", tuple(encrypted)))
    return found
