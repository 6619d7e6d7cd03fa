"""Checks on URLs: number, subject, spelling, odd ones, phishing."""

from __future__ import annotations

from collections.abc import Callable
from math import tanh
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from filter_engine.checks.confusables import is_spoofed, looks_like
from filter_engine.checks.phishing import PhishingOptions, site_distance_weight
from filter_engine.checks.url_suspect.obfuscated import find_obfuscated
from filter_engine.checks.url_suspect.options import ObfuscatedTextOptions, UrlSuspectOptions
from filter_engine.config.base32 import encode_base32
from filter_engine.config.map_definition import define_text

HTML = {"Content-Type": "text/html; charset=utf-8"}
TWINS = {"Content-Type": "multipart/alternative; boundary=x"}
ON = UrlSuspectOptions(enabled=True)

Scan = Callable[..., Any]


@pytest.mark.parametrize(("number", "odd"), [(1, True), (2, False), (3, True)])
def test_an_odd_number_of_urls(scan: Scan, number: int, odd: bool) -> None:
    texts = " ".join(f"http://a{n}.com" for n in range(number))
    found = scan("uri_count", TWINS, f"--x\n\n{texts}\n--x--\n")
    assert [f.options for f in found.get("URI_COUNT_ODD", ())] == ([(str(number),)] if odd else [])
    assert not scan("uri_count", {}, texts)


@pytest.mark.parametrize(
    ("subject", "weight"),
    [
        ("http://a.com/x", 1.0),
        ("see http://a.com/x", 0.25),
        ("see www.a.com", 0.1),
        ("a.com", None),
    ],
)
def test_subject(scan: Scan, subject: str, weight: float | None) -> None:
    found = scan("url_in_subject", {"Subject": subject}).get("URL_IN_SUBJECT", [])
    assert [f.weight for f in found] == ([] if weight is None else [weight])


def test_obscured(scan: Scan) -> None:
    found = scan(
        "obscured_urls", HTML, "<a href='http:\\\\a.com'>x</a><a href=http://b\u200bc.com>y</a>"
    )
    assert [f.options for f in found["R_SUSPICIOUS_URL"]] == [("a.com",)]
    assert [f.options for f in found["ZERO_WIDTH_SPACE_URL"]] == [("bc.com",)]
    assert not scan("obscured_urls", {}, "http://a.com/")


@pytest.mark.parametrize(
    ("name", "spoofed"),
    [
        ("p\u0430ypal.com", True),  # a Cyrillic a
        ("\u0430\u0440\u0440\u04cf\u0435.com", True),
        ("xn--80ak6aa92e.com", True),
        ("b\u00fccher.com", False),
        ("\u043f\u0440\u0438\u0432\u0435\u0442.com", False),
        ("paypal.com", False),
    ],
)
def test_spoofed_names(name: str, spoofed: bool) -> None:
    assert is_spoofed(name) is spoofed


def test_names_that_read_the_same() -> None:
    assert looks_like("p\u0430ypal.com", "paypal.com")
    assert not looks_like("paypal.com", "paypal.com")
    assert not looks_like("paypa1.com", "paypal.com")


def test_omograph(scan: Scan) -> None:
    body = "<a href='http://p\u0430ypal.com/'>http://paypal.com/</a>"
    (finding,) = scan("omograph_url", HTML, body)["OMOGRAPH_URL"]
    assert finding.weight == 1.0
    assert "p\u0430ypal.com->paypal.com" in finding.options


LINK = "<a href='http://evil.org/x'>https://www.bank.com/login</a>"


def phishing(scan: Scan, body: str = LINK, **options: Any) -> dict[str, list[Any]]:
    made = PhishingOptions(**({"phishtank_enabled": False} | options))
    dns = options.pop("dns", None)
    return dict(scan("phishing", HTML, body, options=made, dns=dns))


def table(tmp_path: Path, symbol: str, *names: str) -> MappingProxyType[str, Any]:
    file = tmp_path / symbol
    file.write_text("\n".join(names) + "\n")
    return MappingProxyType({symbol: define_text(str(file))})


def test_phishing(scan: Scan) -> None:
    (finding,) = phishing(scan)["PHISHING"]
    assert finding.options == ("bank.com->evil.org",)
    assert finding.weight == pytest.approx(0.5, abs=0.5)
    assert finding.evidence == "shows https://www.bank.com/login, leads to http://evil.org/x"
    assert not phishing(scan, LINK.replace("evil.org", "bank.com"))
    assert not phishing(scan, LINK.replace("evil.org", "bank.co.uk"))


def test_phishing_of_strict_domains_and_exceptions(scan: Scan, tmp_path: Path) -> None:
    strict = table(tmp_path, "STRICT", "bank.com")
    (finding,) = phishing(scan, strict_domains=strict)["STRICT"]
    assert (finding.options, finding.weight) == (("bank.com->bank.com",), 1.0)
    exceptions = table(tmp_path, "REDIRECTOR_FALSE", "evil.org")
    assert set(phishing(scan, exceptions=exceptions)) == {"REDIRECTOR_FALSE"}
    domains = table(tmp_path, "LIST", "other.com")["LIST"]
    assert not phishing(scan, domains=domains)


def test_feeds(scan: Scan, tmp_path: Path) -> None:
    feed = tmp_path / "feed.txt"
    feed.write_text("http://evil.org/x\nhttp://listed.com/a?b=c\n")
    options = {"openphish_enabled": True, "openphish_map": define_text(str(feed))}
    body = "<a href='http://listed.com/a?b=c'>x</a><a href='http://listed.com/a?b=d'>y</a>"
    found = phishing(scan, body, **options)["PHISHED_OPENPHISH"]
    assert [f.weight for f in found] == [1.0, 0.3]
    assert not phishing(scan, "<a href='http://listed.com/other'>x</a>", **options)
    premium = tmp_path / "feed.json"
    premium.write_text(
        '{"url": "http://listed.com/z", "brand": "Bank", "sector": "Money"}\nnot json\n'
    )
    options |= {"openphish_map": define_text(str(premium)), "openphish_premium": True}
    (finding,) = phishing(scan, "<a href='http://listed.com/z'>x</a>", **options)[
        "PHISHED_OPENPHISH"
    ]
    assert finding.options == ("Money", "Bank")


def test_phishtank(scan: Scan) -> None:
    from hashlib import blake2b

    digest = encode_base32(blake2b(b"evil.orgx").digest())[:32]
    zone = {f"{digest}.phishtank.rspamd.com": {"TXT": [b"1234"]}}
    found = scan("phishing", HTML, "<a href=http://evil.org/x>x</a>", dns=zone)
    assert [f.options for f in found["PHISHED_PHISHTANK"]] == [("1234",)]
    assert not scan("phishing", HTML, "<a href=http://evil.org/y>x</a>", dns=zone)


@pytest.mark.parametrize(
    ("site", "shown", "weight"),
    [
        ("paypol.com", "paypal.com", tanh(3 * (1.1 - 4 / 12))),
        ("paypalx.com", "paypal.com", 1.0),
        ("entirely-other.org", "bank.com", 0.5),
        ("buy4now.ie", "arnotts.ie", 0.5),  # a replaced letter is one removed and one inserted
        ("p\u0430ypal.com", "paypal.com", 1.0),
    ],
)
def test_weight_by_likeness(site: str, shown: str, weight: float) -> None:
    assert site_distance_weight(site, shown) == pytest.approx(weight)


@pytest.mark.parametrize(
    ("url", "symbol", "option"),
    [
        ("http://me@a.com/", "URL_USER_PASSWORD", "a.com"),
        ("http://" + "u" * 200 + "@a.com/", "URL_USER_LONG", "200"),
        ("http://" + "u" * 300 + "@a.com/", "URL_USER_VERY_LONG", "300"),
        ("http://93.184.216.34/", "URL_NUMERIC_IP", "93.184.216.34"),
        ("http://me@93.184.216.34/", "URL_NUMERIC_IP_USER", "93.184.216.34"),
        ("http://10.1.2.3/", "URL_NUMERIC_PRIVATE_IP", "10.1.2.3"),
        ("http://host.invalidtld/", "URL_NO_TLD", "host.invalidtld"),
        ("http://free.tk/", "URL_SUSPICIOUS_TLD", "tk"),
        ("http://p\u0430ypal.com/", "URL_HOMOGRAPH_ATTACK", "p\u0430ypal.com"),
        ("http://a.com/\u202etxt.exe", "URL_RTL_OVERRIDE", "a.com"),
        ("http://a\u200bb.com/", "URL_ZERO_WIDTH_SPACES", "zw"),
        ("http://a.com/@b@c@d", "URL_MULTIPLE_AT_SIGNS", "3"),
        ("http://a.b.c.d.e.f.g.h.com/", "URL_EXCESSIVE_DOTS", "8"),
        ("http://a.com/" + "x" * 2100, "URL_VERY_LONG", "2113"),
        ("http://a.com/?u=http://b.com/&v=http://c.com/", "URL_QUERY_MULTIPLE_URLS", "2"),
    ],
)
def test_suspect(scan: Scan, url: str, symbol: str, option: str) -> None:
    found = scan("url_suspect", HTML, f"<a href='{url}'>x</a>", options=ON)
    assert [f.options for f in found[symbol]] == [(option,)]
    assert not scan("url_suspect", HTML, f"<a href='{url}'>x</a>"), "off unless switched on"


def test_nothing_suspect(scan: Scan) -> None:
    assert not scan("url_suspect", {}, "http://www.example.com/a/b?c=d me@a.com", options=ON)


@pytest.mark.parametrize(
    ("text", "way", "url"),
    [
        ("at secure-login dot net for help", "word_dot", "http://secure-login.net"),
        ("see h t t p s : / / evil.com/page now", "spaced_protocol", "https://evil.com/page"),
        ("see hxxps://evil.com/page", "hxxp", "https://evil.com/page"),
        ("see evil[.]com today", "bracket_dots", "http://evil.com"),
        ("&#104;&#116;&#116;&#112;://evil.com/x", "html_entity", "http://evil.com/x"),
    ],
)
def test_obfuscated(text: str, way: str, url: str) -> None:
    found = list(find_obfuscated(text, ObfuscatedTextOptions()))
    assert (way, url) in {(item.way, item.url) for item in found}


@pytest.mark.parametrize("text", ["the dot in the word", "a dot to b", "text (.) nothing", ""])
def test_not_obfuscated(text: str) -> None:
    assert not list(find_obfuscated(text, ObfuscatedTextOptions()))


def test_obfuscated_symbol(scan: Scan) -> None:
    (finding,) = scan("url_obfuscated_text", {}, "see evil[.]com", options=ON)[
        "URL_OBFUSCATED_TEXT"
    ]
    assert finding.options[:2] == ("type=bracket_dots", "url=http://evil.com")
    assert not scan("url_obfuscated_text", {}, "see evil[.]com")


@pytest.mark.parametrize(("tag", "odd"), [("form action", False), ("a href", True)])
def test_where_only_a_form_leads_to_an_address_is_not_counted(
    scan: Scan, tag: str, odd: bool
) -> None:
    body = f"--x\nContent-Type: text/html\n\n<{tag}='http://192.0.2.7/x'>text\n--x--\n"
    assert bool(scan("uri_count", TWINS, body).get("URI_COUNT_ODD")) is odd


@pytest.mark.parametrize(
    ("shown", "phished"), [("News.com today", True), ("News.com: today", False)]
)
def test_a_name_before_a_colon_is_no_url(scan: Scan, shown: str, phished: bool) -> None:
    found = phishing(scan, f"<a href='http://evil.org/x'>{shown}</a>")
    assert bool(found.get("PHISHING")) is phished
