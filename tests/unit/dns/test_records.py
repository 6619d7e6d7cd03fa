"""Ordinary replies are read as dnspython reads them, all others are left to it."""

from __future__ import annotations

import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.dns import packet
from filter_engine.dns.records import ordinary_answer
from filter_engine.scan.question import DnsQuestion

NAME = "www.Example.COM"

ORDINARY = {
    "A": [["192.0.2.1"], ["192.0.2.1", "192.0.2.2"]],
    "AAAA": [["2001:db8::1"], ["::ffff:192.0.2.1", "2001:db8:0:0:1::"]],
    "TXT": [['"v=spf1 -all"'], ['"a" "b"', '"ab"'], ['""']],
    "MX": [["10 mail.example.com.", "20 MX2.example.net."], ["0 ."]],
    "PTR": [["host.example.com."], ["_odd-1.Example.com.", "com."]],
    "NS": [["ns1.example.com."]],
    "CNAME": [["else.example.org."]],
}
CASES = [(rdtype, texts) for rdtype, sets in ORDINARY.items() for texts in sets]


def reply(rdtype: str, *answers: tuple[str, int, str, list[str]]) -> bytes:
    """A reply to a question about NAME with sets of records: owner, TTL, type, texts."""
    message = dns.message.make_response(dns.message.make_query(NAME, rdtype, use_edns=True))
    for owner, ttl, kind, texts in answers:
        message.answer.append(dns.rrset.from_text(owner, ttl, "IN", kind, *texts))
    return message.to_wire()


def both(data: bytes, rdtype: str) -> tuple[object, object]:
    """What is read directly, and what dnspython makes of it."""
    question = DnsQuestion(NAME.lower(), rdtype)
    asked = packet.question_bytes(question)
    assert asked is not None
    direct = ordinary_answer(data, question, asked, data[6] << 8 | data[7])
    return direct, packet.positive_answer(data, question)[0]


@pytest.mark.parametrize(("rdtype", "texts"), CASES)
def test_ordinary_records_are_read_directly(rdtype: str, texts: list[str]) -> None:
    direct, library = both(reply(rdtype, (f"{NAME}.", 300, rdtype, texts)), rdtype)
    assert direct == library
    assert direct is not None


@pytest.mark.parametrize(
    "answers",
    [
        [(f"{NAME}.", 300, "CNAME", ["x.example.com."]), ("x.example.com.", 9, "A", ["192.0.2.1"])],
        [("other.example.com.", 300, "A", ["192.0.2.1"])],
    ],
    ids=["alias", "another owner"],
)
def test_what_is_not_ordinary_is_left_to_the_library(answers: list) -> None:
    data = reply("A", *answers)
    asked = packet.question_bytes(DnsQuestion(NAME.lower(), "A"))
    assert asked is not None
    assert ordinary_answer(data, DnsQuestion(NAME.lower(), "A"), asked, len(answers)) is None


@pytest.mark.parametrize("name", ["a\\.b.example.com.", "sp\\032ace.example.com.", "\\195x.org."])
def test_names_with_odd_letters_are_left_to_the_library(name: str) -> None:
    direct, library = both(reply("PTR", (f"{NAME}.", 300, "PTR", [name])), "PTR")
    assert direct is None
    assert library is not None


def test_the_same_record_twice_is_one() -> None:
    data = reply("A", (f"{NAME}.", 300, "A", ["192.0.2.1"]))
    at = 12 + len(packet.question_bytes(DnsQuestion(NAME.lower(), "A")) or b"")
    record = data[at : at + 16]
    twice = data[:7] + b"\x02" + data[8:at] + record + record + data[at + 16 :]
    direct, library = both(twice, "A")
    assert direct == library
    assert direct.records == ("192.0.2.1",)


@given(
    case=st.sampled_from(CASES),
    changes=st.lists(st.tuples(st.integers(33, 120), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 60),
)
def test_broken_replies_raise_nothing(
    case: tuple[str, list[str]], changes: list[tuple[int, int]], cut: int
) -> None:
    rdtype, texts = case
    data = bytearray(reply(rdtype, (f"{NAME}.", 300, rdtype, texts)))
    for at, value in changes:
        if at < len(data):
            data[at] = value
    question = DnsQuestion(NAME.lower(), rdtype)
    asked = packet.question_bytes(question)
    assert asked is not None
    broken = bytes(data[: max(len(data) - cut, 33)])
    answer = ordinary_answer(broken, question, asked, len(texts))
    assert answer is None or 1 <= len(answer.records) <= len(texts)
