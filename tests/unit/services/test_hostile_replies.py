"""No reply of a service raises, and none breaks a line of a header."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filter_engine.checks import mx_probe
from filter_engine.checks.p0f import read_reply
from filter_engine.checks.services.cache import Cache
from filter_engine.checks.services.contents import Content
from filter_engine.checks.services.options import SERVED_TYPES, NamedScanner
from filter_engine.checks.services.protocol import Kind
from filter_engine.checks.services.rule import Rule, with_defaults
from filter_engine.scan.exchange import Exchange, ExchangeStatus, Reply, Until
from filter_engine.scan.store import Place, Store, StoreAnswer, StoreStatus
from filter_engine.streams.reading import Reading
from stream_server import nobody

_PIECES = (
    b"stream: ", b" FOUND", b"OK", b"Heuristics.Encrypted", b"\n", b"\r\n", b"\0", b"\t", b"200 ",
    b"1 <infected: ", b">", b"0 <clean>", b"\t[L]0.0\t0 ", b"\t[E]1.0\tError 1 ", b"R\n", b"A\n",
    b"; body=many fuz1=", b"rep=", b"9" * 40, b"-1", b"1.5e300", b"(200, 'OK')", b"SPAMD/1.1 0 ",
    b"X-Spam-Status: Yes, score=", b" tests=", b" autolearn=no", b"\xff\xe2\x80\xa8", b"spam",
)  # fmt: skip
_REPLIES = st.lists(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=20)), max_size=20)
_RULES = [
    Rule(
        with_defaults(
            NamedScanner(type=name, name=name, servers=nobody(), action="reject", extended=True),
            protocol,
            of_viruses=module == "antivirus",
        ),
        protocol,
        None,
        module,
    )
    for module, protocols in SERVED_TYPES.items()
    for name, protocol in protocols.items()
]


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.options.name)
@settings(max_examples=150, deadline=None)
@given(pieces=_REPLIES)
def test_replies_of_scanners(rule: Rule, pieces: list[bytes]) -> None:
    reply = Reply(Exchange(rule.servers), ExchangeStatus.OK, b"".join(pieces), "here")
    findings, _ = rule.findings(Content(b"x", "a.bin"), rule.said(reply), reply.server)
    for finding in findings:
        assert all(option.isprintable() for option in finding.options)
        assert abs(finding.weight) < 1e9


@given(value=st.one_of(st.binary(max_size=300), st.builds(b"\t".join, st.lists(st.binary()))))
def test_answers_that_redis_kept(value: bytes) -> None:
    store = Store("antivirus", Place(":memory:"))
    cache = Cache(store, _RULES[0].options, 3600.0)
    for said in cache.read(StoreAnswer(store.get(b"k"), StoreStatus.OK, value)):
        assert said.kind is not Kind.FAIL
        assert all(name.isprintable() for name in said.names)
        assert 0 <= said.weight <= 1000


@given(data=st.one_of(st.binary(max_size=300), st.binary(min_size=232, max_size=232)))
def test_responses_of_p0f(data: bytes) -> None:
    try:
        found = read_reply(data)
    except ValueError:
        return
    assert found is None or found.system.isprintable()


@given(data=st.binary(max_size=200), status=st.sampled_from(ExchangeStatus))
def test_greetings(data: bytes, status: ExchangeStatus) -> None:
    question = Exchange(nobody(), until=Until.LINE)
    said = mx_probe.outcome(Reply(question, status, data))
    kinds = {"", "GOOD", "ERROR", "INVALID", "REFUSED", "TIMEOUT_CONNECT", "TIMEOUT_READ"}
    assert said in kinds


@given(
    chunks=st.lists(
        st.sampled_from((b"220-a\r\n", b"220 b\r\n", b"x", b"\n", b"\0", b"")), max_size=9
    ),
    until=st.sampled_from(Until),
)
def test_a_reply_is_the_same_however_it_is_cut(chunks: list[bytes], until: Until) -> None:
    def read(parts: list[bytes]) -> tuple[Any, bytes]:
        reading = Reading(Exchange(nobody(), until=until, pattern=rb"(?!\d{3}-)", size=3), 100)
        for part in parts:
            if reading.feed(part):
                return True, reading.data
        return reading.closed(), reading.data

    whole = b"".join(chunks)
    if until is not Until.DATAGRAM:
        assert read([whole[i : i + 1] for i in range(len(whole))]) == read([whole])
