"""Server lists."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.config import Rotation, Upstream, UpstreamList
from filter_engine.config.upstreams import parse_upstreams


@pytest.mark.parametrize(
    ("text", "rotation", "upstreams"),
    [
        (
            "master-slave:localhost:11333:30,mx.example.net:11333:20",
            "master-slave",
            [("localhost", 11333, 30), ("mx.example.net", 11333, 20)],
        ),
        (
            "master-slave:172.27.88.10:53:40, 172.27.88.1:53:30",
            "master-slave",
            [("172.27.88.10", 53, 40), ("172.27.88.1", 53, 30)],
        ),
        ("localhost", "round-robin", [("localhost", 7, 1)]),
        ("a:1;b:2 c:3\td", "round-robin", [("a", 1, 1), ("b", 2, 1), ("c", 3, 1), ("d", 7, 1)]),
        ("random:a,b", "random", [("a", 7, 1), ("b", 7, 1)]),
        ("round-robin:a", "round-robin", [("a", 7, 1)]),
        ("hash:a:1", "hash", [("a", 1, 1)]),
        ("sequential:a:1", "sequential", [("a", 1, 1)]),
        (
            "[2001:db8::1]:1:5,[::1],2001:db8::2",
            "round-robin",
            [("2001:db8::1", 1, 5), ("::1", 7, 1), ("2001:db8::2", 7, 1)],
        ),
        (
            "/run/x.sock:3,/run/y.sock",
            "round-robin",
            [("/run/x.sock", 0, 3), ("/run/y.sock", 0, 1)],
        ),
        ("sticky:a:1,b:1", "sticky", [("a", 1, 1), ("b", 1, 1)]),
        (
            "service=sentinel+redis.example.net:5, srv+_sentinel._tcp.example.org",
            "round-robin",
            [("_sentinel._tcp.redis.example.net", 0, 5), ("_sentinel._tcp.example.org", 0, 1)],
        ),
    ],
)
def test_lists(text: str, rotation: str, upstreams: list[tuple[str, int, int]]) -> None:
    found = parse_upstreams(text, 7)
    assert found.rotation == rotation
    assert [(u.host, u.port, u.weight) for u in found] == upstreams


def test_an_array_of_lines() -> None:
    found = parse_upstreams(["master-slave:a:1:2", "b:1:1,c"], 7)
    assert str(found) == "master-slave:a:1:2,b:1:1,c:7:1"
    with pytest.raises(ValueError, match="contradicts"):
        parse_upstreams(["random:a", "hash:b"], 7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no server"),
        ("hash:", "no server"),
        ("a:0", "not a port"),
        ("a:65536", "not a port"),
        ("a:b", "not a port"),
        ("a:1:x", "not a weight"),
        ("a:1:-1", "not a weight"),
        ("[::1", "closing bracket"),
        ("[::1]x", "expected ':port'"),
        ("[localhost]:1", "not an IPv6 address"),
        ("a:1:2:3", "not an IPv6 address"),
        ("a!b", "neither a host name nor an address"),
        (":53", "neither a host name"),
        ("token-bucket:a", "rotation 'token-bucket' is Rspamd's"),
        ("service=sentinel", "expected service=NAME\\+DOMAIN"),
        ("service=+example.net", "expected service=NAME\\+DOMAIN"),
        ("srv+", "not the name of an SRV record"),
        ("srv+a..b", "not the name of an SRV record"),
        ("srv+" + "a." * 200, "not the name of an SRV record"),
        ("srv+_a._tcp.example.net:heavy", "not a weight"),
        (",".join(f"h{n}" for n in range(2000)), "more than 1024"),
    ],
)
def test_faults(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_upstreams(text, 7)


@given(
    st.lists(
        st.builds(
            Upstream,
            st.one_of(
                st.ip_addresses().map(str),
                st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z]", fullmatch=True),
            ),
            st.integers(1, 65535),
            st.integers(0, 999),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(list(Rotation)),
)
def test_text_form_reads_back(upstreams: list[Upstream], rotation: Rotation) -> None:
    made = UpstreamList(tuple(upstreams), rotation)
    assert parse_upstreams(str(made), 1) == made


@given(st.text(max_size=50))
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    with suppress(ValueError):
        assert parse_upstreams(text, 1).upstreams
