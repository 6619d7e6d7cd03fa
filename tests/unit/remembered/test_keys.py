"""What keys are made of: networks of clients, texts of messages."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.checks.remembered.keys import network, octets


@given(st.ip_addresses(), st.integers(0, 40), st.integers(0, 200))
def test_a_network_is_its_first_address(
    ip: IPv4Address | IPv6Address, ipv4_mask: int, ipv6_mask: int
) -> None:
    """A mask that is longer than an address is all of it, as in Rspamd."""
    bits = min(ipv4_mask if ip.version == 4 else ipv6_mask, ip.max_prefixlen)
    wanted = ip_network((str(ip), bits), strict=False).network_address
    assert network(ip, ipv4_mask, ipv6_mask) == str(wanted)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("\xe9", b"\xc3\xa9"), ("a\udcff", b"a\xff"), ("a\ud800", b"a?"), ("\ud800\udcff", b"??")],
)
def test_octets_of_any_text(text: str, expected: bytes) -> None:
    assert octets(text) == expected
