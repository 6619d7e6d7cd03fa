# ruff: noqa: RUF001  # letters that look alike
"""Which words a part's text falls into: as Rspamd's tokens show it (its Redis, single mails)."""

from __future__ import annotations

import time

import pytest

from filter_engine.message import Message
from filter_engine.statistics.decay import seed
from filter_engine.statistics.language import language_of
from filter_engine.statistics.raw_words import is_raw
from filter_engine.statistics.texts import texts_of
from filter_engine.statistics.tokens import tokens_of
from filter_engine.statistics.words import part_text


def mail(body: bytes, kind: str = "text/plain; charset=utf-8") -> Message:
    typed = f"Content-Type: {kind}\nContent-Transfer-Encoding: 8bit\n" if kind else ""
    return Message(f"From: a@example.org\nMIME-Version: 1.0\n{typed}\n".encode() + body)


def words(body: bytes, kind: str = "text/plain; charset=utf-8") -> list[str]:
    message = mail(body, kind)
    (part,) = texts_of(message)
    return part_text(message, part).words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("root@localhost @13:03 x1@2y", ["rootlocalhost", "03", "x12y"]),
        ("____'s ff'gg", ["____", "s", "ffgg"]),
        ("m² 3½ x™ İngilizce", ["m", "3", "x", "ingilizce"]),
        ("四大素质", ["四", "大", "素", "质"]),
        ("see mailto:foo@example.com?subject=Remove end", ["see", "example.com", "end"]),
        ("http://localhost/x http://a.example.nosuch/", ["http", "localhost", "x"]),
        ("to me@corp.nosuch", ["to", "mecorp", "nosuch"]),
        ("foo.com: foo.com? foo.com", ["foo", "com", "foo", "com", "foo.com"]),
        ("fax\nTel: +353-1-234567\nend", ["fax", "3531234567", "end"]),
    ],
)
def test_words_and_links(text: str, expected: list[str]) -> None:
    assert words(text.encode())[: len(expected)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ひら", ["ひら"]),
        ("ひらカタ", ["ひら", "カタ"]),
        ("\u3400\u3fff", ["\u3400", "\u3fff"]),
        ("\u4000\u4fff", ["\u4000", "\u4fff"]),
        ("\u5000\u5fff", ["\u5000", "\u5fff"]),
        ("\u6000\u6fff", ["\u6000", "\u6fff"]),
        ("\u7000\u7fff", ["\u7000", "\u7fff"]),
        ("\u8000\u8fff", ["\u8000", "\u8fff"]),
        ("\u9000\u9fff", ["\u9000", "\u9fff"]),
        ("金鑫", ["金", "鑫"]),
        ("\uac00\uac01", ["\uac00\uac01"]),
    ],
)
def test_ideographs_and_kana_are_parted(text: str, expected: list[str]) -> None:
    """Of each octet that one can begin with, alone in a text; Korean has blanks."""
    assert words(text.encode()) == expected


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"tel:" + b" " * 100_000 + b"\n", "text/plain; charset=us-ascii"),
        (b"tel:(" + b"\t" * 100_000 + b"\n", "text/plain; charset=us-ascii"),
        (b"http://a.com/ " * 1000 + b"\x80 " * 60_000, "text/plain; charset=iso-8859-1"),
        (b"http://a.com/ " * 1000 + b"&#128; " * 20_000, "text/html; charset=iso-8859-1"),
    ],
)
def test_what_is_repeated_costs_no_more_each_time(body: bytes, kind: str) -> None:
    start = time.process_time()
    words(body, kind)
    assert time.process_time() - start < 4.0  # 0.3 s; 8 to 100 s where each looks at all


def test_what_follows_the_end_of_a_document_is_none_of_its_text() -> None:
    page = b"<html><body><p>seen</p></body></html>\n"
    assert words(page + b"a footer", "text/html; charset=utf-8") == ["seen"]
    assert words(page + b"a <b>footer</b> more", "text/html") == ["seen", "a", "footer"]
    bare = b"<html><body></body></html>\nthe only text"
    assert words(bare, "text/html; charset=utf-8") == ["the", "only", "text"]


def test_controls_of_latin_1_are_empty_words() -> None:
    text = b"don\x92t \x93now\x94"
    assert words(text, "text/plain; charset=iso-8859-1") == ["don", "", "t", "", "now", ""]
    assert words(text, "text/plain; charset=windows-1252") == ["dont", "now"]


def test_controls_that_html_writes_by_number_are_empty_words() -> None:
    kind = "text/html; charset=utf-8"
    assert words(b"<p>one &#149; two&#x92;s six", kind) == ["one", "", "two", "", "s", "six"]
    assert words("<p>two\u2019s &#1490; \u2022 six".encode(), kind) == ["twos", "\u05d2", "six"]


def test_a_text_of_no_charset_is_told_by_samples() -> None:
    filler = b"zz " * 600
    text = b"Volume It's far!\n\nDate: a-b www.foo.com x\n" + b"pp " * 200 + b"\xe4 " + filler
    message = mail(text, "text/plain")
    (part,) = message.text_parts
    assert is_raw(part)
    found = part_text(message, part)
    assert found.words[:10] == ["volume", "it's", "far!", "", "ate", "a", "b", "", "x", ""]
    assert tokens_of(message).text
    assert is_raw(mail(text, "text/plain; charset=x-unknown").text_parts[0])
    for other in (
        mail(b"\xe4" + text, "text/plain"),
        mail(text, "text/plain; charset=cp1252"),
        mail(text, "text/plain; charset=default"),
    ):
        assert not is_raw(other.text_parts[0])
    assert not is_raw(mail(b"\xe4 short", "text/plain").text_parts[0])


def test_a_link_that_begins_a_line_ends_what_breaks_are_in_raw_text() -> None:
    text = b"one\nhttp://a.com/x\nnext\nhttp://b.com/y " + b"pp " * 200 + b"\xe4 " + b"zz " * 600
    found = words(text, "text/plain")
    assert found[:8] == ["one", "", "next", "http", "b", "com", "y", "pp"]


def test_turkish_is_told_by_its_letters_whatever_its_charset() -> None:
    text = "açıldı başlıkları sağlık aradığınız tıklayın"
    assert language_of(text.split()) == "tr"
    assert words(text.encode("cp1254"), "text/plain") == text.split()
    icelandic = "þú það býr við úti".encode("cp1252")
    assert words(icelandic, "text/plain")[0] == "þú"


def test_text_without_a_type_counts() -> None:
    assert words("ganhe dinheiro é já".encode("cp1252"), "") == ["ganhe", "dinheiro", "é", "já"]


@pytest.mark.parametrize("octets", [b"\xff" * 2000, b"a\xe4" * 50_000, b"\n" * 60_000 + b"\x80"])
def test_hostile_texts_are_bounded(octets: bytes) -> None:
    body = b"x " * 300 + octets + b" y" * 300
    for kind in (
        "text/plain",
        "text/html",
        "text/plain; charset=iso-8859-1",
        "text/plain; charset=x",
    ):
        assert len(words(body, kind)) <= 70_000
    assert seed([b""]) == 0


PLAIN = b"plain words to be read by many people in this very village of ours\n"
PAGE = b"<html><body>words of a <b>page</b> to be read by many people</body></html>\n"


@pytest.mark.parametrize(
    ("kind", "name", "content", "first"),
    [
        ("text/plain", "a.txt", PLAIN, "plain"),
        ("text/x-patch", "Makefile.am", PLAIN, "plain"),
        ("text/html", "x.html", PAGE, "words"),
        ("application/octet-stream", "x.bin", PAGE, "words"),
        ("application/octet-stream", "x.HTM", PLAIN, "plain"),
        ("application/octet-stream", "x.doc", b" \r\n<!DOCTYPE html><p>" + PLAIN, "plain"),
        ("image/png", "x.png", PAGE, "words"),
        ("application/octet-stream", "x.txt", PLAIN, None),
        ("application/octet-stream", "x.bin", b"<htmlx>" + PLAIN, None),
    ],
)
def test_attached_texts_count(kind: str, name: str, content: bytes, first: str | None) -> None:
    """As the real Rspamd's tokens showed for each of them, the last aside."""
    head = (
        f"From: a@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
        f"--b\nContent-Type: text/plain\n\nhello\n--b\nContent-Type: {kind}\n"
        f'Content-Disposition: attachment; filename="{name}"\n\n'
    )
    message = Message(head.encode() + content + b"\n--b--\n")
    found = [part_text(message, part).words for part in texts_of(message)]
    assert [words[0] for words in found] == ["hello", *([first] if first else [])]


def test_few_attached_texts_are_read() -> None:
    part = (
        b"--b\nContent-Disposition: attachment; filename=a.html\nContent-Type: image/png\n\n" + PAGE
    )
    message = Message(b"Content-Type: multipart/mixed; boundary=b\n\n" + part * 40 + b"--b--\n")
    assert len(texts_of(message)) == 8
    deep = b"--b\nContent-Type: image/png\n\n<html>" + b"<b>" * 50_000 + b"\n"
    message = Message(b"Content-Type: multipart/mixed; boundary=b\n\n" + deep * 8 + b"--b--\n")
    assert tokens_of(message).values
