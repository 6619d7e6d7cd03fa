"""Listening sockets and address sets."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filter_engine.config import AddressSet, SystemdSocket, TcpSocket, UnixSocket
from filter_engine.config.sockets import BindSocket, parse_bind_socket


@pytest.mark.parametrize(
    ("text", "sockets"),
    [
        ("127.0.0.1:11332", (TcpSocket("127.0.0.1", 11332),)),
        ("127.0.0.1", (TcpSocket("127.0.0.1", 7),)),
        ("[::1]:11332", (TcpSocket("::1", 11332),)),
        ("[::1]", (TcpSocket("::1", 7),)),
        ("::1", (TcpSocket("::1", 7),)),
        ("localhost:1", (TcpSocket("127.0.0.1", 1), TcpSocket("::1", 1, optional=True))),
        ("*:1", (TcpSocket("0.0.0.0", 1), TcpSocket("::", 1, optional=True))),
        ("mail.example.net:1", (TcpSocket("mail.example.net", 1),)),
        ("/run/x.sock", (UnixSocket("/run/x.sock"),)),
        (
            "/run/x.sock mode=0660 owner=a group=b",
            (UnixSocket("/run/x.sock", 0o660, "a", "b"),),
        ),
        ("systemd:0", (SystemdSocket(0),)),
        ("systemd:scan ssl", (SystemdSocket(0, "scan", ssl=True),)),
        ("fd:4  ssl", (SystemdSocket(1, ssl=True),)),
        ("[::1]:2 ssl", (TcpSocket("::1", 2, ssl=True),)),
        (
            "*:1 ssl",
            (TcpSocket("0.0.0.0", 1, ssl=True), TcpSocket("::", 1, optional=True, ssl=True)),
        ),
        ("systemd:scan.socket", (SystemdSocket(0, "scan.socket"),)),
        ("*v4:1", (TcpSocket("0.0.0.0", 1),)),
        ("*v6:1", (TcpSocket("::", 1),)),
        ("*v6", (TcpSocket("::", 7),)),
        # rmilter.conf and milter clients
        ("unix:/var/tmp/rmilter.sock", (UnixSocket("/var/tmp/rmilter.sock"),)),
        ("local:/run/x.sock mode=0600", (UnixSocket("/run/x.sock", 0o600),)),
        ("inet:[11339@127.0.0.1]", (TcpSocket("127.0.0.1", 11339),)),
        ("inet:11339@127.0.0.1", (TcpSocket("127.0.0.1", 11339),)),
        ("inet:11339@[::1]", (TcpSocket("::1", 11339),)),
        ("inet6:11339@::1", (TcpSocket("::1", 11339),)),
        ("inet6:[11339@::1]", (TcpSocket("::1", 11339),)),
        ("inet:1", (TcpSocket("0.0.0.0", 1), TcpSocket("::", 1, optional=True))),
        ("inet6:1", (TcpSocket("::", 1),)),
        ("fd:3", (SystemdSocket(0),)),
        ("fd:5", (SystemdSocket(2),)),
    ],
)
def test_sockets(text: str, sockets: tuple[BindSocket, ...]) -> None:
    assert parse_bind_socket(text, 7) == sockets
    shown = [parsed for made in sockets for parsed in parse_bind_socket(str(made), 7)]
    assert [str(made) for made in shown] == [str(made) for made in sockets]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        (":1", "address is missing"),
        ("1.2.3:1", "not an IPv4"),
        ("256.1.1.1:1", "not an IPv4"),
        ("[1.2.3.4]:1", "not an IPv6"),
        ("[::1:1", "closing bracket"),
        ("localhost:99999", "not a port"),
        ("localhost:1 mode=0660", "only unix sockets"),
        ("localhost:1 ssl ssl", "only unix sockets"),
        ("localhost:1 ssl mode=0660", "only unix sockets"),
        ("/x ssl", "expected mode"),
        ("/x mode=99", "octal"),
        ("/x mode=7777777", "octal"),
        ("/x user=a", "expected mode"),
        ("/x owner=", "expected mode"),
        ("systemd:a b", "socket number"),
        ("systemd:", "socket number"),
        ("systemd:999999", "socket number"),
        ("*v5:1", "neither a host name nor an address"),
        ("a!b:1", "neither a host name nor an address"),
        ("unix:run/x", "absolute path"),
        ("local:", "absolute path"),
        ("/" + "x" * 107, "at most 107 octets"),
        ("inet:11339@", "expected inet:port@host"),
        ("inet:@host", "expected inet:port@host"),
        ("inet:x@host", "not a port"),
        ("inet:0@host", "not a port"),
        ("inet:[11339@127.0.0.1", "not a port"),
        ("fd:1", "below 3"),
        ("fd:x", "not a descriptor"),
    ],
)
def test_faults(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_bind_socket(text, 7)


@given(st.text(max_size=60) | st.text("inet6:[]@.*/fdsytmo =0123", max_size=40))
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    with suppress(ValueError):
        for made in parse_bind_socket(text, 7):
            (again,) = [
                parsed for parsed in parse_bind_socket(str(made), 7) if str(parsed) == str(made)
            ][:1]
            assert type(again) is type(made)


@given(st.lists(st.ip_addresses(v=4).map(lambda ip: f"{ip}/16"), max_size=6), st.ip_addresses())
@example(["0.0.0.0/16"], "::ffff:0:0")
def test_membership_is_that_of_ipaddress(texts: list[str], address: object) -> None:
    """But for IPv4 in IPv6 (RFC 4291, 2.5.5.2), which is IPv4 here."""
    networks = [ip_network(text, strict=False) for text in texts]
    made = AddressSet(networks)
    probe = ip_address(str(address))
    plain = getattr(probe, "ipv4_mapped", None) or probe
    assert (probe in made) == any(plain in network for network in networks)
    assert all(network.network_address in made for network in networks)


def test_odd_members() -> None:
    made = AddressSet(["10.0.0.0/8", "::1/128"])
    assert "10.1.2.3" in made
    assert "::ffff:10.1.2.3" in made
    assert "::1" in made
    assert "11.0.0.1" not in made
    assert "nonsense" not in made
    assert None not in made
    assert "10.0.0.1" in AddressSet(["0.0.0.0/0"])
    assert len(made | AddressSet(["10.0.0.0/8"])) == 2
    with pytest.raises(ValueError, match="host bits"):
        AddressSet(["10.0.0.1/8"])
