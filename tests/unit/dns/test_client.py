"""The DNS client against real sockets: answers, absence, fail-over, hostile replies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import dns.message
import dns.rcode
import pytest
import uvloop

from filter_engine.config.upstreams import Rotation, Upstream, UpstreamList
from filter_engine.dns.client import DnsClient
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus

Make = Callable[..., Any]
Reply = Callable[..., bytes]
AskAll = Callable[..., "tuple[list[DnsAnswer], DnsClient]"]
SOA = "ns.example. root.example. 1 3600 600 86400 60"


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_every_type(name_server: Make, reply: Reply, ask_all: AskAll, new_loop: Any) -> None:
    lines = {
        "A": ["www.example. 300 A 192.0.2.1", "www.example. 300 A 192.0.2.2"],
        "AAAA": ["www.example. 300 AAAA 2001:DB8:0:0::1"],
        "MX": ["www.example. 300 MX 10 Mail.Example.", "www.example. 300 MX 0 ."],
        "TXT": ['www.example. 300 TXT "v=spf1 " "-all"', 'www.example. 300 TXT "caf\\195\\169"'],
        "PTR": ["www.example. 300 PTR Host.Example."],
        "NS": ["www.example. 300 NS ns.example."],
        "SOA": [f"www.example. 300 SOA {SOA}"],
    }

    def behave(query: dns.message.Message, server: Any) -> list[bytes]:
        return [reply(query, *lines[query.question[0].rdtype.name])]

    answers, _ = ask_all(
        [name_server(behave).upstream],
        *(("www.example", rdtype) for rdtype in lines),
        new_loop=new_loop,
    )
    found = {a.question.rdtype: a for a in answers}
    assert all(a.status is DnsStatus.OK and a.ttl == 300 for a in answers)
    assert set(found["A"].records) == {"192.0.2.1", "192.0.2.2"}
    assert found["AAAA"].records == ("2001:db8::1",)
    assert set(found["MX"].records) == {(10, "mail.example"), (0, "")}
    assert set(found["TXT"].records) == {b"v=spf1 -all", b"caf\xc3\xa9"}
    assert found["PTR"].records == ("host.example",)
    assert found["NS"].records == ("ns.example",)
    assert found["SOA"].records == ("ns.example",)


def test_absence_and_its_ttl(name_server: Make, reply: Reply, ask_all: AskAll) -> None:
    def behave(query: dns.message.Message, server: Any) -> list[bytes]:
        gone = query.question[0].name.to_text().startswith("gone")
        return [reply(query, rcode=dns.rcode.NXDOMAIN if gone else 0, soa=SOA)]

    answers, client = ask_all(
        [name_server(behave).upstream], ("gone.example", "A"), ("bare.example", "A"), repeat=2
    )
    by_name = {a.question.name: a for a in answers}
    assert by_name["gone.example"].status is DnsStatus.NXDOMAIN
    assert by_name["bare.example"].status is DnsStatus.NODATA
    assert all(a.missing and a.ttl == 60 for a in answers)
    assert client.statistics.sent == 2
    assert client.statistics.from_cache == 2


def test_absence_without_soa_is_not_kept(name_server: Make, reply: Reply, ask_all: AskAll) -> None:
    server = name_server(lambda query, _: [reply(query, rcode=dns.rcode.NXDOMAIN)])
    answers, client = ask_all([server.upstream], ("gone.example", "A"), repeat=2)
    assert [a.ttl for a in answers] == [0, 0]
    assert client.statistics.sent == 2


def test_same_question_in_flight_is_sent_once(
    name_server: Make, reply: Reply, ask_all: AskAll
) -> None:
    server = name_server(lambda query, _: [reply(query, "a.example. 60 A 192.0.2.1")])
    answers, client = ask_all([server.upstream], *[("a.example", "A")] * 20)
    assert len(answers) == 20
    assert client.statistics.sent == 1


def test_many_asked_at_once_are_told_what_is_known_and_later_the_rest(
    name_server: Make, reply: Reply
) -> None:
    """Bad names and what an earlier question found are known at once, also for one asked twice."""
    server = name_server(lambda query, _: [reply(query, rcode=dns.rcode.NXDOMAIN, soa=SOA)])

    async def run() -> tuple[list[dict[str, DnsStatus]], list[str], DnsClient]:
        client = DnsClient(UpstreamList((server.upstream,), Rotation.SEQUENTIAL), timeout=60.0)
        client.open(asyncio.get_running_loop())
        came: list[str] = []
        all_came = asyncio.Event()

        def done(answer: DnsAnswer) -> None:
            came.append(answer.question.name)
            if len(came) >= 3:
                all_came.set()

        names = ("one.example", "two..example", "two.example", "one.example")
        asked = [DnsQuestion(name, "A") for name in names]
        first = client.ask_all(asked, done)
        assert not came
        client.flush()
        async with asyncio.timeout(60):
            await all_came.wait()
        second = client.ask_all(asked, done)
        client.close()
        closed = client.ask_all(asked, done)
        said = [
            {question.name: answer.status for question, answer in found.items()}
            for found in (first, second, closed)
        ]
        return said, came, client

    (first, second, closed), came, client = asyncio.run(run())
    assert first == {"two..example": DnsStatus.INVALID}
    assert sorted(came) == ["one.example", "one.example", "two.example"]
    assert second == first | dict.fromkeys(("one.example", "two.example"), DnsStatus.NXDOMAIN)
    assert set(closed.values()) == {DnsStatus.TEMPFAIL}
    assert client.statistics.sent == 2
    assert client.statistics.asked == 12


@pytest.mark.parametrize("cut", [0, 1, 10, 22, 30])
def test_absence_whose_soa_is_cut_off_is_not_kept(
    name_server: Make, reply: Reply, ask_all: AskAll, cut: int
) -> None:
    def behave(query: dns.message.Message, server: Any) -> list[bytes]:
        whole = reply(query, rcode=dns.rcode.NXDOMAIN, soa=SOA)
        return [whole[: len(whole) - 11 - cut] if cut else whole]

    answers, _ = ask_all([name_server(behave).upstream], ("gone.example", "A"))
    assert [(a.status, a.ttl) for a in answers] == [(DnsStatus.NXDOMAIN, 0 if cut else 60)]


def test_ids_and_ports_vary(name_server: Make, reply: Reply, ask_all: AskAll) -> None:
    server = name_server(lambda query, _: [reply(query, rcode=dns.rcode.NXDOMAIN)])
    ask_all([server.upstream], *((f"n{i}.example", "A") for i in range(200)), sockets=8)
    ids = [query.id for query, _, _ in server.queries]
    assert len(ids) >= 50
    assert len(set(ids)) > 0.9 * len(ids)
    assert len({peer[1] for _, _, peer in server.queries}) == 8


def test_query_offers_edns_and_asks_for_recursion(
    name_server: Make, reply: Reply, ask_all: AskAll
) -> None:
    server = name_server(lambda query, _: [reply(query, "a.example. 60 A 192.0.2.1")])
    ask_all([server.upstream], ("a.example", "A"))
    query = server.queries[0][0]
    assert query.edns == 0
    assert query.payload == 1232
    assert query.flags & dns.flags.RD


def test_server_that_refuses_edns_is_asked_without(
    name_server: Make, reply: Reply, ask_all: AskAll
) -> None:
    def behave(query: dns.message.Message, server: Any) -> list[bytes]:
        if query.edns >= 0:
            head = query.id.to_bytes(2, "big") + b"\x81\x81" + b"\0" * 8
            return [head]
        return [reply(query, "a.example. 60 A 192.0.2.1")]

    server = name_server(behave)
    answers, _ = ask_all([server.upstream], ("a.example", "A"), retransmits=1, timeout=5.0)
    assert answers[0].records == ("192.0.2.1",)
    assert [query.edns for query, _, _ in server.queries] == [0, -1]


def test_truncated_reply_is_fetched_over_tcp(
    name_server: Make, reply: Reply, ask_all: AskAll
) -> None:
    huge = " ".join(f'"{chr(97 + i % 26) * 250}"' for i in range(200))

    def behave(query: dns.message.Message, server: Any) -> list[bytes]:
        if server.transport() == "udp":
            message = dns.message.make_response(query)
            message.flags |= dns.flags.TC
            return [message.to_wire()]
        return [reply(query, f"big.example. 60 TXT {huge}")]

    server = name_server(behave)
    answers, client = ask_all([server.upstream], ("big.example", "TXT"))
    assert answers[0].status is DnsStatus.OK
    assert len(answers[0].records[0]) == 50000
    assert client.statistics.over_tcp == 1


def test_truncated_reply_and_no_tcp_goes_to_the_next_server(
    name_server: Make, reply: Reply, ask_all: AskAll
) -> None:
    def truncate(query: dns.message.Message, server: Any) -> list[bytes]:
        message = dns.message.make_response(query)
        message.flags |= dns.flags.TC
        return [message.to_wire()] if server.transport() == "udp" else []

    first = name_server(truncate)
    second = name_server(lambda query, _: [reply(query, "big.example. 60 A 192.0.2.9")])
    answers, _ = ask_all([first.upstream, second.upstream], ("big.example", "A"))
    assert answers[0].records == ("192.0.2.9",)


def test_silent_server_is_left_for_the_next_within_one_timeout(
    name_server: Make, reply: Reply, ask_all: AskAll
) -> None:
    silent = name_server(lambda query, _: [])
    second = name_server(lambda query, _: [reply(query, "a.example. 60 A 192.0.2.1")])
    started = time.monotonic()
    answers, client = ask_all([silent.upstream, second.upstream], ("a.example", "A"), timeout=1.0)
    assert answers[0].records == ("192.0.2.1",)
    assert time.monotonic() - started > 0.9
    assert client.statistics.timeouts == 1


def test_heaviest_server_is_asked_first(name_server: Make, reply: Reply, ask_all: AskAll) -> None:
    light = name_server(lambda query, _: [reply(query, "a.example. 60 A 192.0.2.1")])
    heavy = name_server(lambda query, _: [reply(query, "a.example. 60 A 192.0.2.2")])
    answers, _ = ask_all(
        [Upstream("127.0.0.1", light.port, 20), Upstream("127.0.0.1", heavy.port, 40)],
        ("a.example", "A"),
    )
    assert answers[0].records == ("192.0.2.2",)
    assert not light.queries


def test_round_robin_spreads(name_server: Make, reply: Reply, ask_all: AskAll) -> None:
    servers = [name_server(lambda q, _: [reply(q, rcode=dns.rcode.NXDOMAIN)]) for _ in range(2)]
    ask_all(
        [s.upstream for s in servers],
        *((f"n{i}.example", "A") for i in range(60)),
        rotation=Rotation.ROUND_ROBIN,
    )
    assert all(len(s.queries) > 5 for s in servers)


def test_stopped_server_refuses_and_is_left_at_once(
    name_server: Make, reply: Reply, ask_all: AskAll
) -> None:
    stopped = name_server(lambda query, _: [])
    stopped.close()
    second = name_server(lambda query, _: [reply(query, "a.example. 60 A 192.0.2.1")])
    answers, client = ask_all([stopped.upstream, second.upstream], ("a.example", "A"))
    assert answers[0].records == ("192.0.2.1",)
    assert client.statistics.timeouts == 0


def test_nobody_reachable_fails_quickly(name_server: Make, ask_all: AskAll) -> None:
    stopped = name_server(lambda query, _: [])
    stopped.close()
    answers, client = ask_all([stopped.upstream], ("a.example", "A"))
    assert answers[0].failed
    assert "refused" in answers[0].detail.lower()
    assert client.statistics.timeouts == 0


def test_no_server_at_all_fails_at_once(ask_all: AskAll) -> None:
    answers, _ = ask_all([], ("a.example", "A"))
    assert answers[0].status is DnsStatus.TEMPFAIL


def test_all_silent_fails_after_the_retries_and_later_questions_sooner(
    name_server: Make, ask_all: AskAll
) -> None:
    silent = name_server(lambda query, _: [])
    answers, client = ask_all(
        [silent.upstream], ("a.example", "A"), ("b.example", "A"), repeat=2, timeout=0.1
    )
    assert [a.status for a in answers] == [DnsStatus.TEMPFAIL] * 4
    # The fourth failure puts the server to rest: from then on a question gets one try only.
    assert client.statistics.sent == 3 + 2 + 1 + 1


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_refusal_moves_on_and_fails_when_all_refuse(
    name_server: Make, rcode: int, reply: Reply, ask_all: AskAll
) -> None:
    first = name_server(lambda query, _: [reply(query, rcode=rcode)])
    second = name_server(lambda query, _: [reply(query, "a.example. 60 A 192.0.2.1")])
    answers, _ = ask_all([first.upstream, second.upstream], ("a.example", "A"), timeout=5.0)
    assert answers[0].records == ("192.0.2.1",)
    answers, client = ask_all([first.upstream], ("a.example", "A"), timeout=5.0)
    assert answers[0].failed
    assert dns.rcode.to_text(rcode) in answers[0].detail
    assert client.statistics.sent == 1


def test_failure_is_not_cached(name_server: Make, reply: Reply, ask_all: AskAll) -> None:
    server = name_server(lambda query, _: [reply(query, rcode=dns.rcode.SERVFAIL)])
    _, client = ask_all([server.upstream], ("a.example", "A"), repeat=2)
    assert client.statistics.sent == 2


def test_aliases_inside_the_reply_are_followed(
    name_server: Make, reply: Reply, ask_all: AskAll
) -> None:
    server = name_server(
        lambda query, _: [
            reply(
                query,
                "a.example. 50 CNAME b.example.",
                "b.example. 40 CNAME c.example.",
                "c.example. 60 A 192.0.2.3",
            )
        ]
    )
    answers, _ = ask_all([server.upstream], ("a.example", "A"))
    assert answers[0].records == ("192.0.2.3",)
    assert answers[0].ttl == 40


def test_alias_the_server_does_not_follow_is_asked(
    name_server: Make, reply: Reply, ask_all: AskAll
) -> None:
    zone = {"a.example.": "CNAME b.example.", "b.example.": "CNAME c.example.", "c.example.": "A"}

    def behave(query: dns.message.Message, server: Any) -> list[bytes]:
        name = query.question[0].name.to_text()
        what = zone[name] if zone[name] != "A" else "A 192.0.2.4"
        return [reply(query, f"{name} 30 {what}")]

    server = name_server(behave)
    answers, client = ask_all([server.upstream], ("a.example", "A"), ("b.example", "A"))
    assert {a.question.name for a in answers} == {"a.example", "b.example"}
    assert all(a.records == ("192.0.2.4",) for a in answers)
    assert client.statistics.failed == 0


def test_alias_loops_end(name_server: Make, reply: Reply, ask_all: AskAll) -> None:
    def behave(query: dns.message.Message, server: Any) -> list[bytes]:
        name = query.question[0].name.to_text()
        other = {"a.example.": "b.example.", "b.example.": "a.example."}[name]
        return [reply(query, f"{name} 30 CNAME {other}")]

    server = name_server(behave)
    answers, client = ask_all([server.upstream], ("a.example", "A"), ("b.example", "A"))
    assert all(a.failed for a in answers)
    assert client.statistics.sent < 40

    looping = name_server(
        lambda query, _: [
            reply(query, "a.example. 30 CNAME b.example.", "b.example. 30 CNAME a.example.")
        ]
    )
    answers, _ = ask_all([looping.upstream], ("a.example", "A"))
    assert answers[0].failed


def _forgeries(query: dns.message.Message, reply: Reply) -> list[bytes]:
    honest = reply(query, "a.example. 60 A 203.0.113.66")
    wrong_id = bytes((honest[0] ^ 0xFF, honest[1])) + honest[2:]
    other = dns.message.make_query("evil.example.", "A")
    other.id = query.id
    wrong_question = reply(other, "evil.example. 60 A 203.0.113.66")
    not_a_reply = honest[:2] + bytes((honest[2] & 0x7F,)) + honest[3:]
    return [b"", b"x", honest[:11], wrong_id, wrong_question, not_a_reply]


def test_forged_replies_are_ignored(name_server: Make, reply: Reply, ask_all: AskAll) -> None:
    def behave(query: dns.message.Message, server: Any) -> list[bytes]:
        return [*_forgeries(query, reply), reply(query, "a.example. 60 A 192.0.2.1")]

    server = name_server(behave)
    answers, client = ask_all([server.upstream], ("a.example", "A"), timeout=5.0)
    assert answers[0].records == ("192.0.2.1",)
    assert client.statistics.ignored == 6


def test_unreadable_replies_fail_cleanly(name_server: Make, reply: Reply, ask_all: AskAll) -> None:
    def behave(query: dns.message.Message, server: Any) -> list[bytes]:
        good = reply(query, "a.example. 60 A 192.0.2.1")
        kind = query.question[0].name.to_text()[0]
        if kind == "c":  # the record is cut off
            return [good[: good.index(b"\xc0\x00\x02\x01") + 2]]
        if kind == "p":  # a compression pointer to itself
            at = 12 + len("p.example") + 2 + 4
            return [good[:at] + bytes((0xC0 | at >> 8, at & 0xFF)) + good[at + 2 :]]
        return [good[:6] + b"\xff\xff" + good[8:]]  # more records announced than sent

    server = name_server(behave)
    answers, _ = ask_all([server.upstream], *((f"{k}.example", "A") for k in "cpm"), timeout=5.0)
    assert all(a.failed for a in answers)


@pytest.mark.parametrize("name", ["a..example", "x" * 64 + ".example", ".".join(["abc"] * 70), "ü"])
def test_impossible_names_are_not_asked(name: str, ask_all: AskAll) -> None:
    answers, client = ask_all([Upstream("127.0.0.1", 9)], (name, "A"))
    assert answers[0].status is DnsStatus.INVALID
    assert answers[0].missing
    assert client.statistics.sent == 0


def test_closing_answers_what_is_open(name_server: Make) -> None:
    server = name_server(lambda query, _: [])

    async def run() -> list[DnsAnswer]:
        client = DnsClient(UpstreamList((server.upstream,)), timeout=5)
        client.open(asyncio.get_running_loop())
        answers: list[DnsAnswer] = []
        client.ask(DnsQuestion("a.example", "A"), answers.append)
        client.close()
        client.ask(DnsQuestion("b.example", "A"), answers.append)
        return answers

    answers = asyncio.run(run())
    assert [a.status for a in answers] == [DnsStatus.TEMPFAIL] * 2


def test_many_questions_at_once(name_server: Make, reply: Reply, ask_all: AskAll) -> None:
    server = name_server(lambda query, _: [reply(query, rcode=dns.rcode.NXDOMAIN, soa=SOA)])
    answers, client = ask_all(
        [server.upstream], *((f"n{i}.example", "A") for i in range(150)), timeout=5.0
    )
    assert len(answers) == 150
    assert all(a.status is DnsStatus.NXDOMAIN for a in answers)
    assert client.statistics.timeouts == 0
