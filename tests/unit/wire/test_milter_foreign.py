"""Our session against kilter.protocol, another implementation, in the MTA's place."""

from __future__ import annotations

from ipaddress import IPv4Address

from kilter.protocol import messages as k
from kilter.protocol.buffer import SimpleBuffer

from filter_engine.scan.verdict import Action, AddHeader, HeaderEdits, RemoveHeader, Verdict
from filter_engine.wire.milter.reply import ReplyOptions, milter_reply
from filter_engine.wire.milter.session import Limits, MessageReceived, Session


def wire(*messages: k.Message) -> bytes:
    buffer = SimpleBuffer(1 << 16)
    for message in messages:
        message.pack(buffer)
    return bytes(buffer[:])


def unwire(data: bytes) -> list[k.Message]:
    buffer = SimpleBuffer(1 << 16)
    buffer[:] = data
    found = []
    while buffer.filled:
        message, size = k.Message.unpack(buffer)
        message.freeze()
        found.append(message)
        del buffer[:size]
    return found


def test_a_message_sent_and_answered() -> None:
    session = Session(Limits(10_000))
    session.feed(wire(k.Negotiate(6, k.ActionFlags(0x1FF), k.ProtocolFlags(0x1FFFFF))))
    (negotiated,) = unwire(session.take_output())
    assert isinstance(negotiated, k.Negotiate)
    assert negotiated.version == 6
    assert negotiated.protocol_flags == 0xFF080
    assert (
        session.feed(
            wire(
                k.Macro(ord("C"), {"{daemon_name}": "mx.example"}),
                k.Connect("client.example", IPv4Address("198.51.100.7"), 1025),
                k.Helo("client.example"),
                k.EnvelopeFrom(b"<a@client.example>", [b"SIZE=10"]),
                k.EnvelopeRecipient(b"<b@home.example>"),
                k.Data(),
                k.Header("Subject", b"hello"),
                k.EndOfHeaders(),
                k.Body(b"text\r\n"),
            )
        )
        == []
    )
    (event,) = session.feed(wire(k.EndOfMessage(b"")))
    assert isinstance(event, MessageReceived)
    assert event.raw == b"Subject: hello\r\n\r\ntext\r\n"
    assert event.envelope.ip == "198.51.100.7"
    assert event.envelope.hostname == "client.example"
    assert event.envelope.mail_from == "a@client.example"
    assert event.envelope.rcpt_to == ("b@home.example",)
    assert event.envelope.mta_name == "mx.example"
    edits = HeaderEdits(
        (AddHeader("X-Spamd-Bar", "/"), AddHeader("Authentication-Results", "mx; none", 1)),
        (RemoveHeader("Subject"),),
    )
    verdict = Verdict(Action.ADD_HEADER, 7.0, 15.0, edits=edits)
    reply = unwire(milter_reply(verdict, event.header_counts, event.actions, ReplyOptions()))
    assert [type(message) for message in reply] == [
        k.ChangeHeader,
        k.AddHeader,
        k.InsertHeader,
        k.ChangeHeader,
        k.Accept,
    ]
    removed, added, inserted, marked, _ = reply
    assert isinstance(removed, k.ChangeHeader)
    assert (removed.index, removed.name, bytes(removed.value)) == (1, "Subject", b"")
    assert isinstance(added, k.AddHeader)
    assert (added.name, bytes(added.value)) == ("X-Spamd-Bar", b"/")
    assert isinstance(inserted, k.InsertHeader)
    assert (inserted.index, bytes(inserted.value)) == (1, b"mx; none")
    assert isinstance(marked, k.ChangeHeader)
    assert (marked.name, bytes(marked.value)) == ("X-Spam", b"Yes")


def test_a_refusal() -> None:
    verdict = Verdict(Action.REJECT, 20.0, 15.0, messages={"smtp_message": "Gtube pattern"})
    (reply,) = unwire(milter_reply(verdict, {}, 0x1FF, ReplyOptions()))
    assert isinstance(reply, k.ReplyCode)
    assert bytes(reply.content).rstrip(b"\0") == b"554 5.7.1 Gtube pattern"
