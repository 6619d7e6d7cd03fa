"""What the parser noticed to be wrong with a message."""

from __future__ import annotations

from enum import StrEnum


class Defect(StrEnum):
    """A deviation from RFC 5322, RFC 2045 and their kin that the parser read past."""

    HEADER_LINE_WITHOUT_COLON = "a header line has no colon"
    HEADER_NAME_INVALID = "a header name has bytes that RFC 5322 does not allow"
    HEADERS_TRUNCATED = "too many or too long headers: the rest was left out"
    NUL_BYTE = "a NUL byte in the header"
    EIGHT_BIT_HEADER = "bytes above 127 in the header"
    BAD_CONTENT_TYPE = "a Content-Type that cannot be parsed"
    BOUNDARY_MISSING = "a multipart without boundary parameter"
    BOUNDARY_NOT_FOUND = "a multipart whose boundary never appears"
    MULTIPART_NOT_CLOSED = "a multipart without closing boundary"
    BAD_TRANSFER_ENCODING = "a Content-Transfer-Encoding that is not known"
    BAD_BASE64 = "base64 content with other characters or of wrong length"
    BAD_UUENCODE = "uuencoded content that cannot be decoded"
    UNKNOWN_CHARSET = "a charset that is not known"
    BAD_CHARSET = "text that its charset does not allow"
    TOO_DEEP = "parts nested too deeply: the inner ones were left out"
    TOO_MANY_PARTS = "too many parts: the rest was left out"
    BAD_ADDRESS = "an address list that cannot be parsed"
    BAD_DATE = "a Date that cannot be parsed"
    BAD_ENCODED_WORD = "an encoded word (RFC 2047) that cannot be decoded"
