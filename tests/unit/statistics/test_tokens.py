"""Words become tokens as in Rspamd 3.4 (``rspamadm mime stat -b``)."""

from __future__ import annotations

from array import array
from random import Random

import pytest

from filter_engine.message import Message
from filter_engine.statistics import osb
from filter_engine.statistics.bayes import META
from filter_engine.statistics.decay import kept_share, left_out, seed
from filter_engine.statistics.meta import meta_words
from filter_engine.statistics.stems import stems_of, word_hash
from filter_engine.statistics.texts import texts_of
from filter_engine.statistics.tokens import Tokens, tokens_of

HEAD = b"""From: Ann <ann@example.org>
Subject: %s
Date: Sat, 21 Nov 2026 10:00:00 +0000
Content-Type: text/%s; charset=utf-8

"""


def mail(text: str, subject: str = "x", kind: str = "plain") -> Message:
    return Message(HEAD % (subject.encode(), kind.encode()) + text.encode())


def assert_kinds_are_told_apart(tokens: Tokens) -> None:
    """Words of texts are as far apart as they are; those of meta words have kinds of their own."""
    assert 0 <= tokens.text <= len(tokens.values) == len(tokens.kinds)
    assert set(tokens.kinds[: tokens.text]) <= set(range(1, META + 1))
    assert set(tokens.kinds[tokens.text :]) <= set(range(META + 1, 2 * META + 1))


def meta_of(message: Message, languages: list[str], policies: list[str]) -> list[str]:
    return list(meta_words(message, texts_of(message), languages, policies))


@pytest.mark.parametrize(
    ("newest", "other", "distance", "token"),
    [
        ("10", "2002", 1, 6173807008002637120),
        ("10", "wed", 4, 7458575542822039827),
        ("exmh", "issu", 4, 8720946771522304095),
        ("elz", "robert", 1, 12620724686916167860),
        ("#F:Robert Elz", "#m:#to", 2, 6558294190337474287),
    ],
)
def test_tokens_are_rspamds(newest: str, other: str, distance: int, token: int) -> None:
    """Numbers of the real one."""
    words = ["a", "b", "c", "d", "e", "f"]
    words[5] = newest
    words[5 - distance] = other
    values, distances = osb.tokens([word_hash(word) for word in words])
    assert values[distances.index(distance)] == token


def test_the_first_words_only_stand_before_others() -> None:
    for count, wanted in ((0, 0), (1, 0), (2, 0), (3, 1), (5, 3), (6, 4), (7, 8)):
        values, distances = osb.tokens(list(range(1, count + 1)))
        assert len(values) == len(distances) == wanted
    values, _ = osb.tokens([1, 2, 3, 4, 5])
    assert values.tolist() == [4 + 3 * 3, 4 + 2 * 5, 4 + 1 * 11]
    values, _ = osb.tokens([1, 2, 3, 4, 5, 6])
    assert values.tolist() == [6 + 5 * 3, 6 + 4 * 5, 6 + 3 * 11, 6 + 2 * 23]


def test_links_come_after_words_and_never_before() -> None:
    words = list(range(1, 9))
    links = [False] * 8
    links[6] = True
    values, distances = osb.tokens(words, links)
    assert distances == bytes([1, 2, 3, 4, 1, 2, 3, 4, 2, 3, 4])
    assert values[-3:].tolist() == [8 + 6 * 5, 8 + 5 * 11, 8 + 4 * 23]


@pytest.mark.parametrize("count", [6, 7, 40, 700])
def test_all_words_at_once_make_what_a_loop_makes(count: int) -> None:
    random = Random(count)
    words = [random.getrandbits(64) for _ in range(count)]
    links = [random.random() < 0.2 for _ in words]
    wanted = [
        ((words[newest] + words[newest - i] * osb.MULTIPLIERS[i]) % 2**64, i, newest - i)
        for newest in range(osb.WINDOW, count)
        for i in range(1, osb.WINDOW)
    ]
    values, distances = osb.tokens(words)
    assert list(zip(values, distances, strict=True)) == [one[:2] for one in wanted]
    values, distances = osb.tokens(words, links)
    kept = [one[:2] for one in wanted if not links[one[2]]]
    assert list(zip(values, distances, strict=True)) == kept


def test_stems_and_stop_words() -> None:
    words = ["foxes", "easily", "repeating", "evening", "the", "only", "naïve", "3k"]
    stems = ["fox", "easili", "repeat", "even", None, None, "naïv", "3k"]
    wanted = [0 if stem is None else word_hash(stem) for stem in stems]
    assert stems_of("en").hashes(words) == wanted
    assert stems_of("en").hashes(words) == wanted, "remembered, too"
    assert stems_of("xx").hashes(["foxes"]) == [word_hash("foxes")]


def test_links_count_as_their_domain() -> None:
    seven = "one day seven green birds sang "
    tokens = tokens_of(mail(f"{seven} http://www.shop.example.co.uk/x {seven}"))
    link = word_hash("example.co.uk")
    before = word_hash("sang")
    assert (link + 3 * before) % 2**64 in tokens.values
    assert (word_hash("one") + 3 * link) % 2**64 not in tokens.values


BOTH = (
    "From: a@example.org\nMIME-Version: 1.0\n"
    "Content-Type: multipart/{kind}; boundary=b\n\n--b\nContent-Type: text/plain\n\n"
    "{plain}\n--b\nContent-Type: text/html\n\n<p>{html}</p>\n--b--\n"
)


@pytest.mark.parametrize(
    ("kind", "html", "left_out"),
    [
        ("alternative", "a word " * 50, True),  # the same
        ("alternative", "green birds " * 50, True),  # as many: Rspamd asks for no more
        ("alternative", "green birds " * 34, True),
        ("alternative", "green birds " * 33, False),
        ("mixed", "a word " * 50, False),
    ],
)
def test_the_second_of_two_alternatives_of_like_length_is_left_out(
    kind: str, html: str, left_out: bool
) -> None:
    plain = "a word " * 50
    one = tokens_of(mail(plain)).text
    raw = BOTH.format(kind=kind, plain=plain, html=html).encode()
    assert (tokens_of(Message(raw)).text == one) is left_out


def test_long_texts_thin_out_the_same_way_each_time() -> None:
    text = " ".join(f"word{number}x" for number in range(2000))
    tokens = tokens_of(mail(text))
    assert tokens.packed == tokens_of(mail(text)).packed
    assert 800 * 4 < tokens.text < 960 * 4, "600, and a fifth of the rest"
    assert tokens_of(mail(text), words_decay=0).text > 7900


def test_what_is_kept_follows_from_the_words() -> None:
    one, other = seed([b"seventeen", b"short", b"elephants"]), seed([b"seventeen", b"elevator"])
    assert one != other
    assert seed([]) == seed([b"short"]) == 0
    assert kept_share(600, 60_000) == 0.0, "600 of 10,000 words are no tenth"
    assert kept_share(600, 0) == 1.0 <= kept_share(600, 600)
    assert len(left_out(one, 0.0, range(10_000))) == 10_000
    assert left_out(one, 1.0, range(100)) == []
    some, others = left_out(one, 0.2, range(10_000)), left_out(other, 0.2, range(10_000))
    assert 0.78 < len(some) / 10_000 < 0.82
    assert some != others


def test_words_for_what_is_no_text() -> None:
    words = meta_of(mail("hello\nworld\n", kind="html"), ["en"], ["s=pass"])
    assert words == [
        "#ps:2",
        "#lang:en",
        "#cs:UTF-8",
        "#m:#ho#ot",
        "#h:C-T:text/html; charset=utf-8",
        "#F:Ann",
        "#dt:6:10",
        "#aur:s=pass",
    ]


def test_a_page_that_shows_no_word_is_of_no_language() -> None:
    empty = meta_of(mail("<img src=http://a.example.com/x.gif>", kind="html"), ["en"], [])
    assert empty[1:4] == ["#lang:unk", "#cs:UTF-8", "#m:#ho#ot#eh"]
    bare = meta_of(mail("<p>!!!</p>", kind="html"), ["en"], [])
    assert bare[1:4] == ["#lang:unk", "#cs:UTF-8", "#m:#ho#ot"]


@pytest.mark.parametrize(
    ("charset", "octets", "name"),
    [
        ("us-ascii", b"cafe", "UTF-8"),
        ("iso-8859-1", b"caf\xe9", "ISO-8859-1"),
        ("latin1", b"caf\xe9", "ISO-8859-1"),
        ("ISO-8859-9", b"caf\xe9", "ibm-920_P100-1995"),
        ("cp1252", b"caf\xe9", "ibm-5348_P100-1997"),
        ("windows-1254", b"caf\xe9", "ibm-5350_P100-1998"),
        ("gb2312", b"cafe", "ibm-1383_P110-1999"),
        ("cp936", b"cafe", "windows-936-2000"),
        ("koi8-u", b"caf\xe9", "ibm-1168_P100-2002"),
        ("utf-7", b"cafe", "UTF-7"),
        ("default_charset", b"caf\xe9", "ISO-8859-1"),
        ("default_charset", b"cafe", "UTF-8"),
    ],
)
def test_names_of_charsets_are_those_of_icu(charset: str, octets: bytes, name: str) -> None:
    head = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n"
    assert f"#cs:{name}" in meta_of(Message(head.encode() + octets), ["en"], [])


@pytest.mark.parametrize(
    ("date", "word"),
    [
        ("Tue, 20 Aug 2002 19:39:22 +0100", "#dt:2:18"),
        ("Tue, 20 Aug 2002 19:39:22 GMT", "#dt:2:19"),
        ("Tue, 20 Aug 2002 19:39:22", "#dt:4:00"),
        ("Tue, 20 Aug 2002 9:39:22 +0100", "#dt:4:00"),
        ("Tue, 20 Aug 02 19:39:22 Eastern Daylight Time", "#dt:4:00"),
        ("", "#dt:4:00"),
    ],
)
def test_day_and_hour_of_dates_that_keep_to_the_rules(date: str, word: str) -> None:
    """Rspamd reads no others; spam without a zone has a word of its own by that."""
    message = Message(f"Date: {date}\n\nhello\n".encode())
    assert word in meta_of(message, ["en"], [])


@pytest.mark.parametrize(
    ("html", "domains"),
    [
        ("<html>see http://one.example.org/</html> http://foot.example.com/", ["example.org"]),
        ("<html>see http://one.example.org/<b></b> http://foot.example.com/ </html>", None),
        ("<html>see http://one.example.org/</html> http://foot.example.com/ <p>", None),
        (
            "<html><a href=http://foot.example.com/>x</a></html> http://foot.example.com/",
            ["example.com"],
        ),
    ],
)
def test_links_of_a_footer_behind_the_document(html: str, domains: list[str] | None) -> None:
    words = meta_of(mail(html, kind="html"), ["en"], [])
    found = [word.removeprefix("#u:") for word in words if word.startswith("#u:")]
    assert found == (["example.org", "example.com"] if domains is None else domains)


def test_tokens_of_meta_words_are_of_other_kinds() -> None:
    tokens = tokens_of(mail("one day seven green birds sang", "the subject line"))
    assert_kinds_are_told_apart(tokens)
    assert set(tokens.kinds) == set(range(1, 2 * META + 1)), "of both there are all"
    message = mail("one day seven green birds sang")
    _, apart = osb.tokens([word_hash(word) for word in meta_of(message, ["en"], [])])
    tokens = tokens_of(message)
    assert [kind - META for kind in tokens.kinds[tokens.text :]] == list(apart)


def test_packed_and_digest() -> None:
    tokens = Tokens(array("Q", [1, 2**64 - 1]), b"\x01\x02", 2)
    assert tokens.packed == b"[1,18446744073709551615]"
    assert tokens.digest() == tokens.digest() != tokens.digest("user")
    assert len(tokens.digest()) == 103


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff" * 500,
        b"Content-Type: text/html\n\n" + b"<a href=http://%ff>" * 2000,
        b"Subject: =?utf-8?q?=ff?=\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\n\xed\xa0",
        b"Content-Type: text/plain\n\n" + b"http://a.example/ " * 3000,
        b"Date: nonsense\nFrom: \n\n" + "\udcff".encode("utf-8", "surrogatepass") * 100,
    ],
)
def test_no_message_raises(raw: bytes) -> None:
    assert_kinds_are_told_apart(tokens_of(Message(raw)))
