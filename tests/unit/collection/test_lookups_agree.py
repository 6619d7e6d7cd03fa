"""What lets a key sign (`dkim_seen`) and what compares DNS (`dns check`) judge servers alike."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils import dkim_lookup

from filter_engine.zone import answers
from filter_engine.zone.compare import Fault, compare
from filter_engine.zone.document import read_document

NAME = "r1._domainkey.example.net"
VALUE = "v=DKIM1; k=rsa; p=AAAA"
LOST = "the first question is lost"


def seconds_of(name: str) -> float:
    """Of a try: many where an answer comes, for the machine is busy."""
    if name == LOST:
        return 1.0
    return 0.5 if BEHAVIOURS[name][1] == "silent" else 30.0


HEARD = {
    None: "right",
    Fault.MISSING: "nothing",
    Fault.DIFFERENT: "another",
    Fault.EXTRA: "several",
    Fault.UNASKED: "silent",
    Fault.NOT_AUTHORITATIVE: "silent",
}

Sent = list[tuple[bool, bytes]]
"""Datagrams in answer to one question: whether the server itself sends it, and what."""
Behaviour = Callable[[int, dns.message.Message], Sent]


def reply(
    query: dns.message.Message, *values: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR
) -> bytes:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    response.set_rcode(rcode)
    if values:
        texts = [f'"{value}"' for value in values]
        response.answer.append(dns.rrset.from_text_list(f"{NAME}.", 60, "IN", "TXT", texts))
    return response.to_wire()


def unlike(query: dns.message.Message) -> bytes:
    wire = bytearray(reply(query, VALUE))
    wire[0] ^= 0xFF
    return bytes(wire)


def flagged(query: dns.message.Message, flag: int) -> bytes:
    response = dns.message.from_wire(reply(query, VALUE))
    response.flags ^= flag
    return response.to_wire()


BEHAVIOURS: dict[str, tuple[Behaviour, str]] = {
    "well": (lambda n, q: [(True, reply(q, VALUE))], "right"),
    LOST: (lambda n, q: [(True, reply(q, VALUE))] * (n > 0), "right"),
    "another's datagram comes first": (
        lambda n, q: [(False, reply(q)), (True, reply(q, VALUE))],
        "right",
    ),
    "only another answers": (lambda n, q: [(False, reply(q, VALUE))], "silent"),
    "silent": (lambda n, q: [], "silent"),
    "SERVFAIL": (lambda n, q: [(True, reply(q, rcode=dns.rcode.SERVFAIL))], "silent"),
    "REFUSED": (lambda n, q: [(True, reply(q, rcode=dns.rcode.REFUSED))], "silent"),
    "not authoritative": (lambda n, q: [(True, flagged(q, dns.flags.AA))], "silent"),
    "cut, and no TCP": (lambda n, q: [(True, flagged(q, dns.flags.TC))], "silent"),
    "not DNS": (lambda n, q: [(True, b"\xff" * 40)], "silent"),
    "answer to another question": (lambda n, q: [(True, unlike(q))], "silent"),
    "no record": (lambda n, q: [(True, reply(q))], "nothing"),
    "no name": (lambda n, q: [(True, reply(q, rcode=dns.rcode.NXDOMAIN))], "nothing"),
    "another record": (lambda n, q: [(True, reply(q, "v=DKIM1; k=rsa; p=BBBB"))], "another"),
    "several records": (lambda n, q: [(True, reply(q, VALUE, "v=DKIM1; p=BBBB"))], "several"),
}


@pytest.fixture
def odd() -> Iterator[Callable[[Behaviour], int]]:
    """Start a server that behaves so; its port."""
    sockets: list[socket.socket] = []

    def start(behaviour: Behaviour) -> int:
        own, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        sockets.extend((own, other))
        for one in (own, other):
            one.bind(("127.0.0.1", 0))

        def serve() -> None:
            asked = 0
            while True:
                wire, who = own.recvfrom(4096)
                if wire == b"end":
                    return
                for itself, answer in behaviour(asked, dns.message.from_wire(wire)):
                    (own if itself else other).sendto(answer, who)
                asked += 1

        thread = threading.Thread(target=serve)
        thread.start()
        threads.append((thread, own.getsockname()))
        return int(own.getsockname()[1])

    threads: list[tuple[threading.Thread, tuple[str, int]]] = []
    yield start
    for thread, address in threads:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"end", address)
        thread.join(5)
    for one in sockets:
        one.close()


def seen_by_role(port: int, timeout: float) -> str:
    server = dkim_lookup.Server("127.0.0.1", port, dkim_lookup.AUTHORITATIVE)
    (result,) = dkim_lookup.look_up([(NAME, VALUE)], [server], timeout, authoritative=False)
    return result.looks[0].saw


def seen_by_engine(port: int, document: Path, timeout: float) -> str:
    server = answers.Server("ns", answers.Kind.AUTHORITATIVE, ("127.0.0.1",), port)
    (wanted,) = read_document(document).sets()
    answer = answers.Asker(timeout).ask(server, NAME, "TXT")
    found = next(iter(compare(wanted, server, answer, ttl=False)), None)
    return HEARD[found.fault if found else None]


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_server_s_fault_is_judged_alike(
    odd: Callable[[Behaviour], int], tmp_path: Path, name: str
) -> None:
    behaviour, verdict = BEHAVIOURS[name]
    timeout = seconds_of(name)
    assert seen_by_role(odd(behaviour), timeout) == verdict
    document = tmp_path / "records.json"
    record = {"name": NAME, "type": "TXT", "ttl": 60, "value": VALUE, "rivals": ""}
    document.write_text(json.dumps({"format": 1, "records": [record]}))
    assert seen_by_engine(odd(behaviour), document, timeout) == verdict


def test_both_ask_as_often() -> None:
    assert dkim_lookup.TRIES == answers.TRIES
