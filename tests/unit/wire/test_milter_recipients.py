"""A session that asks about recipients, and one that need not."""

from __future__ import annotations

import pytest

from filter_engine.wire.milter.codec import Command, Protocol, ProtocolError, packet
from filter_engine.wire.milter.session import (
    Aborted,
    Closed,
    Limits,
    MessageReceived,
    RecipientNamed,
    Session,
    State,
)

from .test_milter_session import CONNECT, END, LIMITS, MAIL, negotiation

CONTINUE = packet(ord("c"))
ALL = 0x1FFFFF


def rcpt(name: str) -> bytes:
    return packet(Command.RCPT, f"<{name}@home.example>\0".encode())


def asking(limits: Limits = LIMITS, protocol: int = ALL) -> Session:
    session = Session(limits, asks_recipients=True)
    session.feed(negotiation(6, 0x1FF, protocol))
    granted = int.from_bytes(session.take_output()[-4:])
    assert not granted & Protocol.NO_REPLY_RCPT
    session.feed(CONNECT)
    session.take_output()
    return session


def test_a_recipient_waits_for_its_answer_and_a_refused_one_is_no_more() -> None:
    session = asking()
    session.feed(packet(Command.MACRO, b"M{auth_authen}\0me\0"))
    assert session.feed(MAIL) == []
    held = session.held
    for name, taken in (("a", True), ("b", False), ("c", True)):
        (event,) = session.feed(rcpt(name))
        assert isinstance(event, RecipientNamed)
        assert event.envelope.rcpt_to == (f"{name}@home.example",)
        assert (event.envelope.user, event.envelope.ip) == ("me", "198.51.100.7")
        assert session.state is State.RECIPIENT
        assert session.in_message
        assert session.take_output() == b""  # whoever asks answers
        before = session.held
        session.recipient_answered(taken=taken)
        assert (session.held == before) is taken
    (received,) = session.feed(packet(Command.DATA) + END)
    assert isinstance(received, MessageReceived)
    assert received.envelope.rcpt_to == ("a@home.example", "c@home.example")
    assert received.held > held


def test_an_mta_that_wants_all_answers_gets_one_each() -> None:
    session = asking(protocol=0)
    session.feed(MAIL)
    assert session.take_output() == CONTINUE
    session.feed(rcpt("a"))
    assert session.take_output() == b""
    session.recipient_answered(taken=True)
    session.feed(packet(Command.DATA))
    assert session.take_output() == CONTINUE


@pytest.mark.parametrize("command", [Command.ABORT, Command.QUIT, Command.QUIT_NEW_CONNECTION])
def test_the_mta_may_give_up_while_it_waits(command: Command) -> None:
    session = asking()
    session.feed(MAIL)
    session.feed(rcpt("a"))
    events = session.feed(packet(command))
    assert isinstance(events[0], Aborted)
    assert isinstance(events[-1], Closed) is (command is Command.QUIT)
    session.recipient_answered(taken=False)  # too late, and no harm
    assert session.state is not State.ENVELOPE


def test_nothing_else_may_come_while_it_waits() -> None:
    session = asking()
    session.feed(MAIL)
    with pytest.raises(ProtocolError, match="command RCPT in state RECIPIENT"):
        session.feed(rcpt("a") + rcpt("b"))


def test_recipients_that_are_not_kept_are_not_asked_about() -> None:
    session = asking(Limits(max_message=1000, max_rcpts=1))
    session.feed(MAIL)
    session.feed(rcpt("a"))
    session.recipient_answered(taken=True)
    assert session.feed(rcpt("b")) == []
    assert session.take_output() == CONTINUE


def test_room_that_runs_out_meanwhile() -> None:
    session = asking()
    session.feed(MAIL)
    session.feed(rcpt("a"))
    session.drop()
    session.recipient_answered(taken=False)
    (received,) = session.feed(packet(Command.DATA) + END)
    assert isinstance(received, MessageReceived)
    assert received.dropped
