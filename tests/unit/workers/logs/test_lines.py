"""The line about a message: Rspamd's template, and what is escaped."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.config.findings import Severity
from filter_engine.config.loader import inspect
from filter_engine.config.log_format import DEFAULT, VARIABLES, Part, parse_log_format
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action, SymbolResult, Verdict
from filter_engine.workers import logs
from filter_engine.workers.logs.message_line import fields_of
from filter_engine.workers.logs.printable import MAX_LINE, lines_of, printable
from filter_engine.workers.logs.template import VALUES, Scanned, Template

RSPAMDS = """id: <$mid>,$if_qid{ qid: <$>,}$if_ip{ ip: $,}$if_user{ user: $,}
$if_smtp_from{from: <$>, }(default: $is_spam ($action): [$scores] [$symbols_scores_params]),
len: $len, time: $time_real, dns req: $dns_req,
$if_smtp_rcpts{rcpts: <$>, }mime_rcpts: <$mime_rcpts>$if_filename{, file: $}
$if_forced_action{, forced: $}
"""
MAIL = (
    b"From: A <a@b.example>\r\nTo: c@d.example, e@d.example\r\nMessage-ID: <x@y>\r\n"
    b"Subject: hi\r\n\r\nhello\r\n"
)


def test_a_line_is_as_rspamds_for_the_same_message(scanned: Callable[..., Scanned]) -> None:
    """Rspamd 3.4 wrote the same, but for its time."""
    said = Template(RSPAMDS, 7).fill(scanned())
    assert re.sub(r"\d+\.\d{3}ms", "T", said) == (
        "id: <x@y>, (default: F (no action): [0.00/15.00] []), len: 94, time: T, dns req: 2, "
        "mime_rcpts: <c@d.example,e@d.example> "
    )
    envelope = Envelope(
        ip="192.0.2.1", user="bob", queue_id="ABC", mail_from="f@g.example",
        rcpt_to=("h@i.example", *(f"{n}@1.example" for n in range(9))),
    )  # fmt: skip
    said = Template(RSPAMDS, 7).fill(scanned(MAIL, envelope, "OPT"))
    assert said.startswith(
        "id: <x@y>, qid: <ABC>, ip: 192.0.2.1, user: bob, from: <f@g.example>, "
        "(default: F (no action): [1.00/15.00] [OPT(1.00){a;b;c;d;e;f;g;...;}]), len: 94, "
    )
    assert "rcpts: <h@i.example,0@1.example,1@1.example,2@1.example,3@1.example," in said
    assert "5@1.example,...>" in said


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("$mid{<$$>}", "<x@yx@y>"),
        ("[$qid][$user][$ip][$settings_id][$forced_action]", "[undef]" * 5),
        ("[$smtp_from][$smtp_rcpt][$smtp_rcpts][$symbols]", "[][][]" + "[A,B]"),
        ("$symbols_params|$symbols_scores", "A{a;...;},B{a;...;}|A(1.00),B(1.00)"),
        ("$groups $public_groups", "grp(2.00) grp(2.00)"),
        ("$mime_from $mime_rcpt $mime_rcpts", "a@b.example c@d.example c@d.example,..."),
        ("$if_qid{q}$if_hostname{h}$if_scanner{by $}", "by self"),
        ("a\n   b", "a b"),
        ("$nothing_such $lua{ return { 1 } }end", " end"),
        ("100$ of it", "100$ of it"),
    ],
)
def test_the_template(template: str, line: str, scanned: Callable[..., Scanned]) -> None:
    assert Template(template, 1).fill(scanned(MAIL, None, "A", "B")) == line


def symbols_line(template: str, most: int, *symbols: SymbolResult) -> str:
    verdict = Verdict(Action.NO_ACTION, 0.0, 15.0, symbols)
    return Template(template, most).fill(Scanned(verdict, Envelope(), 0, "self"))


def test_symbols_that_weigh_nothing_come_last_in_their_order() -> None:
    scores = {"NIL": 0.0, "LIGHT": 0.5, "NOUGHT": 0.0, "HEAVY": -2.0, "MIDDLE": 1.0, "BARE": 0.0}
    found = [SymbolResult(name, score, score) for name, score in scores.items()]
    said = symbols_line("$symbols", 0, *found)
    assert said == "HEAVY,MIDDLE,LIGHT,NIL,NOUGHT,BARE"
    said = symbols_line("$symbols_scores_params", 0, *found[:2])
    assert said == "LIGHT(0.50){},NIL(0.00){}"


@pytest.mark.parametrize(
    ("options", "most", "shown"),
    [
        ((), 1, ""),
        (("a",), 1, "a;"),
        (("a", "b"), 1, "a;...;"),
        (("a", "b"), 2, "a;b;"),
        (("a", "b"), 0, "a;b;"),
        (("a", "b", "c"), 2, "a;b;...;"),
    ],
)
def test_options_beside_their_limit(options: tuple[str, ...], most: int, shown: str) -> None:
    symbol = SymbolResult("A", 1.0, 1.0, options=options)
    assert symbols_line("$symbols_params", most, symbol) == f"A{{{shown}}}"


def test_every_variable_has_a_value_and_every_value_a_variable(
    scanned: Callable[..., Scanned],
) -> None:
    assert set(VALUES) == set(VARIABLES)
    message = scanned()
    for name in VARIABLES:
        assert Template(f"${name}", 7).fill(message) == (Template(f"${name}{{$}}", 7).fill(message))


def test_is_spam_as_rspamd_says_it() -> None:
    """T, F: lines of Rspamd 3.4 for each action."""
    for action in Action:
        line = Template("$is_spam", 7).fill(Scanned(Verdict(action, 0.0, 15.0), Envelope(), 0, ""))
        wanted = "F" if action in (Action.NO_ACTION, Action.SOFT_REJECT) else "T"
        assert line == wanted, action
    skipped = Scanned(Verdict(Action.NO_ACTION, 0.0, 15.0, skipped=True), Envelope(), 0, "")
    assert Template("$is_spam", 7).fill(skipped) == "S"


def test_the_null_sender_is_a_sender(scanned: Callable[..., Scanned]) -> None:
    template = Template("$if_smtp_from{from: <$>}", 7)
    assert template.fill(scanned(MAIL, Envelope(mail_from=""))) == "from: <>"
    assert template.fill(scanned()) == ""


@given(st.text())
def test_any_template_is_read(text: str) -> None:
    parts, _ = parse_log_format(text)
    assert all(isinstance(part, Part) for part in parts)
    verdict = Verdict(Action.NO_ACTION, 0.0, 15.0)
    Template(text, 1).fill(Scanned(verdict, Envelope(), 0, "self"))


def test_what_is_wrong_with_a_template_is_told_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d/logging.inc").write_text('log_format = "$mdi $lua{x}";\n')
    found = inspect(None, {"LOCAL_CONFDIR": str(tmp_path), "DBDIR": str(tmp_path)}, {}).findings
    told = [one for one in found if "log_format" in one.message]
    assert [(one.severity, one.line) for one in told] == [(Severity.WARNING, 1)] * 2
    assert {one.message.partition(": ")[2] for one in told} == {
        "there is no variable mdi",
        "$lua{...} is not served: there is no Lua here",
    }
    assert any("mid, qid, user" in one.hint for one in told)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a\nb", r"a\x0ab"),
        ("\x1b[31m\x7f\x85", r"\x1b[31m\x7f\x85"),
        ("\u202e\u2028\udcff\ud800", r"\u202e\u2028\xff\ud800"),
        ("Grüße, 漢字", "Grüße, 漢字"),
    ],
)
def test_nothing_but_text_is_written(written: str, shown: str) -> None:
    assert printable(written) == shown


@given(st.text(st.characters(), max_size=50))
def test_a_printable_line_is_one_line(text: str) -> None:
    assert printable(text).isprintable()
    assert all(line.isprintable() for line in lines_of(text))


def test_a_hostile_message_is_one_bounded_line(
    logged: Callable[..., Any], scanned: Callable[..., Scanned]
) -> None:
    lines = logged()
    mail = b"Message-ID: <a\x1b[2J\xff\xe2\x80\xae@b>\r\n\r\n"
    envelope = Envelope(
        mail_from="x\n2026-11-22 00:00:00 #1(main) forged; forged: line",
        queue_id="Q" * 10_000,
        rcpt_to=("r" * 5000,) * 9,
    )
    logs.log_message(*scanned(mail, envelope))
    (line,) = lines()
    assert len(line) < MAX_LINE + 100
    assert line.isprintable()
    assert r"x\x0a2026" in line or "Q" * 4000 in line


def test_fields_are_bounded_whatever_a_mail_names_itself(
    scanned: Callable[..., Scanned],
) -> None:
    """A datagram that is too long would be lost, and the mail's line with it."""
    long = "x" * 200_000
    envelope = Envelope(mail_from=long, queue_id=long, user=long, rcpt_to=(long,) * 9)
    fields = fields_of(scanned(b"Message-ID: <%b@b>\r\n\r\n" % long.encode(), envelope))
    assert len(json.dumps(fields)) < 8_000
    assert fields["MAIL_FROM"] == "x" * 512 + "..."


def test_a_line_of_several_has_its_head_before_each(logged: Callable[..., Any]) -> None:
    lines = logged()
    logging.getLogger("filter_engine.scan.run").error("one\n2026 forged\x1b")
    assert all(
        re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d #\d+\(main\) run; \w+: ", line)
        for line in lines()
    )
    assert len(lines()) == 2
    assert lines()[1].endswith(r": 2026 forged\x1b")


def test_no_log_is_no_line(logged: Callable[..., Any], scanned: Callable[..., Scanned]) -> None:
    lines = logged()
    logs.log_message(*scanned(MAIL, Envelope(flags=frozenset({"no_log"}))))
    assert lines() == []


def test_the_default_is_rspamds_line_and_what_is_ours() -> None:
    symbols = (SymbolResult("LIGHT", 0.1, 0.1), SymbolResult("HEAVY", -3.0, -3.0, options=("o",)))
    verdict = Verdict(
        Action.REJECT, float("nan"), float("nan"), symbols, unfinished=("rbl",), time_real=0.0125
    )
    said = Template(DEFAULT, 7).fill(Scanned(verdict, Envelope(), 10, "mx2:11333"))
    assert said == (
        "id: <undef>, (default: T (reject): [nan/NaN] [HEAVY(-3.00){o;},LIGHT(0.10){}]), len: 10,"
        " time: 12.500ms, dns req: 0, scanner: mx2:11333, unfinished: rbl"
    )
