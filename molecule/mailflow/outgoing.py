"""Verifying what left the site, as a receiver on the Internet does it."""

from __future__ import annotations

import dkim
import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from lab.lab import Lab


def authoritative_txt(lab: Lab, name: str) -> bytes | None:
    """A TXT record of the lab's DNS as its authoritative server holds it; None without one."""
    query = dns.message.make_query(name.rstrip(".") + ".", dns.rdatatype.TXT)
    server = lab.internet.root_server.address
    answer = dns.query.udp_with_fallback(query, server, timeout=5)[0]
    for rrset in answer.answer:
        if rrset.rdtype == dns.rdatatype.TXT:
            return b"".join(rrset[0].strings)
    return None


def signatures(lab: Lab, message: bytes) -> list[tuple[str, bool]]:
    """(domain, verifies) of every DKIM-Signature, checked by dkimpy with the lab's DNS."""
    verifier = dkim.DKIM(message)
    count = sum(name.lower() == b"dkim-signature" for name, _ in verifier.headers)
    found = []
    for index in range(count):
        try:
            good = verifier.verify(
                index,
                dnsfunc=lambda name, timeout=5: authoritative_txt(lab, name.decode()),  # noqa: ARG005 - dkimpy names it
            )
        except (dkim.DKIMException, dns.exception.DNSException):
            good = False
        domain = (verifier.domain or b"").decode("ascii", "replace")
        found.append((domain, bool(good)))
    return found
