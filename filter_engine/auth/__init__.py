"""Sender authentication without I/O: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489)."""
