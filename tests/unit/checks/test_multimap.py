"""Rules of ``multimap``: what each type compares, and what a map may say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.checks.multimap.result import Told, read_value

from .multimap_site import scan, scan_rule, write_map


@pytest.mark.parametrize(
    ("rule", "entries", "options"),
    [
        ("type = ip", "192.0.2.0/24", ("192.0.2.77",)),
        ("type = from", "sender@bounces.example.org", ("sender@bounces.example.org",)),
        ("type = from", "bounces.example.org", ("bounces.example.org",)),
        ("type = from", "sender", ("sender",)),
        ('type = from; filter = "email:domain"', "Bounces.Example.org", ("bounces.example.org",)),
        ('type = from; filter = "email:domain:tld"', "example.org", ("example.org",)),
        ("type = from; extract_from = mime", "bob@mail.example.co.uk", ("bob@mail.example.co.uk",)),
        ("type = rcpt", "two@example.com", ("two@example.com",)),
        ('type = rcpt; filter = "email:user"', "two", ("two",)),
        ('type = header; header = "Subject"', "Cheap pills", None),
        ('type = header; header = "Subject"; regexp = true', "/PILLS/i", ("Cheap pills",)),
        ('type = header; header = ["X-None", "Subject"]; glob = true', "cheap*", ("Cheap pills",)),
        ('type = header; header = From; filter = "email:name"', "Bob", None),
        (
            'type = header; header = From; filter = "email:name"; regexp = true',
            "/^Bob B/",
            ("Bob B.",),
        ),
        (
            'type = header; header = Subject; filter = "regexp:/\\\\w+$/"',
            "pills",
            ("pills",),
        ),
        ("type = helo", "mail.example.org", ("mail.example.org",)),
        ("type = hostname; filter = tld", "example.org", ("example.org",)),
        ("type = hostname; filter = top", "org", ("org",)),
        ("type = url", "www.shop.example.com", ("www.shop.example.com",)),
        ("type = url; filter = tld", "example.com", ("example.com",)),
        ("type = url; filter = path", "path/to.html", ("path/to.html",)),
        ("type = url; filter = query", "x=1", ("x=1",)),
        ('type = url; filter = "full:regexp:/html/"', "html", ("html",)),
        ('type = url; filter = "regexp:/^(www)/"', "www", ("www",)),
        ("type = content; filter = text; regexp = true", "/buy foo/i", ()),
        ("type = content; filter = oneline; regexp = true", "/foo: http/", ()),
        ("type = content; filter = headers; regexp = true", "/^Subject: Cheap/m", ()),
        ("type = content; filter = body; regexp = true", "/^Subject: Cheap/m", None),
        ("type = content; regexp = true", "/run\\.exe/", ()),
        ("type = filename", "run.exe", ("run.exe",)),
        ("type = filename; filter = extension", "exe", ("exe",)),
        ("type = received", "198.51.100.9", ("198.51.100.9",)),
        ("type = received; max_pos = 1", "198.51.100.9", None),
        ("type = received; min_pos = -1", "198.51.100.9", ("198.51.100.9",)),
        ("type = received; max_pos = -2", "198.51.100.9", None),
        ("type = received; flags = [ssl, authenticated]", "192.0.2.0/24", ("192.0.2.7",)),
        ("type = received; nflags = ssl", "192.0.2.0/24", None),
        ("type = received; filter = by_hostname", "a.example.org", ("a.example.org",)),
        ('type = received; filter = "tld:by_hostname"', "example.com", ("example.com",)),
        ('type = selector; selector = "rcpts:domain"', "example.com", ("example.com",)),
        ('type = selector; selector = "id(a);user"; delimiter = "-"', "a-me", ("a-me",)),
        ("type = asn", "64500", ("64500",)),
        ("type = country", "NL", ("NL",)),
        ('type = mempool; variable = asn; filter = "regexp:/^(\\\\d)/"', "6", ("6",)),
        ("type = mid", "abc@mail.example.co.uk", ("abc@mail.example.co.uk",)),
        ("type = subject; regexp = true", "/^cheap/i", ("Cheap pills",)),
        ("type = user", "me", ("me",)),
        ("type = user; skip_authenticated = true", "me", None),
        ('type = symbol_options; target_symbol = "ASN"; regexp = true', "/asn:64500/", None),
    ],
)
def test_what_each_type_compares(
    rule: str, entries: str, options: tuple[str, ...] | None, tmp_path: Path
) -> None:
    found = scan_rule(tmp_path, rule, entries + "\n", user="me").symbol("RULE")
    if rule.startswith("type = symbol_options"):
        assert found is not None
        assert "asn:64500" in found.options[0]
        return
    if options is None:
        assert found is None
        return
    assert found is not None
    assert (found.score, found.options, found.group) == (2.0, options, "multimap")
    assert f"{tmp_path}/entries0.map:1" in found.evidence[0]


@pytest.mark.parametrize(
    ("value", "symbol", "score", "options"),
    [
        ("", "RULE", 2.0, ("two@example.com",)),
        ("10", "RULE", 20.0, ("two@example.com",)),
        ("-0.5", "RULE", -1.0, ("two@example.com",)),
        ("SYM1", "SYM1", 2.0, ("two@example.com",)),
        ("SYM1:-3", "SYM1", -6.0, ("two@example.com",)),
        ("2POINTS:2.0:a, b", "2POINTS", 4.0, ("two@example.com", "a", "b")),
        ("SYM9:3", "RULE", 6.0, ("two@example.com",)),
        ("what? nonsense", "RULE", 2.0, ("two@example.com",)),
    ],
)
def test_what_a_map_may_say(
    value: str, symbol: str, score: float, options: tuple[str, ...], tmp_path: Path
) -> None:
    rule = 'type = rcpt; filter = "email:addr"; symbols = ["SYM1", "2POINTS"]'
    found = scan_rule(tmp_path, rule, f"two@example.com {value}\n").symbol(symbol)
    assert found is not None
    assert (found.score, found.options) == (score, options)


def test_symbols_of_a_map_as_they_come(tmp_path: Path) -> None:
    rule = "type = hostname; dynamic_symbols = true; regexp = true"
    verdict = scan_rule(tmp_path, rule, "/host/ NEW_ONE:10:opt1,opt2\n/nohost/ NEW_TWO:20\n")
    found = verdict.symbol("NEW_ONE")
    assert found is not None
    assert (found.score, found.options) == (10.0, ("host.example.org", "opt1", "opt2"))
    assert verdict.symbol("NEW_TWO") is None


def test_a_symbol_of_the_map_as_an_option(tmp_path: Path) -> None:
    rule = "type = helo; disable_multisymbol = true"
    found = scan_rule(tmp_path, rule, "mail.example.org SYM1\n").symbol("RULE")
    assert found is not None
    assert found.options == ("mail.example.org", "SYM1")


def test_every_address_of_a_header_counts_once(tmp_path: Path) -> None:
    rule = 'type = header; header = Cc; filter = "email:domain"'
    found = scan_rule(tmp_path, rule, "two.example\n").symbol("RULE")
    assert found is not None
    assert (found.score, found.options) == (4.0, ("one.example", "two.example"))
    found = scan_rule(tmp_path, f"{rule}; one_shot = true", "two.example\n").symbol("RULE")
    assert found is not None
    assert found.score == 2.0


@pytest.mark.parametrize(
    ("more", "score"), [("multi = true", 6.0), ("", 2.0), ("multi = true; no_multi = true", 2.0)]
)
def test_every_pattern_or_the_first(more: str, score: float, tmp_path: Path) -> None:
    rule = f"type = content; filter = text; regexp = true; {more}"
    found = scan_rule(tmp_path, rule, "/foo/\n/bar/\n/baz/\n/buy/i\n").symbol("RULE")
    assert found is not None
    assert found.score == score


def test_a_map_that_says_itself_that_all_count(tmp_path: Path) -> None:
    entries = write_map(tmp_path, "/foo/\n/bar/\n")
    verdict = scan(
        tmp_path,
        f'multimap {{ RULE {{ type = content; map = "regexp_multi;{entries}"; score = 1; }} }}',
    )
    found = verdict.symbol("RULE")
    assert found is not None
    assert found.score == 2.0


@given(st.text(max_size=80))
def test_no_value_of_a_map_raises(value: str) -> None:
    assert isinstance(read_value(value), Told)
