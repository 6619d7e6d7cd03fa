"""What selectors give of a message, and what is said of those that cannot be used."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.checks.asn import AsnResult
from filter_engine.maps import Maps
from filter_engine.message import Message
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.task import Task, client_ip
from filter_engine.scan.verdict import Finding
from filter_engine.selectors import SelectorError, compile_selector
from filter_engine.selectors.extractors import EXTRACTORS
from filter_engine.selectors.transforms import TRANSFORMS

MESSAGE = b"""\
Received: from a.example.org (b.example.org [192.0.2.7]) by mx.example.com with ESMTPSA;
 Sat, 21 Nov 2026 10:00:00 +0000
Received: from c.example.org ([198.51.100.9]) by a.example.org with SMTP;
 Sat, 21 Nov 2026 09:59:00 +0000
From: "Bob B." <Bob+lists@Mail.Example.CO.UK>
To: alice@example.net, Carol <carol@example.net>
Subject: Hello World
X-List: one
X-List: two
Message-ID: <abc@mail.example.co.uk>
Date: Sat, 21 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

See https://www.shop.example.com/path/to?x=1 and http://other.example.org
or write to info@example.org.
--b
Content-Type: application/octet-stream; name="data.bin"
Content-Disposition: attachment; filename="data.bin"

0123
--b--
"""
MAPS = {
    "sites": Maps().of(["www.shop.example.com", "x y"], "hash", "test"),
}


def _task() -> Task:
    envelope = Envelope(
        ip="192.0.2.77",
        helo="mail.example.org",
        hostname="host.example.org",
        mail_from="Sender+x@Bounces.Example.Org",
        rcpt_to=("one@example.net", "two+tag@example.net"),
        user="carol",
        queue_id="ABC1",
    )
    return Task(
        Message(MESSAGE.replace(b"\n", b"\r\n")),
        envelope,
        {},
        now=1_800_000_000.0,
        server="here",
        ip=client_ip(envelope.ip),
        results={"asn": AsnResult("15169", "192.0.2.0/24", "US")},
        findings=[Finding("SEEN", ("opt1", "opt2"))],
    )


@pytest.mark.parametrize(
    ("selector", "values"),
    [
        ("ip", ("192.0.2.77",)),
        ("ip.ipmask(24)", ("192.0.2.0",)),
        ("helo", ("mail.example.org",)),
        ("helo()", ("mail.example.org",)),
        ("helo.get_tld", ("example.org",)),
        ("hostname", ("host.example.org",)),
        ("user.in('bob', carol)", ("carol",)),
        ("user.not_in(carol)", ()),
        ("user.equal('carol').prepend('login:')", ("login:carol",)),
        ("from", ("Sender@bounces.example.org",)),
        ("from('smtp'):domain", ("bounces.example.org",)),
        ("from('mime'):addr.lower_utf8", ("bob@mail.example.co.uk",)),
        ("from('mime'):name", ("Bob B.",)),
        ("from('mime'):domain.get_tld", ("example.co.uk",)),
        ("rcpts", ("one@example.net", "two@example.net")),
        ("rcpts:user.last", ("two",)),
        ("rcpts('mime'):addr.nth(2)", ("carol@example.net",)),
        ("rcpts:addr.take_n(1)", ("one@example.net",)),
        ("rcpts:addr.drop_n(1)", ("two@example.net",)),
        ("rcpts:addr.nth(9)", ()),
        ("to", ("one@example.net",)),
        ("header(Subject).lower", ("hello world",)),
        ("header('subject', 'strong')", ()),
        ("header('X-List')", ("one",)),
        ("header('X-List', 'full')", ("one", "two")),
        ("header('X-List', 'full'):order.first", ("6",)),
        ("header(Missing)", ()),
        ("header(Message-Id).regexp('@([^.]+\\.[^>]+)').last", ("mail.example.co.uk",)),
        ("header(Subject).match('/(hel+)o/i')", ("Hello", "Hell")),
        ("header(Subject).substring(1, 5)", ("Hello",)),
        ("header(Subject).substring(-5)", ("World",)),
        ("messageid", ("abc@mail.example.co.uk",)),
        ("queueid.append('-', x)", ("ABC1-x",)),
        ("received('by_hostname')", ("mx.example.com", "a.example.org")),
        ("received:from_ip.first", ("192.0.2.7",)),
        ("received:flags", ("ssl", "authenticated")),
        ("urls:get_host", ("www.shop.example.com", "other.example.org")),
        ("urls('get_tld').sort.uniq", ("example.com", "example.org")),
        ("urls:get_path", ("path/to",)),
        ("urls:get_query", ("x=1",)),
        ("specific_urls({limit = 1}):get_tld", ("example.com",)),
        (
            "specific_urls_filter_map('sites', {limit = 10})"
            ".apply_methods('get_host', 'get_path').join_tables('/')",
            ("www.shop.example.com/path/to",),
        ),
        ("emails:get_user", ("info",)),
        ("files", ("data.bin",)),
        ("attachments('hex', 'md5')", (hashlib.md5(b"0123").hexdigest(),)),
        ("user.digest('hex', 'sha1')", (hashlib.sha1(b"carol").hexdigest(),)),
        ("asn", ("15169",)),
        ("country", ("US",)),
        ("pool_var('ipnet')", ("192.0.2.0/24",)),
        ("time('message', '!%Y-%m-%d')", ("2026-11-21",)),
        ("time(connect)", ("1800000000",)),
        ("id('x');user", ("x-carol",)),
        ("id(a) * rcpts:user", ("a-one", "a-two")),
        ("list(a, b, c);rcpts:user", ("a-one", "b-two")),
        ("user;header(Missing)", ()),
        ("rcpts.join(',')", ("one@example.net,two@example.net",)),
        ("urls:get_host.filter_map(sites)", ("www.shop.example.com",)),
        ("urls:get_host.except_map(sites)", ("other.example.org",)),
        ("user.id('x', 'y')", ("x", "y")),
        ("header(Missing).inverse", ("true",)),
        ("header(Subject).inverse('no')", ()),
        ("id('\u00e4b').to_ascii", ("??b",)),
        ("symbol('SEEN'):options", ("opt1", "opt2")),
        ("symbol('OTHER')", ()),
        ("id('it''s')", None),
        ("id('it\\'s')", ("it's",)),
        ("user . lower", ("carol",)),
        ("user;", ("carol",)),
    ],
)
def test_what_a_selector_gives(selector: str, values: tuple[str, ...] | None) -> None:
    if values is None:
        with pytest.raises(SelectorError):
            compile_selector(selector)
        return
    compiled = compile_selector(selector, delimiter="-", maps=MAPS)
    assert compiled.values(_task()) == values


def test_flat_values_stand_one_after_another() -> None:
    compiled = compile_selector("user; rcpts:user")
    assert compiled.flat(_task()) == ("carol", "one", "two")


def test_what_must_be_known_before_it_is_asked() -> None:
    assert compile_selector("asn;user").needs == {"asn"}
    assert compile_selector("symbol(X)").late
    assert not compile_selector("user").late


@pytest.mark.parametrize(
    ("selector", "column", "message"),
    [
        ("", 1, "expected the name of an extractor"),
        ("form('smtp')", 1, "no extractor 'form'; did you mean 'from'?"),
        ("words('stem')", 1, "the extractor words is Rspamd's"),
        ("from('smpt')", 1, "'smpt' is not one of smtp, mime, any"),
        ("from:domian", 6, "no field 'domian'; known: addr, user, domain, name"),
        ("user:addr", 6, "it gives plain texts"),
        ("user.lowr", 6, "no transform 'lowr'; did you mean 'lower'?"),
        ("user;.lower", 6, "expected the name of an extractor"),
        ("header()", 1, "it takes 1 to 2 texts"),
        ("header('x", 8, "the closing quote is missing"),
        ("header(x", 9, "the closing ) is missing"),
        ("header(x y)", 10, "expected a comma or )"),
        ("user.nth(x)", 6, "its arguments are numbers"),
        ("user.regexp('(')", 6, "regexp:"),
        ("user.filter_map(none)", 6, "no map 'none'; known: none"),
        ("user)", 5, "unexpected ')'"),
        ("specific_urls({limits = 1})", 1, "no option 'limits'"),
        ("specific_urls({limit = x})", 1, "limit is a number"),
        ("id(" + "{" * 20, 12, "more than 8 tables within each other"),
        ("x" * 9000, 1, "longer than 8192 characters"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_column(
    selector: str, column: int, message: str
) -> None:
    with pytest.raises(SelectorError, match=r"selector .* column \d+") as caught:
        compile_selector(selector)
    assert caught.value.column == column
    assert message in caught.value.message


@given(st.text(alphabet="user.from(){},;:'\"=\\ abc*-\n", max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        compiled = compile_selector(text)
    except SelectorError:
        return
    compiled.values(_task())


@given(st.binary(max_size=300))
def test_no_message_raises(raw: bytes) -> None:
    task = Task(Message(raw), Envelope(mail_from="\udcff@x", rcpt_to=("",)), {}, 0.0, "here")
    arguments: Mapping[str, str] = {"header": "(x)", "pool_var": "(asn)", "symbol": "(x)"}
    arguments = {**arguments, "request_header": "(x)", "specific_urls_filter_map": "(sites)"}
    for name in EXTRACTORS:
        selector = f"{name}{arguments.get(name, '')}.lower.uniq.to_ascii.join"
        compile_selector(selector, maps=MAPS).values(task)


def test_everything_is_documented() -> None:
    for name, made in (*EXTRACTORS.items(), *TRANSFORMS.items()):
        assert made.doc, name
