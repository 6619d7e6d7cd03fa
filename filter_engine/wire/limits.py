"""Bounds that both wires share: what milter takes in must fit into a scan request."""

from __future__ import annotations

MAX_RCPTS = 2_000
"""Recipients of a message that are kept; MTAs allow fewer (Postfix 1000, smtpd_recipient_limit)."""
MAX_ADDRESS = 2_048
"""Octets of an address or a HELO name, as long as a whole SMTP line of Postfix may be.

RFC 5321, section 4.5.3.1, asks for 256 and 255.
"""
MAX_FIELD_NAME = 998
"""Octets of a header field name that is of any use: a whole line (RFC 5322, section 2.1.1)."""
MAX_MACROS = 64 * 1024
"""Octets of milter macros for one command."""
MAX_HEAD = (MAX_RCPTS + 1) * (MAX_ADDRESS + 16) + 16 * MAX_MACROS
"""Octets of a scan request's head: every address with its header, and whatever macros bring."""
MAX_HEAD_FIELDS = 4 * MAX_RCPTS
"""Header fields of a scan request."""
