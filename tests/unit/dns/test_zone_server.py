"""The nameserver of the conformance, oracle and bench runs."""

from __future__ import annotations

import contextlib

import dns.message
import dns.query
import dns.rcode

from zone_server import ZoneServer


def _asked(server: ZoneServer, name: str) -> dns.message.Message:
    query = dns.message.make_query(name, "A")
    return dns.query.udp(query, "127.0.0.1", port=server.port, timeout=5)


def test_without_a_zone_no_name_exists() -> None:
    with contextlib.closing(ZoneServer()) as server:
        for name in ("example.org", "."):
            assert _asked(server, name).rcode() == dns.rcode.NXDOMAIN


def test_a_zone_is_answered_from_and_names_above_its_own_exist() -> None:
    with contextlib.closing(ZoneServer("a.example. 60 IN A 192.0.2.1\n")) as server:
        reply = _asked(server, "a.example")
        assert [str(record) for rrset in reply.answer for record in rrset] == ["192.0.2.1"]
        assert _asked(server, "example").rcode() == dns.rcode.NOERROR
        assert _asked(server, "b.example").rcode() == dns.rcode.NXDOMAIN
