from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.wire.milter.codec import (
    MAX_PACKET,
    Command,
    ProtocolError,
    Splitter,
    negotiation,
    packet,
)
from filter_engine.wire.milter.session import (
    Aborted,
    Closed,
    Limits,
    MessageReceived,
    Session,
    State,
)

from .transcript import conversations

LIMITS = Limits(max_message=100_000)
CONNECT = packet(ord("C"), b"client.example\0004\x12\x34198.51.100.7\0")
MAIL = packet(ord("M"), b"<a@client.example>\0SIZE=100\0")
RCPT = packet(ord("R"), b"<b@home.example>\0")
END = packet(ord("E"))


def header(name: bytes, value: bytes) -> bytes:
    return packet(ord("L"), name + b"\0" + value + b"\0")


def opened(limits: Limits = LIMITS, protocol: int = 0x1FFFFF) -> Session:
    session = Session(limits)
    session.feed(negotiation(6, 0x1FF, protocol))
    session.take_output()
    session.feed(CONNECT)
    return session


def message(session: Session, *parts: bytes) -> MessageReceived:
    events = session.feed(b"".join(parts))
    assert len(events) == 1
    assert isinstance(events[0], MessageReceived)
    return events[0]


def test_what_postfix_says_in_the_recording() -> None:
    received = []
    for conversation in conversations():
        session = Session(LIMITS)
        for sent in conversation.mta:
            for event in session.feed(sent):
                if isinstance(event, MessageReceived):
                    received.append(event)
                    session.answered()
        assert session.state is State.CLOSED
    spam = received[0]
    assert spam.envelope.ip == "203.0.113.99"
    assert spam.envelope.hostname is None
    assert spam.envelope.helo == "mail.nospf.com"
    assert spam.envelope.mail_from == "offer@nospf.com"
    assert spam.envelope.rcpt_to == ("alice@home.example",)
    assert spam.envelope.queue_id == "8611422A156"
    assert spam.envelope.mta_name == "mx1.home.example"
    assert spam.envelope.user_agent == "Postfix 3.7.11"
    assert spam.envelope.user is None
    assert spam.envelope.flags == {"milter"}
    assert spam.raw.startswith(b'From: "Dr. Offer" <offer@nospf.com>\r\nTo: alice@home.example\r\n')
    assert spam.raw.endswith(
        b"Authentication-Results: mx1.home.example; dkim=pass header.d=evil.example\r\n\r\n"
        b'<html><body>hello <a href="https://www.nospf.com/x">our page</a> click '
        b'<img src="http://www.nospf.com/a.png"></body></html>\r\n\r\n'
    )
    assert spam.size == len(spam.raw)
    assert spam.header_counts[b"x-spam"] == 1
    null_sender, submitted = received[2], received[3]
    assert null_sender.envelope.mail_from == ""
    assert submitted.envelope.user == "alice@home.example"


def test_it_negotiates_as_rspamd_does() -> None:
    for conversation in conversations():
        session = Session(LIMITS)
        session.feed(conversation.mta[0])
        answer, whole = conversation.filter[0]
        assert whole
        assert session.take_output() == answer


def test_it_says_nothing_until_the_end_of_the_message() -> None:
    for conversation in conversations():
        session = Session(LIMITS)
        session.feed(conversation.mta[0])
        session.take_output()
        for sent in conversation.mta[1:]:
            for event in session.feed(sent):
                if isinstance(event, MessageReceived):
                    session.answered()
            assert session.take_output() == b""


@given(st.data())
def test_how_the_stream_is_cut_does_not_matter(data: st.DataObject) -> None:
    conversation = conversations()[0]
    end = conversation.mta.index(END) + 1
    stream = b"".join(conversation.mta[:end])
    whole = Session(LIMITS).feed(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=30)))
    session = Session(LIMITS)
    events = []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        events += session.feed(stream[start:stop])
    assert events == whole


def test_octet_by_octet() -> None:
    conversation = conversations()[0]
    stream = b"".join(conversation.mta[: conversation.mta.index(END) + 1])
    session = Session(LIMITS)
    events = [event for octet in stream for event in session.feed(bytes((octet,)))]
    assert events == Session(LIMITS).feed(stream)


def test_several_messages_on_one_connection() -> None:
    session = opened()
    first = message(session, MAIL, RCPT, header(b"Subject", b"one"), packet(ord("N")), END)
    session.answered()
    other = packet(ord("M"), b"<c@client.example>\0")
    second = message(session, other, RCPT, header(b"Subject", b"two"), packet(ord("N")), END)
    assert (first.envelope.mail_from, second.envelope.mail_from) == (
        "a@client.example",
        "c@client.example",
    )
    assert second.raw == b"Subject: two\r\n\r\n"
    assert second.envelope.rcpt_to == ("b@home.example",)
    assert second.envelope.ip == "198.51.100.7"


def test_abort_forgets_the_message_and_its_macros_but_not_the_client() -> None:
    session = opened()
    session.feed(packet(ord("H"), b"helo.example\0"))
    session.feed(packet(ord("D"), b"M{auth_authen}\0somebody\0"))
    session.feed(MAIL + RCPT + header(b"X-Old", b"1"))
    assert session.in_message
    assert session.feed(packet(ord("A"))) == []
    assert not session.in_message
    event = message(session, MAIL, RCPT, packet(ord("N")), END)
    assert event.envelope.user is None
    assert event.envelope.helo == "helo.example"
    assert event.raw == b"\r\n"


def test_abort_while_waiting_is_told() -> None:
    session = opened()
    message(session, MAIL, RCPT, packet(ord("N")), END)
    assert session.feed(packet(ord("A"))) == [Aborted()]
    message(session, MAIL, RCPT, packet(ord("N")), END)
    assert session.feed(packet(ord("Q"))) == [Aborted(), Closed()]


def test_quit_nc_keeps_the_connection_for_another_client() -> None:
    session = opened()
    session.feed(packet(ord("D"), b"C{daemon_name}\0mx1.example\0"))
    message(session, MAIL, RCPT, packet(ord("N")), END)
    session.answered()
    assert session.feed(packet(ord("K"))) == []
    assert session.state is State.OPEN
    session.feed(packet(ord("C"), b"[192.0.2.9]\0006\0\0IPv6:2001:db8::9\0"))
    event = message(session, MAIL, RCPT, packet(ord("N")), END)
    assert event.envelope.ip == "2001:db8::9"
    assert event.envelope.hostname is None
    assert event.envelope.mta_name is None


def test_an_mta_that_wants_replies_gets_them() -> None:
    session = Session(LIMITS)
    session.feed(negotiation(6, 0x1FF, 0x7F))
    assert session.take_output() == negotiation(6, 0x1FF, 0)
    go_on = packet(ord("c"))
    for sent in (CONNECT, packet(ord("H"), b"h\0"), MAIL, RCPT, packet(ord("T"))):
        session.feed(sent)
        assert session.take_output() == go_on
    session.feed(packet(ord("D"), b"L\0"))
    assert session.take_output() == b""
    session.feed(header(b"A", b"1") + packet(ord("N")) + packet(ord("B"), b"x\r\n"))
    assert session.take_output() == go_on * 3
    session.feed(END)
    assert session.take_output() == b""


def test_an_older_version_is_kept() -> None:
    session = Session(LIMITS)
    session.feed(negotiation(2, 0x3F, 0x7F))
    assert session.take_output() == negotiation(2, 0x3F, 0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"v", b"X: v\r\n"),
        (b"one\n\ttwo", b"X: one\r\n\ttwo\r\n"),
        (b"one\r\n two", b"X: one\r\n two\r\n"),
        (b"\ttabbed", b"X:\ttabbed\r\n"),
        (b"", b"X: \r\n"),
        ("ü".encode(), "X: ü\r\n".encode()),
    ],
)
def test_header_fields_are_put_together_again(value: bytes, expected: bytes) -> None:
    event = message(opened(), MAIL, RCPT, header(b"X", value), packet(ord("N")), END)
    assert event.raw == expected + b"\r\n"


def test_body_in_the_last_packet() -> None:
    session = opened()
    body = packet(ord("B"), b"one\r\n")
    event = message(session, MAIL, RCPT, packet(ord("N")), body, packet(ord("E"), b"two\r\n"))
    assert event.raw == b"\r\none\r\ntwo\r\n"


def test_a_message_above_the_limit_is_not_kept() -> None:
    session = opened(Limits(max_message=1000))
    session.feed(MAIL + RCPT + header(b"Subject", b"big") + packet(ord("N")))
    for _ in range(10):
        session.feed(packet(ord("B"), b"x" * 200))
    assert session.held < 300
    event = message(session, END)
    assert event.oversize
    assert event.raw == b""
    assert event.size == 2000 + len(b"Subject: big\r\n\r\n")
    assert event.header_counts == {b"subject": 1}
    session.answered()
    assert not message(session, MAIL, RCPT, packet(ord("N")), END).oversize


def test_exactly_the_limit_is_kept() -> None:
    session = opened(Limits(max_message=100))
    session.feed(MAIL + RCPT + packet(ord("N")))
    event = message(session, packet(ord("B"), b"x" * 98), END)
    assert not event.oversize
    assert len(event.raw) == 100


def test_recipients_are_bounded() -> None:
    session = opened(Limits(max_message=100_000, max_rcpts=3))
    session.feed(MAIL)
    for number in range(10):
        session.feed(packet(ord("R"), b"<u%d@home.example>\0" % number))
    assert len(message(session, packet(ord("N")), END).envelope.rcpt_to) == 3


def test_many_header_fields_are_kept_and_counted() -> None:
    """Only octets make a message oversize."""
    session = opened(Limits(max_message=500_000))
    session.feed(MAIL + RCPT + header(b"A", b"") * 30_000 + header(b"X-Spam", b"forged"))
    event = message(session, packet(ord("N")), END)
    assert not event.oversize
    assert event.raw == b"A: \r\n" * 30_000 + b"X-Spam: forged\r\n\r\n"
    assert event.header_counts == {b"a": 30_000, b"x-spam": 1}


def test_header_fields_of_an_oversize_message_are_counted() -> None:
    session = opened(Limits(max_message=1000))
    session.feed(MAIL + RCPT + header(b"A", b"") * 300 + header(b"X-Spam", b"forged"))
    event = message(session, packet(ord("N")), END)
    assert event.oversize
    assert event.header_counts == {b"a": 300, b"x-spam": 1}


def test_everything_kept_of_a_message_is_held() -> None:
    session = opened()
    session.feed(MAIL)
    empty = session.held
    session.feed(packet(ord("R"), b"<%b@home.example>\0" % (b"x" * 1000)) * 50)
    assert session.held - empty >= 50_000
    recipients = session.held
    session.feed(b"".join(header(b"%d" % number, b"") for number in range(1000)))
    names = session.held - recipients
    assert names >= 100_000  # each distinct name costs its entry in the counts
    session.drop()
    assert session.held < 1000
    session.feed(b"".join(header(b"%d" % number, b"") for number in range(2000)))
    assert session.held < 1000


def test_a_name_no_header_field_can_have_is_not_counted() -> None:
    session = opened(Limits(max_message=5_000_000))
    session.feed(MAIL + RCPT + header(b"n" * 1_000_000, b"v") + header(b"A", b""))
    held = session.held
    event = message(session, packet(ord("N")), END)
    assert event.header_counts == {b"a": 1}
    assert event.raw.startswith(b"nnnn")
    assert held < 1_100_000


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        (packet(ord("M"), b"<" + b"x" * 3000 + b">\0"), "address of 3000 octets"),
        (MAIL + packet(ord("R"), b"<" + b"x" * 3000 + b">\0"), "address of 3000 octets"),
        (packet(ord("H"), b"x" * 3000 + b"\0"), "HELO of 3000 octets"),
    ],
)
def test_addresses_and_names_have_a_greatest_length(sent: bytes, complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        opened().feed(sent)


def test_a_dropped_message_holds_nothing() -> None:
    session = opened()
    session.feed(MAIL + RCPT + packet(ord("N")) + packet(ord("B"), b"x" * 500))
    assert session.held >= 502
    session.drop()
    assert session.held < 502
    event = message(session, packet(ord("B"), b"x" * 500), END)
    assert event.dropped
    assert event.raw == b""


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        (MAIL, "command MAIL in state NEGOTIATION"),
        (negotiation(6, 0, 0) + MAIL, "command MAIL in state OPEN"),
        (negotiation(6, 0, 0) + negotiation(6, 0, 0), "command NEGOTIATE in state OPEN"),
        (negotiation(6, 0, 0) + CONNECT + RCPT, "command RCPT in state CLIENT"),
        (negotiation(6, 0, 0) + CONNECT + END, "command END_OF_MESSAGE in state CLIENT"),
        (negotiation(6, 0, 0) + CONNECT + MAIL + MAIL, "command MAIL in state ENVELOPE"),
        (negotiation(6, 0, 0) + CONNECT + MAIL + packet(ord("B"), b"x"), "command BODY"),
        (negotiation(6, 0, 0) + CONNECT + MAIL + packet(ord("L"), b"\0\0"), "without name"),
        (negotiation(6, 0, 0) + packet(ord("z")), "command 0x7a in state OPEN"),
        (negotiation(6, 0, 0) + packet(ord("C"), b"name"), "without address family"),
        (negotiation(6, 0, 0) + packet(ord("C"), b"name\0004\0\0\0"), "without address"),
        (negotiation(1, 0, 0), "version 1"),
        (packet(ord("O"), b"123"), "negotiation of 3 octets"),
        (b"\0\0\0\0x", "packet of 0 octets"),
        (b"\xff\xff\xff\xffx", "packet of 4294967295 octets"),
        (b"GET / HTTP/1.1\r\n\r\n", "packet of 1195725856 octets"),
        (negotiation(6, 0, 0) + packet(ord("D"), b"C" + b"x" * 70_000), "octets of macros"),
        (negotiation(6, 0, 0) + packet(ord("D")), "macros for no command"),
    ],
)
def test_what_breaks_the_protocol_is_named(sent: bytes, complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        Session(LIMITS).feed(sent)


def test_nothing_but_an_end_may_come_while_the_mta_waits() -> None:
    session = opened()
    message(session, MAIL, RCPT, packet(ord("N")), END)
    with pytest.raises(ProtocolError, match="command MAIL in state WAITING"):
        session.feed(MAIL)


@given(
    st.lists(st.tuples(st.sampled_from([*Command, ord("?")]), st.binary(max_size=40)), max_size=25)
)
def test_hostile_packets_end_in_a_protocol_error_or_nothing(
    packets: list[tuple[int, bytes]],
) -> None:
    session = Session(Limits(max_message=500, max_macros=100))
    session.feed(negotiation(6, 0x1FF, 0x1FFFFF))
    try:
        for command, payload in packets:
            for event in session.feed(packet(command, payload)):
                if isinstance(event, MessageReceived):
                    assert len(event.raw) <= 500
                    session.answered()
    except ProtocolError:
        pass


@given(st.binary(max_size=200))
def test_hostile_octets(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        Session(LIMITS).feed(data)


def test_a_splitter_keeps_no_more_than_one_packet() -> None:
    splitter = Splitter()
    assert splitter.feed((MAX_PACKET).to_bytes(4, "big") + b"B" + b"x" * 1000) == []
    assert splitter.feed(b"x" * (MAX_PACKET - 1001)) == [(ord("B"), b"x" * (MAX_PACKET - 1))]
    assert splitter.feed(b"\0") == []


@pytest.mark.parametrize(
    ("macros", "connect", "expected"),
    [
        (b"{client_name}\0mail.example\0", b"[192.0.2.1]", "mail.example"),
        (b"{client_name}\0unknown\0", b"mail.example", None),
        (b"", b"mail.example", "mail.example"),
        (b"", b"[192.0.2.1]", None),
        (b"", b"unknown", None),
    ],
)
def test_the_client_name(macros: bytes, connect: bytes, expected: str | None) -> None:
    session = Session(LIMITS)
    session.feed(negotiation(6, 0x1FF, 0x1FFFFF))
    session.feed(packet(ord("C"), connect + b"\0004\0\x19192.0.2.1\0"))
    session.feed(packet(ord("D"), b"M" + macros))
    event = message(session, MAIL, RCPT, packet(ord("N")), END)
    assert event.envelope.hostname == expected


@pytest.mark.parametrize(
    ("macros", "expected"),
    [
        (b"j\0mx.example\0{daemon_name}\0smtpd.example\0", "smtpd.example"),
        (b"j\0mx.example\0{daemon_name}\0ORIGINATING\0", "mx.example"),
        (b"{daemon_name}\0ORIGINATING\0", "ORIGINATING"),
        (b"j\0mx.example\0", "mx.example"),
        (b"", None),
    ],
)
def test_the_mta_name(macros: bytes, expected: str | None) -> None:
    session = opened()
    session.feed(packet(ord("D"), b"C" + macros))
    event = message(session, MAIL, RCPT, packet(ord("N")), END)
    assert event.envelope.mta_name == expected


def test_a_local_client_has_no_address() -> None:
    session = Session(LIMITS)
    session.feed(negotiation(6, 0x1FF, 0x1FFFFF))
    session.feed(packet(ord("C"), b"localhost\0L\0\0/run/socket\0"))
    assert message(session, MAIL, RCPT, packet(ord("N")), END).envelope.ip is None
