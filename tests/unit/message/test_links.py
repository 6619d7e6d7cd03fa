"""URLs and mail addresses in text and HTML."""

from __future__ import annotations

import pytest

from filter_engine.message import Message, Url, UrlFlag
from filter_engine.message.url import parse_url
from filter_engine.message.url_search import email_spans, url_spans


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("see http://a.example/x.", ["http://a.example/x"]),
        ("(http://a.example/x)", ["http://a.example/x"]),
        ("http://a.example/x_(y)", ["http://a.example/x_(y)"]),
        ("http://a.example/x(y)).)", ["http://a.example/x(y)"]),
        ("http://a.example/x(y[z])])", ["http://a.example/x(y[z])"]),
        ("http://a.example/()).}]", ["http://a.example/()"]),
        ("\u0130 WWW.a.example", ["WWW.a.example"]),
        ("<HTTPS://A.example>", ["HTTPS://A.example"]),
        ("xhttp://a.example", ["xhttp://a.example"]),
        ("go to www.a.example, now", ["www.a.example"]),
        ("not.www.a.example awww.b.example", []),
        ("http://a.example http://b.example", ["http://a.example", "http://b.example"]),
        ("http://www.a.example/?u=www.b.example", ["http://www.a.example/?u=www.b.example"]),
        ("http:a.example/x https:b.example/y", ["http:a.example/x", "https:b.example/y"]),
        ("s:a.example ftp:b.example http:// c.example Re: http: x", ["http://"]),
        ("http\n://a.example http\n:b.example", []),
        ("://a.example 1://b", []),
        ("", []),
    ],
)
def test_in_text(text: str, urls: list[str]) -> None:
    assert list(dict.fromkeys(text[s.start : s.stop] for s in url_spans(text))) == urls


@pytest.mark.parametrize(
    ("written", "host", "path", "rest"),
    [
        (
            "http://A.Example.co.uk/Path?q#f",
            "a.example.co.uk",
            "/Path?q#f",
            ("example.co.uk", None),
        ),
        ("https://user:pw@a.example:8443", "a.example", "/", ("a.example", 8443)),
        ("www.a.com", "www.a.com", "/", ("a.com", None)),
        ("//a.com/x", "a.com", "/x", ("a.com", None)),
        ("http:\\\\a.example\\x", "a.example", "/\\x", ("a.example", None)),
        ("http://[2001:db8::1]/", "2001:db8::1", "/", ("2001:db8::1", None)),
        ("http://3232235777/", "192.168.1.1", "/", ("192.168.1.1", None)),
        ("http://0xc0.0250.1/", "192.168.0.1", "/", ("192.168.0.1", None)),
        ("http://a%2eexample/", "a.example", "/", ("a.example", None)),
        ("http://a.exa\nmple/", "a.example", "/", ("a.example", None)),
        ("http://bücher.example/", "bücher.example", "/", ("bücher.example", None)),
    ],
)
def test_parsing(written: str, host: str, path: str, rest: tuple[str, int | None]) -> None:
    url = parse_url(written, "text")
    assert url is not None
    assert (url.host, url.path, url.esld, url.port) == (host, path, *rest)


@pytest.mark.parametrize(
    "written",
    [
        "mailto:a@b.example",
        "javascript:x",
        "cid:1",
        "http://",
        "http://a..b/",
        "x",
        "",
    ],
)
def test_no_url(written: str) -> None:
    assert parse_url(written, "html") is None


def test_normal_text_and_user() -> None:
    assert parse_url("HTTP://Me@A.Example:80/X", "text") == Url(
        text="http://Me@a.example:80/X",
        scheme="http",
        user="Me",
        host="a.example",
        port=80,
        path="/X",
        esld="a.example",
        origin="text",
        flags=UrlFlag.HAS_PORT | UrlFlag.HAS_USER | UrlFlag.NO_TLD,
    )


@pytest.mark.parametrize(
    ("text", "emails"),
    [
        ("write to a.b+c@example.com.", ["a.b+c@example.com"]),
        ("a@b @c d@ e@f.gg", ["e@f.gg"]),
        ("x" * 100 + "@example.com", ["x" * 64 + "@example.com"]),
        ("//me@a.example ./@b.example", ["me@a.example"]),
        ("me\n@a.example", []),
    ],
)
def test_emails(text: str, emails: list[str]) -> None:
    assert [text[span.start : span.stop] for span in email_spans(text)] == emails


def test_the_user_of_a_url_is_no_mail_address() -> None:
    message = Message(b"X: y\n\nhttps://user@b.example:8080/x and me@a.example http://c.example\n")
    assert [url.text for url in message.urls] == [
        "https://user@b.example:8080/x",
        "http://c.example",
    ]
    assert [address.email for address in message.emails] == ["me@a.example"]


def test_of_a_message() -> None:
    message = Message(
        b"Content-Type: multipart/alternative; boundary=x\n\n"
        b"--x\n\nhttp://a.example/1 me@a.example\n"
        b"--x\nContent-Type: text/html\n\n"
        b"<html><head><title>http://t.example</title></head><body>"
        b"<a href='http://a.example/1'>again</a> <a href=\"HTTP://b.example\">shown <b>text</b></a>"
        b"<img src=http://c.example/i.png><a href='mailto:You@A.example?subject=x'>m</a>"
        b"<script>var x='http://s.example'</script> http://d.example</body></html>\n--x--\n"
    )
    assert [(url.text, url.origin, url.display) for url in message.urls] == [
        ("http://a.example/1", "text", None),
        ("http://b.example", "html", "shown text"),
        ("http://c.example/i.png", "html", None),
        ("http://d.example", "html", None),
    ]
    assert [address.email for address in message.emails] == ["me@a.example", "You@a.example"]


def test_the_number_of_urls_is_bounded() -> None:
    message = Message(b"X: y\n\n" + b"".join(b"http://a%d.example/ " % n for n in range(3000)))
    assert len(message.urls) == 1000


@pytest.mark.parametrize(
    ("target", "shown", "lies"),
    [
        ("http://phish.example/login", "http://www.bank.example/", True),
        ("http://phish.com/login", "http://www.bank.example/", True),
        ("http://www.bank.example/login", "http://www.bank.example/x", False),
        ("http://intranet/", "http://intranet/", False),
    ],
)
def test_a_shown_name_without_known_tld_lies_when_the_link_has_another(
    target: str, shown: str, lies: bool
) -> None:
    html = f'X: y\nContent-Type: text/html\n\n<html><a href="{target}">{shown}</a></html>\n'
    url = next(url for url in Message(html.encode()).urls if url.text == target)
    wanted = UrlFlag.PHISHED | UrlFlag.OBSCURED
    assert url.flags & wanted == (wanted if lies else 0)


def test_the_query_of_an_image_holds_no_links() -> None:
    html = (
        b"<img src='http://a.com/i.gif?u=http://b.com'><a href='http://c.com/?u=http://d.com'>x</a>"
    )
    message = Message(b"X: y\nContent-Type: text/html\n\n<html>" + html + b"</html>\n")
    assert {url.host for url in message.urls} == {"a.com", "c.com", "d.com"}
