from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.scan.verdict import (
    Action,
    AddHeader,
    HeaderEdits,
    RemoveHeader,
    SymbolResult,
    Verdict,
)
from filter_engine.wire import checkv2
from filter_engine.wire.checkv2 import ReplyError, parse_reply, reply_json, reply_json_v1

RSPAMD = b"""{"is_skipped":false,"score":-4.999999,"required_score":15.0,"action":"no action",
"symbols":{"R_SPF_ALLOW":{"name":"R_SPF_ALLOW","score":-0.200000,"metric_score":-0.200000,
"description":"SPF verification allows sending","options":["+ip4:198.51.100.0/24:c"]},
"ARC_SIGNED":{"name":"ARC_SIGNED","score":0.0,"metric_score":0.0}},
"messages":{"smtp_message":"Try again later"},"urls":["www.goodcorp.com"],
"emails":["bolsh@gimp.org"],"message-id":"74017bb3c2270738.315@goodcorp.com",
"time_real":0.061277,"milter":{"add_headers":{
"X-Spam-Status":{"order":-1,"value":"No, score=-5.00"},
"Authentication-Results":{"order":1,"value":"mx9.example;\\n\\tdkim=pass"}},
"remove_headers":{"X-Spamd-Result":0,"X-Spam":0}}}"""
"""The shape of a reply of Rspamd 3.4, shortened."""


def test_a_reply_of_rspamd_is_understood() -> None:
    verdict = parse_reply(RSPAMD)
    assert verdict.action is Action.NO_ACTION
    assert verdict.score == pytest.approx(-5.0, abs=1e-5)
    assert verdict.required_score == 15.0
    assert [symbol.name for symbol in verdict.symbols] == ["R_SPF_ALLOW", "ARC_SIGNED"]
    assert verdict.symbols[0].options == ("+ip4:198.51.100.0/24:c",)
    assert verdict.messages == {"smtp_message": "Try again later"}
    assert verdict.message_id == "74017bb3c2270738.315@goodcorp.com"
    assert AddHeader("Authentication-Results", "mx9.example;\n\tdkim=pass", 1) in verdict.edits.add
    assert verdict.edits.remove == (RemoveHeader("X-Spamd-Result"), RemoveHeader("X-Spam"))


def test_a_reply_of_rspamd_comes_out_as_it_went_in() -> None:
    assert orjson.loads(reply_json(parse_reply(RSPAMD))) == orjson.loads(RSPAMD)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.floats(-1e6, 1e6)
names = st.from_regex(r"[!-9;-~]{1,20}", fullmatch=True)
symbols = st.builds(
    SymbolResult,
    name=texts,
    score=numbers,
    metric_score=numbers,
    description=texts,
    # the protocol has neither
    group=st.just(""),
    evidence=st.just(()),
    options=st.lists(texts, max_size=3).map(tuple),
)
verdicts = st.builds(
    Verdict,
    action=st.sampled_from(Action),
    score=numbers,
    required_score=numbers,
    symbols=st.lists(symbols, max_size=4, unique_by=lambda s: s.name).map(tuple),
    messages=st.dictionaries(texts, texts, max_size=2),
    subject=st.none() | texts,
    urls=st.lists(texts, max_size=3).map(tuple),
    emails=st.lists(texts, max_size=3).map(tuple),
    message_id=st.none() | texts,
    time_real=st.floats(0, 100),
    skipped=st.booleans(),
    edits=st.builds(
        HeaderEdits,
        add=st.lists(
            st.builds(AddHeader, name=names, value=texts, order=st.integers(-1, 5)), max_size=3
        ).map(lambda headers: tuple(sorted(headers, key=lambda h: h.name))),
        remove=st.lists(
            st.builds(RemoveHeader, name=names, index=st.integers(0, 5)),
            max_size=3,
            unique_by=lambda h: h.name,
        ).map(tuple),
    ),
    signatures=st.lists(texts, max_size=2).map(tuple),
)


@given(verdicts)
def test_what_is_written_is_read_back(verdict: Verdict) -> None:
    assert parse_reply(reply_json(verdict)) == verdict


def test_a_header_added_twice_survives() -> None:
    edits = HeaderEdits(add=(AddHeader("X", "1"), AddHeader("X", "2", 1)))
    assert parse_reply(reply_json(Verdict(Action.NO_ACTION, 0, 1, edits=edits))).edits == edits


def test_several_of_a_name_removed_survive() -> None:
    edits = HeaderEdits(remove=(RemoveHeader("X", 3), RemoveHeader("Y"), RemoveHeader("X", 1)))
    reply = reply_json(Verdict(Action.NO_ACTION, 0, 1, edits=edits))
    assert orjson.loads(reply)["milter"] == {"remove_headers": {"X": [3, 1], "Y": 0}}
    assert set(parse_reply(reply).edits.remove) == set(edits.remove)


def test_reject_switched_off_is_null() -> None:
    verdict = Verdict(Action.NO_ACTION, 1.0, math.nan)
    assert orjson.loads(reply_json(verdict))["required_score"] is None
    assert math.isnan(parse_reply(reply_json(verdict)).required_score)


def test_octets_that_are_no_text_do_not_break_the_reply() -> None:
    broken = b"caf\xe9".decode("utf-8", "surrogateescape")
    symbol = SymbolResult("S", 1.0, 1.0, options=(broken,))
    verdict = Verdict(Action.NO_ACTION, 1.0, 15.0, (symbol,), message_id=broken, subject=broken)
    assert parse_reply(reply_json(verdict)).message_id == "caf\ufffd"


def test_version_one_puts_everything_under_default() -> None:
    reply = orjson.loads(reply_json_v1(parse_reply(RSPAMD)))
    assert list(reply) == [
        "default",
        "messages",
        "urls",
        "emails",
        "message-id",
        "time_real",
        "rmilter",
    ]
    assert reply["default"]["is_spam"] is False
    assert reply["default"]["R_SPF_ALLOW"] == {
        "name": "R_SPF_ALLOW",
        "score": -0.2,
        "description": "SPF verification allows sending",
        "options": ["+ip4:198.51.100.0/24:c"],
    }


def broken(**fields: object) -> bytes:
    return orjson.dumps({"action": "no action", **fields})


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "no action"),
        (b'{"error":"invalid command"}', "no action"),
        (b'{"action":1}', "action is not of type str"),
        (b'{"action":"explode"}', "unknown action 'explode'"),
        (broken(score="1"), "score: '1' is not a number"),
        (broken(score=True), "is not a number"),
        (b'{"action":"reject","score":1e999}', "not JSON|not a number"),
        (broken(symbols=[1]), "symbols is not an object"),
        (broken(symbols={"A": 1}), "symbol A is not an object"),
        (broken(symbols={"A": {"options": "x"}}), "symbol A is not a list"),
        (broken(milter={"add_headers": {"X: y": "v"}}), "not a header field name"),
        (broken(milter={"add_headers": {"X\r\nY": "v"}}), "not a header field name"),
        (broken(milter={"add_headers": {"": "v"}}), "not a header field name"),
        (broken(milter={"add_headers": {"X": {"value": 1}}}), "has no text"),
        (broken(milter={"add_headers": {"X": {"value": "v", "order": "1"}}}), "is no position"),
        (broken(milter={"remove_headers": {"X": 10**9}}), "is no position"),
        (broken(milter={"remove_headers": {"X": True}}), "is no position"),
        (broken(milter=7), "milter is not an object"),
        (broken(urls="x"), "urls is not a list"),
        (broken(**{"dkim-signature": [1]}), "no text"),
        (broken(subject=["x"]), "subject is not of type str"),
        (b" " * (checkv2.MAX_REPLY + 1), "reply of"),
        (broken(symbols={f"S{n}": {} for n in range(checkv2.MAX_SYMBOLS + 1)}), "10001 entries"),
    ],
)
def test_what_does_not_fit_is_named(data: bytes, complaint: str) -> None:
    with pytest.raises(ReplyError, match=complaint):
        parse_reply(data)


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
FIELDS = (
    "score",
    "required_score",
    "symbols",
    "messages",
    "subject",
    "urls",
    "emails",
    "message-id",
    "time_real",
    "is_skipped",
    "milter",
    "dkim-signature",
)


@given(
    st.dictionaries(st.sampled_from(FIELDS), json, max_size=5),
    st.dictionaries(st.sampled_from(["add_headers", "remove_headers"]), json, max_size=2),
)
def test_hostile_replies_are_refused_or_read(fields: dict[str, object], milter: object) -> None:
    with contextlib.suppress(ReplyError):
        parse_reply(orjson.dumps({"milter": milter, **fields, "action": "reject"}))


@given(st.binary(max_size=100))
def test_hostile_octets(data: bytes) -> None:
    with contextlib.suppress(ReplyError):
        parse_reply(data)


LONE = "x\ud800y"


@pytest.mark.parametrize("render", [reply_json, reply_json_v1])
def test_half_characters_cannot_spoil_a_reply(render: Callable[[Verdict], bytes]) -> None:
    verdict = Verdict(
        Action.REWRITE_SUBJECT,
        1.0,
        15.0,
        symbols=(SymbolResult(LONE, 1.0, 1.0, LONE, (LONE,)),),
        messages={LONE: LONE},
        subject=LONE,
        urls=(LONE,),
        emails=(LONE,),
        message_id=LONE,
        edits=HeaderEdits((AddHeader(LONE, LONE),), (RemoveHeader(LONE),)),
        signatures=(LONE, LONE),
    )
    shown = render(verdict).decode()
    assert "x\N{REPLACEMENT CHARACTER}y" in shown
