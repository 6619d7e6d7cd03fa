"""The table resolver and the answer cache."""

from __future__ import annotations

import pytest

from filter_engine.dns.cache import AnswerCache
from filter_engine.dns.table import TableResolver
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus

ZONE = """
$TTL 300
. 300 IN SOA ns.lab. root.lab. 1 3600 600 86400 60
Example.COM. IN A 192.0.2.1
example.com. IN TXT "v=spf1 " "-all"
example.com. IN MX 10 Mail.example.com.
www.example.com. IN CNAME example.com.
loop.example.com. IN CNAME loop.example.com.
deep.below.example.com. IN A 192.0.2.2
"""


@pytest.mark.parametrize(
    ("name", "rdtype", "status", "records"),
    [
        ("example.com", "A", DnsStatus.OK, ("192.0.2.1",)),
        ("example.com", "TXT", DnsStatus.OK, (b"v=spf1 -all",)),
        ("example.com", "MX", DnsStatus.OK, ((10, "mail.example.com"),)),
        ("www.example.com", "A", DnsStatus.OK, ("192.0.2.1",)),
        ("www.example.com", "AAAA", DnsStatus.NODATA, ()),
        ("loop.example.com", "A", DnsStatus.TEMPFAIL, ()),
        ("below.example.com", "A", DnsStatus.NODATA, ()),
        ("gone.example.com", "A", DnsStatus.NXDOMAIN, ()),
        ("bad..name", "A", DnsStatus.INVALID, ()),
    ],
)
def test_table(name: str, rdtype: str, status: DnsStatus, records: tuple[object, ...]) -> None:
    answer = TableResolver.from_zone(ZONE).answer(DnsQuestion(name, rdtype))
    assert (answer.status, answer.records) == (status, records)


def test_failing_names() -> None:
    table = TableResolver({"a.example": {"A": ["192.0.2.1"]}}, failing=["slow.example"])
    assert table.answer(DnsQuestion("slow.example", "TXT")).failed
    assert not table.answer(DnsQuestion("a.example", "A")).failed


def _answer(name: str, ttl: int = 60, size: int = 10) -> DnsAnswer:
    return DnsAnswer(DnsQuestion(name, "TXT"), DnsStatus.OK, (b"x" * size,), ttl)


def _absence(question: DnsQuestion, status: DnsStatus, ttl: int) -> DnsAnswer:
    detail = "no such name" if status is DnsStatus.NXDOMAIN else "no record"
    return DnsAnswer(question, status, (), ttl, detail)


def test_cache_forgets_in_time() -> None:
    cache = AnswerCache()
    cache.put(_answer("a", ttl=60), 1000.0)
    assert cache.get(DnsQuestion("a", "TXT"), 1059.9) == _answer("a", ttl=60)
    assert cache.get(DnsQuestion("a", "TXT"), 1060.0) is None
    assert len(cache) == 0


def test_cache_keeps_no_failure_and_bounds_ttl() -> None:
    cache = AnswerCache()
    question = DnsQuestion("a", "A")
    cache.put(DnsAnswer(question, DnsStatus.TEMPFAIL, ttl=60), 0.0)
    cache.put(_answer("b", ttl=0), 0.0)
    assert len(cache) == 0
    cache.put(DnsAnswer(question, DnsStatus.NXDOMAIN, ttl=1 << 31), 0.0)
    cache.put(_answer("c", ttl=1 << 31), 0.0)
    assert cache.get(question, 901.0) is None
    assert cache.get(DnsQuestion("c", "TXT"), 86401.0) is None


def test_cache_keeps_absences_with_what_is_left_of_their_ttl() -> None:
    cache = AnswerCache()
    gone, empty = DnsQuestion("gone.example", "A"), DnsQuestion("empty.example", "A")
    cache.put(_absence(gone, DnsStatus.NXDOMAIN, 60), 1000.0)
    cache.put(_absence(empty, DnsStatus.NODATA, 61), 1000.0)
    assert cache.get(gone, 1000.0) == _absence(gone, DnsStatus.NXDOMAIN, 60)
    assert cache.get(empty, 1000.5) == _absence(empty, DnsStatus.NODATA, 61)
    assert cache.get(gone, 1059.9) == _absence(gone, DnsStatus.NXDOMAIN, 1)
    assert cache.get(gone, 1060.0) is None
    assert cache.get(empty, 1060.0) == _absence(empty, DnsStatus.NODATA, 1)
    assert cache.get(DnsQuestion("gone.example", "TXT"), 1000.0) is None


def test_cache_holds_one_answer_to_a_question() -> None:
    cache = AnswerCache()
    question = DnsQuestion("a", "TXT")
    cache.put(_absence(question, DnsStatus.NODATA, 60), 0.0)
    cache.put(_answer("a"), 1.0)
    assert cache.get(question, 2.0) == _answer("a")
    cache.put(_absence(question, DnsStatus.NODATA, 60), 3.0)
    assert cache.get(question, 4.0) == _absence(question, DnsStatus.NODATA, 59)
    assert len(cache) == 1


def test_cache_bounds_absences() -> None:
    cache = AnswerCache(entries=10)
    names = [DnsQuestion(f"{i}.example", "A") for i in range(1000)]
    for question in names:
        cache.put(_absence(question, DnsStatus.NXDOMAIN, 60), 0.0)
        assert cache.get(question, 1.0) is not None
        assert len(cache) <= 12
    assert cache.get(names[994], 1.0) is not None
    assert cache.get(names[900], 1.0) is None


def test_cache_is_bounded_by_number_and_bytes() -> None:
    cache = AnswerCache(entries=10, size=1 << 20)
    for i in range(100):
        cache.put(_answer(str(i)), 0.0)
    assert len(cache) == 10
    assert cache.get(DnsQuestion("99", "TXT"), 1.0) is not None
    cache = AnswerCache(entries=100, size=64 << 10)
    cache.put(_answer("huge", size=60000), 0.0)
    assert len(cache) == 0
    for i in range(100):
        cache.put(_answer(str(i), size=3000), 0.0)
    assert 10 < len(cache) < 25


def test_cache_tells_of_many_what_it_tells_of_each() -> None:
    cache = AnswerCache(entries=10)
    asked = [DnsQuestion(f"{i}.example", "TXT") for i in range(12)]
    for i, question in enumerate(asked[:9]):
        status = DnsStatus.NODATA if i % 2 else DnsStatus.NXDOMAIN
        cache.put(_absence(question, status, 60 + i), 0.0)
    cache.put(_answer("9.example", ttl=60), 0.0)
    for now in (1.0, 59.5, 60.0, 63.5, 70.0):
        singly = {question: cache.get(question, now) for question in asked}
        assert cache.get_all(asked, now) == {q: a for q, a in singly.items() if a is not None}
