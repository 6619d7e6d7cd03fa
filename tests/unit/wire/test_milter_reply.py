from __future__ import annotations

import math

import pytest

from filter_engine.scan.verdict import Action, AddHeader, HeaderEdits, RemoveHeader, Verdict
from filter_engine.wire.milter.codec import Actions, Splitter, packet
from filter_engine.wire.milter.reply import (
    ACCEPT,
    MAX_REMOVALS,
    TEMPFAIL,
    ReplyOptions,
    header_value,
    milter_reply,
    reply_code,
)

from .transcript import conversations

ALL = 0x1FF
STOCK = ReplyOptions()


def verdict(action: Action = Action.NO_ACTION, **more: object) -> Verdict:
    return Verdict(action, 0.0, 15.0, **more)  # type: ignore[arg-type]


def packets(reply: bytes) -> list[tuple[str, bytes]]:
    return [(chr(command), payload) for command, payload in Splitter().feed(reply)]


def test_the_recorded_reply_to_spam_with_forged_headers() -> None:
    """Order and octets as Rspamd answered, in the packets that were recorded whole."""
    recorded = conversations()[0].filter[1:]
    edits = HeaderEdits(
        add=(
            AddHeader("X-Rspamd-Action", "add header"),
            AddHeader("X-Spam-Status", "Yes, score=11.80"),
            AddHeader("X-Rspamd-Server", "vm"),
            AddHeader("X-Spamd-Bar", "+++++++++++"),
            AddHeader("X-Rspamd-Queue-Id", "8611422A156"),
            AddHeader("X-Spam-Level", "***********"),
        ),
        remove=(
            RemoveHeader("Authentication-Results"),
            RemoveHeader("X-Spamd-Result"),
            RemoveHeader("X-Spam"),
            RemoveHeader("X-Spamd-Bar"),
            RemoveHeader("X-Rspamd-Server"),
        ),
    )
    counts = {b"authentication-results": 1, b"x-spamd-result": 1, b"x-spam": 1, b"x-spamd-bar": 1}
    reply = milter_reply(verdict(Action.ADD_HEADER, edits=edits), counts, ALL, STOCK)
    deliver_to = packet(ord("h"), b"Deliver-To\0Junk\0")
    assert reply == b"".join(raw for raw, whole in recorded if whole and raw != deliver_to)


def test_the_recorded_reply_to_a_rewritten_subject() -> None:
    recorded = [raw for raw, whole in conversations()[1].filter if whole][-2:]
    reply = milter_reply(
        verdict(Action.REWRITE_SUBJECT, subject="***SPAM*** special watches"), {}, ALL, STOCK
    )
    assert reply == b"".join(recorded)


def test_the_recorded_soft_reject() -> None:
    recorded, whole = conversations()[3].filter[-1]
    assert whole
    text = 'Ratelimit "bounce_to" exceeded'
    soft = verdict(Action.SOFT_REJECT, messages={"smtp_message": text})
    assert milter_reply(soft, {}, ALL, STOCK) == recorded


@pytest.mark.parametrize(
    ("result", "options", "expected"),
    [
        (None, STOCK, [("t", b"")]),
        (verdict(), STOCK, [("a", b"")]),
        (verdict(Action.GREYLIST), STOCK, [("a", b"")]),
        (verdict(Action.REJECT), STOCK, [("y", b"554 5.7.1 Spam message rejected\0")]),
        (
            verdict(Action.REJECT, messages={"smtp_message": "Gtube pattern"}),
            STOCK,
            [("y", b"554 5.7.1 Gtube pattern\0")],
        ),
        (
            verdict(Action.REJECT),
            ReplyOptions(reject_message="go away"),
            [("y", b"554 5.7.1 go away\0")],
        ),
        (verdict(Action.REJECT), ReplyOptions(discard_on_reject=True), [("d", b"")]),
        (
            verdict(Action.REJECT),
            ReplyOptions(quarantine_on_reject=True),
            [("q", b"Spam message quarantined\0"), ("a", b"")],
        ),
        (verdict(Action.SOFT_REJECT), STOCK, [("y", b"451 4.7.1 Try again later\0")]),
        (
            verdict(Action.SOFT_REJECT),
            ReplyOptions(tempfail_message="not now"),
            [("y", b"451 4.7.1 not now\0")],
        ),
        (verdict(Action.DISCARD), STOCK, [("d", b"")]),
        (
            verdict(Action.QUARANTINE),
            STOCK,
            [("q", b"Spam message quarantined\0"), ("a", b"")],
        ),
        (
            verdict(Action.ADD_HEADER),
            ReplyOptions(spam_header="X-Junk"),
            [("m", b"\0\0\0\1X-Junk\0Yes\0"), ("a", b"")],
        ),
        (verdict(Action.REWRITE_SUBJECT), STOCK, [("a", b"")]),
    ],
)
def test_the_action_table(
    result: Verdict | None, options: ReplyOptions, expected: list[tuple[str, bytes]]
) -> None:
    assert packets(milter_reply(result, {}, ALL, options)) == expected


def test_every_occurrence_goes_the_last_one_first() -> None:
    edits = HeaderEdits(remove=(RemoveHeader("X-Spam"), RemoveHeader("x-other")))
    reply = milter_reply(verdict(edits=edits), {b"x-spam": 3}, ALL, STOCK)
    assert packets(reply) == [
        ("m", b"\0\0\0\3X-Spam\0\0"),
        ("m", b"\0\0\0\2X-Spam\0\0"),
        ("m", b"\0\0\0\1X-Spam\0\0"),
        ("a", b""),
    ]


@pytest.mark.parametrize(("index", "removed"), [(2, [2]), (3, []), (-1, [2]), (-2, [1]), (-3, [])])
def test_one_occurrence_by_its_place(index: int, removed: list[int]) -> None:
    edits = HeaderEdits(remove=(RemoveHeader("X", index),))
    reply = milter_reply(verdict(edits=edits), {b"x": 2}, ALL, STOCK)
    assert [payload[3] for command, payload in packets(reply) if command == "m"] == removed


@pytest.mark.parametrize(
    ("indices", "removed"),
    [((1, 3), [3, 1]), ((1, -1, 4), [4, 1]), ((-1, -2), [4, 3]), ((2, 0), [4, 3, 2, 1])],
)
def test_several_occurrences_go_the_last_one_first(
    indices: tuple[int, ...], removed: list[int]
) -> None:
    """Those behind a deleted one move up."""
    edits = HeaderEdits(remove=tuple(RemoveHeader("X", index) for index in indices))
    reply = milter_reply(verdict(edits=edits), {b"x": 4}, ALL, STOCK)
    assert [payload[3] for command, payload in packets(reply) if command == "m"] == removed


def test_signatures_go_to_the_top() -> None:
    reply = milter_reply(verdict(signatures=("a=1;\n\tb=2", "a=2")), {}, ALL, STOCK)
    assert packets(reply) == [
        ("i", b"\0\0\0\1DKIM-Signature\0a=1;\n\tb=2\0"),
        ("i", b"\0\0\0\2DKIM-Signature\0a=2\0"),
        ("a", b""),
    ]


def test_orders_of_added_headers() -> None:
    edits = HeaderEdits(add=(AddHeader("A", "1", 1), AddHeader("B", "2"), AddHeader("C", "3", 0)))
    assert packets(milter_reply(verdict(edits=edits), {}, ALL, STOCK))[:-1] == [
        ("i", b"\0\0\0\1A\0001\0"),
        ("h", b"B\0002\0"),
        ("i", b"\0\0\0\0C\0003\0"),
    ]


def test_nothing_is_asked_that_the_mta_did_not_offer() -> None:
    edits = HeaderEdits(add=(AddHeader("A", "1"),), remove=(RemoveHeader("B"),))
    full = verdict(Action.ADD_HEADER, edits=edits, signatures=("s",))
    assert packets(milter_reply(full, {b"b": 1}, 0, STOCK)) == [("a", b"")]
    adding = int(Actions.ADD_HEADERS)
    assert [c for c, _ in packets(milter_reply(full, {b"b": 1}, adding, STOCK))] == ["h", "i", "a"]
    assert packets(milter_reply(verdict(Action.QUARANTINE), {}, 0, STOCK)) == [("t", b"")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100% sure", b"554 5.7.1 100%% sure\0"),
        ("two\r\nlines\0", b"554 5.7.1 two lines?\0"),
        ("süß", b"554 5.7.1 s??\0"),
        ("x" * 600, b"554 5.7.1 " + b"x" * 480 + b"\0"),
    ],
)
def test_reply_texts_are_one_line_of_ascii(text: str, expected: bytes) -> None:
    assert packets(reply_code("554", "5.7.1", text)) == [("y", expected)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a;\n\tb", b"a;\n\tb"),
        ("a;\r\n\tb", b"a;\n\tb"),
        ("a\nX-Evil: 1", b"a\n\tX-Evil: 1"),
        ("a\rX-Evil: 1", b"a\n\tX-Evil: 1"),
        ("a\n\nbody", b"a\n\tbody"),
        ("a\0b", b"ab"),
        ("gr\u00fc\u00df", "grüß".encode()),
        ("\udcff", b"\xff"),
    ],
)
def test_no_header_value_ends_its_header(value: str, expected: bytes) -> None:
    assert header_value(value) == expected


def test_a_header_name_is_a_name() -> None:
    edits = HeaderEdits(add=(AddHeader("X: 1\r\nY", "v"),))
    with pytest.raises(ValueError, match="not a header field name"):
        milter_reply(verdict(edits=edits), {}, ALL, STOCK)


def test_a_threshold_that_is_off_does_not_matter() -> None:
    free = Verdict(Action.NO_ACTION, 1.0, math.nan)
    assert packets(milter_reply(free, {}, ALL, STOCK)) == [("a", b"")]


LONE = "x\ud800y\udcffz"
"""Half characters: the first comes from no octet, the second stands for the octet FF."""


def test_half_characters_cannot_spoil_a_header() -> None:
    assert header_value(LONE) == b"x\xef\xbf\xbdy\xffz"


def test_more_forged_headers_than_can_be_taken_away_are_a_temporary_failure() -> None:
    edits = HeaderEdits(remove=(RemoveHeader("X-Spamd-Result"), RemoveHeader("X-Other")))
    many = {b"x-spamd-result": MAX_REMOVALS, b"x-other": 1}
    passed = Verdict(Action.NO_ACTION, 0.0, 15.0, edits=edits)
    assert milter_reply(passed, many, 0x1FF, STOCK) == TEMPFAIL
    assert milter_reply(passed, many | {b"x-other": 0}, 0x1FF, STOCK).endswith(ACCEPT)
    refused = Verdict(Action.REJECT, 20.0, 15.0, edits=edits)
    assert b"554 5.7.1" in milter_reply(refused, many, 0x1FF, STOCK)
