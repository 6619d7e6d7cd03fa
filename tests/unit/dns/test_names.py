"""Domain names on the wire and their owners."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.dns import names
from filter_engine.dns.system import system_nameservers


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("", b"\0"),
        ("a.bc", b"\1a\2bc\0"),
        ("_dmarc.a", b"\6_dmarc\1a\0"),
        ("a b.c", b"\3a b\1c\0"),
        (".", None),
        ("a..b", None),
        (".a", None),
        ("a.", None),
        ("x" * 63, b"\x3f" + b"x" * 63 + b"\0"),
        ("x" * 64, None),
        (".".join(["x" * 49] * 5) + ".abc", b"".join([b"\x31" + b"x" * 49] * 5) + b"\3abc\0"),
        (".".join(["x" * 49] * 5) + ".abcd", None),
        ("ü.example", None),
    ],
)
def test_to_wire(name: str, wire: bytes | None) -> None:
    assert names.to_wire(name) == wire


@given(st.text(max_size=300))
def test_to_wire_is_bounded(name: str) -> None:
    wire = names.to_wire(name)
    assert wire is None or len(wire) <= 255


@pytest.mark.parametrize(
    ("name", "ascii_name"),
    [
        ("Example.COM.", "example.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("\ud800.example", None),
        ("é" * 70 + ".example", None),
    ],
)
def test_to_ascii(name: str, ascii_name: str | None) -> None:
    assert names.to_ascii(name) == ascii_name


@pytest.mark.parametrize(
    ("name", "organisation"),
    [
        ("a.b.example.co.uk", "example.co.uk"),
        ("example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("Mail.Example.COM.", "example.com"),
        ("foo.bar.github.io", "bar.github.io"),
        ("mx.home.example", "home.example"),
        ("localhost", "localhost"),
        ("", ""),
        ("...", ""),
        ("a..com", "a..com"),
    ],
)
def test_organisational_domain(name: str, organisation: str) -> None:
    assert names.organisational_domain(name) == organisation


def test_reverse_names() -> None:
    assert names.reverse_name(ip_address("192.0.2.1")) == "1.2.0.192.in-addr.arpa"
    assert names.reverse_name(ip_address("2001:db8::1")) == (
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
    )


def test_is_below() -> None:
    assert names.is_below("a.example", "example")
    assert names.is_below("example", "example")
    assert not names.is_below("anexample", "example")
    assert not names.is_below("example", "a.example")


def test_nameservers_of_the_machine(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text("search lab\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n")
    assert [s.name for s in system_nameservers(conf)] == ["192.0.2.53:53", "[2001:db8::53]:53"]
    assert len(system_nameservers(tmp_path / "absent")) == 0
    conf.write_text("# nothing\n")
    assert len(system_nameservers(conf)) == 0


@pytest.mark.parametrize(
    "name",
    [
        "x" * 32768 + ".example",
        "a." * 16384 + "example",
        "é" * 32768 + ".example",
        "x" * 256,
    ],
    ids=("label", "labels", "unicode", "one-too-long"),
)
def test_what_is_longer_than_a_name_is_not_kept(name: str) -> None:
    """Whoever sends mail chooses the names: their length bounds the memory, not their number."""
    kept = (names._to_ascii, names._organisational_domain)
    before = [function.cache_info().currsize for function in kept]
    assert names.to_wire(name) is None
    assert names.to_ascii(name) is None
    assert names.organisational_domain(name) == name
    assert [function.cache_info().currsize for function in kept] == before


def test_the_longest_names_are_read() -> None:
    longest = ".".join(["x" * 49] * 5) + ".abc"
    assert names.to_ascii(longest + ".") == longest
    assert names.organisational_domain(longest) == "x" * 49 + ".abc"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("example.com;", "example.com"),
        ("example.com,", "example.com"),
        ("example.com\x01", "example.com"),
        ("example.com\u2028", "example.com"),
        ("example.com> x", "example.com"),
        ('"example.com"', "example.com"),
        (" .example..com.;", "example.com"),
        ("bücher.example;", "xn--bcher-kva.example"),
        ("_a.example", "_a.example"),
        ("", ""),
        (";,", ""),
        ("a" * 40000, ""),
    ],
)
def test_host_as_people_read_it(text: str, host: str) -> None:
    assert names.cleaned_host(text) == host


@given(st.text(max_size=300))
def test_cleaned_host_never_raises(text: str) -> None:
    assert len(names.cleaned_host(text)) <= 1024
