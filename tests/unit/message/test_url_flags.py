"""What is said of URLs: flags, counts, phished pairs, redirectors."""

from __future__ import annotations

import pytest

from filter_engine.message import Message, Url
from filter_engine.message.links import query_target, query_urls
from filter_engine.message.url import parse_url
from filter_engine.message.url_search import url_spans


def urls(content_type: str, body: str, subject: str = "x") -> dict[str, Url]:
    raw = f"Subject: {subject}\nContent-Type: {content_type}; charset=utf-8\n\n{body}\n"
    return {url.text: url for url in Message(raw.encode()).urls}


@pytest.mark.parametrize(
    ("written", "text", "flags"),
    [
        ("http://a.com/", "http://a.com/", ()),
        ("http://1.2.3.4/", "http://1.2.3.4/", ("numeric",)),
        ("http://0x7f.1/", "http://127.0.0.1/", ("numeric", "obscured")),
        ("http://a.com:80/", "http://a.com:80/", ("has_port",)),
        ("http://u:p@a.com/", "http://u:p@a.com/", ("has_user",)),
        ("http:\\\\a.com\\x", "http://a.com\\x", ("obscured",)),
        ("http:a.com", "http://a.com", ("missing_slashes",)),
        ("hxxps://a.com", "https://a.com", ()),
        ("www.a.com", "http://www.a.com", ("schemaless",)),
        ("http://a%2ecom/b%20c?d=%41", "http://a.com/b c?d=A",
         ("host_encoded", "path_encoded", "query_encoded")),
        ("http://b\u00fccher.com", "http://b\u00fccher.com", ("idn",)),
        ("http://xn--bcher-kva.com", "http://xn--bcher-kva.com", ("idn",)),
        ("http://a\u200bb.com/", "http://ab.com/", ("zw_spaces",)),
        ("http://host.invalidtld/", "http://host.invalidtld/", ("no_tld",)),
    ],
)  # fmt: skip
def test_flags(written: str, text: str, flags: tuple[str, ...]) -> None:
    url = parse_url(written, "text")
    assert url is not None
    assert (url.text, set(url.flag_names)) == (text, set(flags))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("go to plain.com and http://x.com", ["plain.com", "http://x.com"]),
        ("(brackets.com) <angle.org/path> sentence.com. Next", [
            "brackets.com", "angle.org/path", "sentence.com"]),
        ("a comma.com, a 'quoted.com' word.it's file.notatld me@mail.com", []),
        ("http:one.com http:\\\\two.com note:three", ["http:one.com", "http:\\\\two.com"]),
        ("http://a.com,http://b.com", ["http://a.com", "http://b.com"]),
    ],
)  # fmt: skip
def test_names_without_scheme(text: str, found: list[str]) -> None:
    assert [text[span.start : span.stop] for span in url_spans(text, bare=True)] == found


def test_names_without_scheme_are_not_looked_for_beside_html() -> None:
    parts = "--x\n\nplain.com http://a.com\n--x\nContent-Type: text/html\n\n<p>other.com</p>\n--x--"
    found = Message(b"Content-Type: multipart/alternative; boundary=x\n\n" + parts.encode()).urls
    assert [url.text for url in found] == ["http://a.com"]


def test_a_link_that_shows_another_site() -> None:
    found = urls("text/html", "<a href='http://evil.com/x'>http://www.bank.com/login</a>")
    link, shown = found["http://evil.com/x"], found["http://www.bank.com/login"]
    assert set(link.flag_names) == {"phished", "url_displayed"}
    assert link.phished is not None
    assert link.phished.host == "www.bank.com"
    assert shown.flag_names == ("html_displayed",)
    assert (link.count, shown.count) == (1, 3)


@pytest.mark.parametrize(
    ("href", "text"),
    [
        ("http://a.com/x", "http://www.a.com/y"),
        ("http://sub.a.com/x", "a.com"),
        ("http://evil.com/x", "click bank.com"),
        ("http://evil.com/x", "words"),
        ("http://wrap.com/?u=http%3A%2F%2Fbank.com%2F", "http://www.bank.com"),
    ],
)
def test_no_phishing(href: str, text: str) -> None:
    found = urls("text/html", f"<a href='{href}'>{text}</a>")
    assert not any(url.phished for url in found.values())


def test_several_targets_are_no_redirector() -> None:
    href = "http://wrap.com/?u=http://bank.com/&amp;v=http://evil.com/"
    found = urls("text/html", f"<a href='{href}'>http://www.bank.com</a>")
    assert any(url.phished for url in found.values())


def test_query() -> None:
    url = parse_url(
        "http://w.com/?u=http%3A%2F%2Fa.com%2F%3Fv%3Dhttp%253A%252F%252Fb.org%252F", "html"
    )
    assert url is not None
    assert [inner.host for inner in query_urls(url)] == ["a.com"]
    target = query_target(url)
    assert target is not None
    assert target.host == "b.org"
    assert "http://a.com/?v=http%3A%2F%2Fb.org%2F" not in urls("text/plain", "http://x.com/?y=z")
    found = urls("text/plain", "http://x.com/?y=http://in.com/")
    assert found["http://in.com/"].flag_names == ("query",)


def test_subject_images_base_and_attached_text() -> None:
    raw = (
        b"Subject: see http://s.com and plain.com\n"
        b"Content-Type: multipart/mixed; boundary=x\n\n"
        b"--x\nContent-Type: text/html\n\n<base href=http://b.com/d/><a href=r.html>r</a>"
        b"<img src=http://i.com/i.png>\n"
        b"--x\nContent-Type: text/plain; name=a.txt\nContent-Disposition: attachment\n\n"
        b"http://attached.com\n--x--\n"
    )
    message = Message(raw)
    assert {url.text: set(url.flag_names) for url in message.urls} == {
        "http://b.com/d/r.html": set(),
        "http://i.com/i.png": {"image"},
        "http://attached.com": {"text"},
        "http://s.com": {"html_displayed", "subject"},
    }
    assert [url.host for url in message.links] == ["b.com", "attached.com", "s.com"]
