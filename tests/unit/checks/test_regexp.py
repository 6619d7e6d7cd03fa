"""Rules of regular expressions: places, functions, operators, and the rules that come along."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filter_engine.checks.regexp import stock
from filter_engine.checks.regexp.atoms import RuleError
from filter_engine.checks.regexp.book import RuleBook
from filter_engine.checks.regexp.matcher import Matcher
from filter_engine.checks.regexp.module import prepare
from filter_engine.checks.regexp.options import RegexpOptions, RegexpRuleOptions
from filter_engine.checks.regexp.places import Texts
from filter_engine.checks.regexp.rule import read_rule
from filter_engine.config.findings import Severity
from filter_engine.config.loader import inspect
from filter_engine.config.model import Config
from filter_engine.matching.pattern_set import NO_CACHE
from filter_engine.message import Message
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task

from .conftest import Scan, compose

MULTIPART = {"Content-Type": 'multipart/mixed; boundary="xx"', "X-Fold": "one\n two"}
PARTS = """\
--xx
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable
X-Part: one

Start hello
world caf=C3=A9

para  two http://plain.example.com
--xx
Content-Type: text/html

<p>bold <b>text</b></p><a href="http://h.example.com/link">x</a>
--xx
Content-Type: text/plain; name=a.txt
Content-Disposition: attachment; filename=a.txt

attached
--xx
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

YmluYXJ5ZGF0YQ==
--xx--
"""


def value(scan: Scan, rule: str, headers: Any = None, body: str = "Hello\n", **more: Any) -> float:
    """What a rule is worth; 0 when it does not hold."""
    max_hits = more.pop("max_hits", 1)
    options = RegexpOptions(rules={"SITE": RegexpRuleOptions(re=rule, max_hits=max_hits)})
    found = scan("regexp", headers or {}, body, options=options, **more).get("SITE", [])
    assert len(found) < 2
    assert all(finding.evidence for finding in found)
    return found[0].weight if found else 0.0


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        (r"X-Fold=/one two/", True),
        (r"X-Fold=/^one two$/X", True),
        (r"x-fold=/ONE/i", True),
        (r"x-fold=/one/S", False),
        (r"X-Fold=/one/S", True),
        (r"X-Part=/one/", False),
        (r"X-Part=/one/B", True),
        (r"Content-Type=/multipart/B", False),
        (r"Content-Type=/octet/{mime_header}", True),
        (r"/^X-Fold: one\r\n two/m{all_header}", True),
        (r"/X-Part/R", False),
        (r"/YmluYXJ5/M", True),
        (r"/^From: Bob/{body}", True),
        (r"/hello\r\nworld café/P", True),
        (r"/bold text/P", True),
        (r"/<b>/P", False),
        (r"/attached/P", True),
        (r"/plain\.example\.com$/P", True),
        (r"/binarydata/P", False),
        (r"/=C3=A9/Q", True),
        (r"/<b>/Q", True),
        (r"/café/D", True),
        (r"/<b>/{sa_raw_body}", True),
        (r"/hello world café para two/C", True),
        (r"/^Lunch$/C", True),
        (r"/^http:\/\/plain\.example\.com/U", True),
        (r"/\/link$/{url}", True),
        (r"/^hello$/{words}", True),
        (r"/^Hello$/{words}", False),
        (r"/^Start$/{raw_words}", True),
        (r"/^lunch$/{words}", True),
        (r"/^bob$/{words}", True),
        (r"/^attach/{stem_words}", False),
        (r"/^lunch$/{stem_words}", True),
        ("\"from('mime'):domain\"=/^example[.]com$/$", True),
        ("\"from('mime'):domain\"=/bob/{selector}", False),
    ],
)
def test_where_a_pattern_looks(scan: Scan, rule: str, holds: bool) -> None:
    assert bool(value(scan, rule, MULTIPART, PARTS)) is holds


def test_stems(scan: Scan) -> None:
    assert value(scan, "/^run$/{stem_words}", body="runs running\n") == 1
    assert value(scan, "/^run$/{words}", body="runs running\n") == 0


def test_an_empty_header_never_matches(scan: Scan) -> None:
    assert value(scan, "X-Empty=/.*/", {"X-Empty": ""}) == 0
    assert value(scan, "X-None=/^$/") == 0


def test_every_header_of_the_name_is_looked_at(scan: Scan) -> None:
    assert value(scan, "X-Many=/^b$/", {"X-Many": ["a", "b"]}) == 1


def test_max_size_bounds_a_text(scan: Scan) -> None:
    rule = RegexpRuleOptions(re="/end/P")
    for size, found in ((0, True), (10, False)):
        options = RegexpOptions(max_size=size, rules={"SITE": rule})
        assert ("SITE" in scan("regexp", {}, "begin " * 5 + "end\n", options=options)) is found


@pytest.mark.parametrize(
    ("rule", "worth"),
    [
        ("/a/P & /b/P", 1),
        ("/a/P & /z/P", 0),
        ("/z/P | /a/P", 1),
        ("!/z/P", 1),
        ("not /z/P and /a/P or /z/P", 1),
        ("/a/P + /b/P", 2),
        ("/a/P + /b/P + /z/P >= 2", 1),
        ("/a/P + /b/P > 2", 0),
        ("/a/P && !(/z/P || /y/P)", 1),
        ("header_exists(From) * 3 > 2", 1),
        ("/a/P >= 2", 0),
        (r"/a\/b/P", 1),
        ("/a/P / 2", 0.5),
    ],
)
def test_operators(scan: Scan, rule: str, worth: float) -> None:
    assert value(scan, rule, body="a b a/b\n") == worth


ATOMS = ["/a/P", "/b/P", "/c/P", "X-A=/a/", "From=/Bob/"]


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_rule_holds_whatever_makes_the_book_look_at_it(data: st.DataObject) -> None:
    """The book works out only rules that can hold; that must never change what is found."""
    depth = st.deferred(lambda: atoms | pairs | st.builds("!({})".format, depth))
    atoms = st.sampled_from([*ATOMS, *(f"!{atom}" for atom in ATOMS)])
    operators = st.sampled_from(["&", "|", "+", "== 1 &", "> 1 |", "- 1 <"])
    pairs = st.builds("({} {} {})".format, depth, operators, depth)
    rule = data.draw(depth)
    matcher = Matcher("test")
    try:
        read = read_rule("SITE", rule, matcher)
    except RuleError:
        return
    matcher.compile(NO_CACHE)
    for text, headers in (("a b c", {"X-A": "a"}), ("a", {}), ("b c", {}), ("x", {"X-A": "x"})):
        message = Message(compose(headers, text))
        task = Task(message, Envelope(), {}, 0.0, "test")
        worth = read.value(task, matcher.on(Texts(message)))
        found = [value for _, value, _ in RuleBook(matcher, [read]).holding(task, Texts(message))]
        assert found == ([worth] if worth else [])


def test_max_hits_counts_matches(scan: Scan) -> None:
    assert value(scan, "/a/P", body="banana\n", max_hits=2) == 2
    assert value(scan, "/a/P", body="banana\n", max_hits=10) == 3


@pytest.mark.parametrize(
    ("call", "holds"),
    [
        ("header_exists(X-Fold)", True),
        ('header_exists("X-None")', False),
        ("raw_header_exists(x-fold)", True),
        ("has_only_html_part()", False),
        ("has_content_part(text)", True),
        ("has_content_part(text, html)", True),
        ("has_content_part(image)", False),
        ("has_content_part(/^te/, /ml$/)", True),
        ("has_content_part_len(text, html, 10)", True),
        ("has_content_part_len(text, html, 10, 20)", False),
        ("compare_encoding(utf-8)", True),
        ("compare_encoding(/UTF/i)", True),
        ("compare_encoding(koi8-r)", False),
        ("compare_transfer_encoding(base64)", True),
        ("compare_transfer_encoding(uuencode)", False),
        ("has_html_tag(b)", True),
        ("has_html_tag(table)", False),
        ("is_html_balanced()", True),
        ("has_fake_html()", False),
        ("is_empty_body()", False),
        ("content_type_is_type(multipart)", True),
        ("content_type_is_subtype(/^mix/)", True),
        ("content_type_has_param(boundary)", True),
        ("content_type_compare_param(boundary, xx)", True),
        ("content_type_compare_param(charset, utf-8)", False),
        ("content_type_compare_param(charset, utf-8, true)", True),
        ("check_smtp_data(from, bob@example.com)", True),
        ("check_smtp_data(rcpt, /example/)", True),
        ("check_smtp_data(helo, /nowhere/)", False),
        ("check_smtp_data(user)", False),
        ("check_smtp_data(subject, lunch)", True),
        ("has_flag(milter)", False),
        ("is_recipients_sorted()", False),
        ("compare_recipients_distance(10)", False),
        ("compare_parts_distance(10)", False),
    ],
)
def test_functions(scan: Scan, call: str, holds: bool) -> None:
    assert bool(value(scan, call, MULTIPART, PARTS)) is holds


def test_functions_about_other_mails(scan: Scan) -> None:
    many = ", ".join(f"user{letter}@example.net" for letter in "abcdef")
    assert value(scan, "is_recipients_sorted()", {"To": many}) == 1
    assert value(scan, "compare_recipients_distance(90)", {"To": many}) == 1
    assert value(scan, "is_empty_body()", body="\n") == 1
    html = {"Content-Type": "text/html"}
    assert value(scan, "has_only_html_part()", html, "<p>x</p>\n") == 1
    assert value(scan, "is_html_balanced()", html, "<b>x<b>\n") == 0
    assert value(scan, "has_fake_html()", html, "no tags\n") == 1
    assert value(scan, "has_flag(milter)", flags=frozenset({"milter"})) == 1


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("/a", "the pattern at column 1 is not closed"),
        ("/a/P & /b(/P", "the pattern at column 8 is wrong: missing )"),
        ("/a/{nowhere}", "{nowhere} of the pattern at column 1 is no place"),
        ("/a/Z", "unknown flag 'Z'"),
        ("/a/H", "needs a name"),
        ("lua:my_function", "Lua, which this engine does not run"),
        ("my_function", "neither a pattern nor a function"),
        ("my_function()", "there is no function my_function()"),
        ("header_exist(From)", "did you mean header_exists()?"),
        ("header_exists()", "takes 1 arguments, not 0"),
        ("/a/P &", "ends too early"),
        ("(/a/P", "parenthesis is not closed"),
        ("1 + 1", "no pattern and no function"),
        ("", "no pattern and no function"),
        ("\"nothing('x')\"=/a/$", "the selector cannot be read"),
        ("/a/P /b/P", "neither a pattern nor a function"),
    ],
)
def test_a_bad_rule_says_what_is_wrong(rule: str, message: str) -> None:
    with pytest.raises(RuleError) as error:
        read_rule("BAD", rule, Matcher("test"))
    assert message in str(error.value), str(error.value)


def test_the_section_in_a_configuration(tmp_path: Any) -> None:
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d" / "regexp.conf").write_text(
        'GOOD { re = "Subject=/x/"; score = 2.0; group = "site"; description = "x"; }\n'
        'SHORT = "/y/P";\n'
        'OFF { re = "/z/P"; enabled = false; }\n'
        'BAD { re = "/(/P"; }\n'
        'LUA { lua = "return 1"; }\n'
        "max_sise = 5;\n"
    )
    found = inspect(
        None, {"LOCAL_CONFDIR": str(tmp_path)}, {}, modules={"regexp": RegexpOptions}
    ).findings
    told = {(f.line, f.severity, f.code): f.message for f in found}
    assert "missing )" in told[4, Severity.ERROR, "wrong-type"]
    assert "LUA" in told[5, Severity.INFO, "not-served"]
    assert "is left out" in told[5, Severity.WARNING, "rule-not-served"]
    assert "max_sise" in told[6, Severity.WARNING, "unknown-option"]
    assert len(told) == 4


def test_a_rule_of_the_site_takes_the_place_of_ours(scan: Scan) -> None:
    rule = RegexpRuleOptions(re="Subject=/Lunch/")
    found = scan("regexp", options=RegexpOptions(rules={"INTRODUCTION": rule}))
    assert found.keys() == {"INTRODUCTION"}


IP = "[192.0.2.7]"
DAY = "Mon, 2 Mar 2020 10:00:00 +0000"
STOCK: list[tuple[str, dict[str, str], str]] = [
    ("HAS_PHPMAILER_SIG", {"X-Mailer": "PHPMailer 6.1"}, ""),
    ("PHP_SCRIPT_ROOT", {"X-PHP-Originating-Script": "0:a.php"}, ""),
    ("PHP_XPS_PATTERN", {"X-PHP-Script": "a.example/sendmail.php for 192.0.2.1"}, ""),
    ("X_PHP_EVAL", {"X-PHP-Script": "a.php(1) : eval()'d code"}, ""),
    ("HIDDEN_SOURCE_OBJ", {"X-PHP-Originating-Script": "33:.a.php"}, ""),
    ("X_PHPOS_FAKE", {"X-PHP-Originating-Script": "1234567:a.php"}, ""),
    ("X_PHP_FORGED_0X", {"X-PHP-Originating-Script": "01:a.php"}, ""),
    ("HAS_WP_URI", {}, "http://a.example/wp-admin/x"),
    ("WP_COMPROMISED", {}, "http://a.example/wp-content-x/y"),
    ("HAS_GUC_PROXY_URI", {}, "http://ci3.googleusercontent.com/proxy/x"),
    ("HAS_GOOGLE_REDIR", {}, "https://www.google.com/url?q=x"),
    ("HAS_ONION_URI", {}, "http://abcdefghij234567.onion/x"),
    ("FORGED_GENERIC_RECEIVED", {"Received": f"from {IP} by a.test; {DAY}"}, ""),
    (
        "FORGED_GENERIC_RECEIVED2",
        {"Received": f"from {IP} by a.test id abcdefghij12; {DAY}"},
        "",
    ),
    (
        "FORGED_GENERIC_RECEIVED3",
        {"Received": f"by 192.0.2.1 with SMTP id abcdefghijklmn.1234567890123; {DAY} (GMT)"},
        "",
    ),
    ("FORGED_GENERIC_RECEIVED4", {"Received": f"from localhost by a; {DAY}"}, ""),
    ("INVALID_POSTFIX_RECEIVED", {"Received": f"from a (Postfix) with ESMTP id A1; {DAY}"}, ""),
    ("R_RCVD_SPAMBOTS", {"Received": f"from {IP} by a.example; {DAY}"}, ""),
    ("RCVD_DOUBLE_IP_SPAM", {"Received": "from [192.0.2.7] by 192.0.2.8 with SMTP"}, ""),
    ("STRONGMAIL", {"Received": f"from strongmail ({IP}) by a.example (-); {DAY}"}, ""),
    ("FAKE_RECEIVED_mail_ru", {"Received": "from mail.ru (unknown [192.0.2.7]) by a"}, ""),
    (
        "FAKE_RECEIVED_smtp_yandex_ru",
        {
            "Received": f"from {IP} (helo=smtp.yandex.ru) by a",
            "From": "<b@gmail.com>",
            "Return-Path": "<b@gmail.com>",
        },
        "",
    ),
    (
        "MAIL_RU_MAILER",
        {"X-Mailer": "Mail.Ru Mailer 1.0", "Received": "by e.mail.ru with HTTP; x"},
        "",
    ),
    (
        "YANDEX_RU_MAILER",
        {
            "X-Mailer": "Yamail [ http://yandex.ru ] 5.0",
            "Received": "by web1a.yandex.ru with HTTP; x",
        },
        "",
    ),
    ("MAILER_1C_8", {"X-Mailer": "1C:Enterprise 8.3"}, ""),
    (
        "FORGED_MUA_THEBAT_BOUN",
        {"X-Mailer": "The Bat! (v1.52)", "Content-Type": "multipart/mixed; boundary=x"},
        "",
    ),
    ("FORGED_MSGID_YAHOO", {"Message-ID": "<1@yahoo.com>"}, ""),
    ("STOX_REPLY_TYPE", {"Content-Type": "text/plain; format=flowed; reply-type=original"}, ""),
    (
        "HAS_INTERSPIRE_SIG",
        {
            "X-Mailer-LID": "1",
            "X-Mailer-RecptId": "2",
            "X-Mailer-SID": "3",
            "X-Mailer-Sent-By": "4",
        },
        "",
    ),
    (
        "GOOGLE_FORWARDING_MID_MISSING",
        {"Message-ID": "<1.SMTPIN_ADDED_MISSING@mx.google.com>"},
        "",
    ),
    ("GOOGLE_FORWARDING_MID_BROKEN", {"Message-ID": "<1.SMTPIN_ADDED_BROKEN@mx.google.com>"}, ""),
    (
        "SUSPICIOUS_BOUNDARY",
        {
            "Content-Type": 'multipart/mixed; boundary="----=_NextPart_000_0001_00EBFFA4.12345678"',
        },
        "",
    ),
    (
        "SUSPICIOUS_BOUNDARY2",
        {
            "Content-Type": 'multipart/mixed; boundary="----=_NextPart_000_0001_01C6527E.12345678"',
        },
        "",
    ),
    (
        "SUSPICIOUS_BOUNDARY3",
        {"Content-Type": 'multipart/mixed; boundary="-----000-0012-01C12345-12345678"'},
        "",
    ),
    (
        "SUSPICIOUS_BOUNDARY4",
        {
            "Content-Type": 'multipart/mixed; boundary="----=_NextPart_000_0001_01C41234.12345678"',
            "Date": "Mon, 2 Mar 2015 10:00:00 +0000",
        },
        "",
    ),
    ("TRACKER_ID", {}, "abcdef1234567890_-xyz123abc456def"),
    ("INTRODUCTION", {}, "Dear friend, I am Mr. Smith"),
    ("SUBJ_BOUNCE_WORDS", {"Subject": "Undelivered Mail Returned to Sender"}, ""),
    ("MICROSOFT_SPAM", {"X-Forefront-Antispam-Report": "CIP:1;SFV:SPM;"}, ""),
    ("KLMS_SPAM", {"X-KLMS-AntiSpam-Status": "spam"}, ""),
    ("UNITEDINTERNET_SPAM", {"X-UI-Filterresults": "junk:10;"}, ""),
]


@pytest.mark.parametrize(("symbol", "headers", "text"), STOCK, ids=[case[0] for case in STOCK])
def test_a_rule_that_comes_along(
    scan: Scan, symbol: str, headers: dict[str, str], text: str
) -> None:
    found = scan("regexp", headers, (text or "Hello") + "\n")
    assert found[symbol][0].weight == 1.0
    assert found[symbol][0].evidence


def test_every_rule_that_comes_along_has_a_case() -> None:
    assert {case[0] for case in STOCK} == {symbol.name for symbol in stock.SYMBOLS}


def test_the_rules_that_come_along_are_quick(caplog: pytest.LogCaptureFixture) -> None:
    book = prepare(RegexpOptions(), Setup(Config()))
    assert len(book.rules) == len(stock.SYMBOLS)
    assert not [record for record in caplog.records if "may take" in record.message]
