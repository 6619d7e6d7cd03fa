"""Checks on HTML, words, PDF files."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from filter_engine.checks.chartable import word_badness

HTML = {"Content-Type": "text/html; charset=utf-8"}
Scan = Callable[..., Any]


def symbols(found: dict[str, Any]) -> set[str]:
    return set(found)


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        (100, "HTML_SHORT_LINK_IMG_1"),
        (1200, "HTML_SHORT_LINK_IMG_2"),
        (1700, "HTML_SHORT_LINK_IMG_3"),
    ],
)
def test_short_text_and_a_linked_image(scan: Scan, text: int, symbol: str) -> None:
    image = "<a href=http://a.com><img src=cid:1 width=200 height=20></a>"
    words = "word " * (text // 5)
    assert symbol in scan("html_images", HTML, image + words)
    assert symbol not in scan("html_images", HTML, image.replace("200", "100") + words)
    assert symbol not in scan("html_images", HTML, "<img src=cid:1 width=200 height=20>" + words)


def test_images_in_place_of_text(scan: Scan) -> None:
    found = scan("html_images", HTML, "<img src=http://a.com/i.png width=300 height=200>")
    assert symbols(found) == {"R_EMPTY_IMAGE"}
    linked = "<a href=http://a.com><img src=http://b.com/i width=600 height=400></a>one two"
    (finding,) = scan("html_images", HTML, linked)["R_SUSPICIOUS_IMAGES"]
    assert finding.weight == pytest.approx((10 / 12 - 0.5) * 2)


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream"])
def test_the_size_of_an_attached_image(scan: Scan, kind: str) -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (300).to_bytes(4, "big") * 2
    body = (
        "--x\nContent-Type: text/html\n\n<a href=http://a.com><img src=cid:me></a>\n"
        f"--x\nContent-Type: {kind}\nContent-ID: <me>\nContent-Transfer-Encoding: base64\n\n"
        + base64.b64encode(png).decode()
        + "\n--x--\n"
    )
    found = scan("html_images", {"Content-Type": "multipart/related; boundary=x"}, body)
    assert "HTML_SHORT_LINK_IMG_1" in found


def test_hidden(scan: Scan) -> None:
    found = scan("html_visible", HTML, "<p style='display:none'>a</p>" * 3 + "seen")
    assert found["MANY_INVISIBLE_PARTS"][0].options == ("3",)
    assert found["MANY_INVISIBLE_PARTS"][0].weight == 0.2
    zero = scan("html_visible", HTML, "<span style='font-size:0'>a</span>" * 12)
    assert (zero["ZERO_FONT"][0].weight, zero["MANY_INVISIBLE_PARTS"][0].weight) == (1.0, 1.0)
    white = scan("html_visible", HTML, "<font color=white>much hidden text</font>x")
    assert white["R_WHITE_ON_WHITE"][0].options == ("font color #ffffff bgcolor #ffffff",)
    assert not scan("html_visible", HTML, "<p style='color:red'>a</p>")


def test_links(scan: Scan) -> None:
    body = (
        "<link rel=stylesheet href='http://a.com/x.css?v=1'>"
        "<a href='http://b.com/'>https://b.com/</a><a href='http://1.2.3.4/x'>c</a>"
    )
    found = scan("html_links", HTML, body)
    assert symbols(found) == {"EXT_CSS", "HTTP_TO_HTTPS", "HTTP_TO_IP"}
    assert found["HTTP_TO_HTTPS"][0].options == ("b.com",)
    assert not scan("html_links", HTML, "<a href='https://b.com/'>https://b.com/</a>")
    based = "<base href='http://1.2.3.4/'><a href='/x'>c</a>"
    assert symbols(scan("html_links", HTML, based)) == {"HTTP_TO_IP"}
    assert not scan(
        "html_links", HTML, "<base href='http://1.2.3.4/'><a href='http://b.com/'>c</a>"
    )


def test_source(scan: Scan) -> None:
    body = (
        '<meta http-equiv="refresh" content="0; url=http://a.com">'
        '<img src="data:text/html;base64,aGk=">'
    )
    assert symbols(scan("html_raw", HTML, body)) == {
        "HTML_META_REFRESH_URL", "HAS_DATA_URI", "DATA_URI_OBFU"}  # fmt: skip
    assert not scan("html_raw", HTML, "<p>nothing</p>")


def twins(text: str, html: str) -> str:
    return (
        f"--x\nContent-Type: text/plain\n\n{text}\n--x\nContent-Type: text/html\n\n{html}\n--x--\n"
    )


def test_parts_differ(scan: Scan) -> None:
    kind = {"Content-Type": "multipart/alternative; boundary=x"}
    words = " ".join(f"w{n}" for n in range(20))
    other = " ".join(f"v{n}" for n in range(60))
    (finding,) = scan("parts_differ", kind, twins(words, other))["R_PARTS_DIFFER"]
    assert (finding.options, finding.weight) == (("50.0%",), 0.0)
    assert not scan("parts_differ", kind, twins(words, other[: len(words)]))
    (finding,) = scan("parts_differ", kind, twins(words, ""))["R_PARTS_DIFFER"]
    assert (finding.options, finding.weight) == (("100.0%",), 0.5)
    assert not scan("parts_differ", kind, twins(words, f"<p>{words}</p>"))
    assert not scan(
        "parts_differ", {"Content-Type": "multipart/mixed; boundary=x"}, twins(words, other)
    )


@pytest.mark.parametrize(
    ("word", "marks", "badness"),
    [
        ("word", True, 0.0),
        ("p\u0430ypal", True, 0.0),  # the first letter has nothing before it
        ("pay\u0440al", True, 0.5),
        ("m\u00fcller", True, 1.0),
        ("m\u00fcller", False, 0.0),
        ("\u043f\u0440\u0438\u0432\u0435\u0442", True, 0.0),
        ("a1\u0431", True, 0.25),
    ],
)
def test_mixed_words(word: str, marks: bool, badness: float) -> None:
    assert word_badness(word, count_marks=marks) == badness


def test_mixed_scripts(scan: Scan) -> None:
    plain = {"Content-Type": "text/plain; charset=utf-8"}
    (finding,) = scan("chartable", plain, "pay\u0440al acc\u043eunt now")["R_MIXED_CHARSET"]
    assert finding.options == ()
    assert "acc" in finding.evidence or "pay" in finding.evidence
    subject = scan("chartable", {"Subject": "Cheers", "From": "J M\u00fcller <a@b.com>"}, "hello")
    assert subject["R_MIXED_CHARSET"][0].options == ("subject",)
    assert subject["R_MIXED_CHARSET"][0].weight == 0.25
    assert not scan(
        "chartable",
        plain,
        "Sch\u00f6ne Gr\u00fc\u00dfe aus M\u00fcnchen und bis bald im neuen Jahr",
    )
    assert not scan(
        "chartable",
        plain,
        "\u041f\u0440\u0438\u0432\u0435\u0442, \u043a\u0430\u043a \u0434\u0435\u043b\u0430?",
    )


def test_pdf(scan: Scan) -> None:
    pdf = b"%PDF-1.4\n1 0 obj\n<< /OpenAction 1 /JS (x) >>\nendobj\ntrailer\n<< /Encrypt 1 0 R >>\n"
    headers = {
        "Content-Type": 'application/pdf; name="a.pdf"',
        "Content-Transfer-Encoding": "base64",
    }
    found = scan("pdf", headers, base64.b64encode(pdf).decode())
    assert symbols(found) == {"PDF_ENCRYPTED", "PDF_JAVASCRIPT", "PDF_SUSPICIOUS"}
    assert found["PDF_SUSPICIOUS"][0].weight == pytest.approx(0.7)
    assert not scan("pdf", {}, "%PDF-1.4 in a text")
