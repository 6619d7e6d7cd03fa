"""Questions a check may ask of the world, and their answers.

A check that needs DNS or another check's result is an ``async def`` that awaits *questions*. A
question belongs to no event loop: awaiting it yields the question to whoever drives the coroutine,
and that driver sends the answer in. The same check therefore runs under asyncio in production,
under a table of zone data in conformance tests and under a recording.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, overload

if TYPE_CHECKING:
    from filter_engine.scan.exchange import Exchange, Reply
    from filter_engine.scan.store import StoreAnswer, StoreQuestion

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


class Question(Generic[A]):
    """Something only the driver can answer; ``await`` it to get the answer of type ``A``."""

    __slots__ = ()

    def __await__(self) -> Generator[Question[Any], Any, A]:
        answer: A = yield self
        return answer


class DnsStatus(Enum):
    """How a DNS question ended (RFC 1035, section 4.1.1; RFC 2308)."""

    OK = "ok"
    NODATA = "nodata"
    NXDOMAIN = "nxdomain"
    TEMPFAIL = "tempfail"
    """Timeout, SERVFAIL, REFUSED or an unusable reply: nothing is known."""
    INVALID = "invalid"
    """The name cannot be asked at all (label or name too long, empty label)."""


MISSING = (DnsStatus.NXDOMAIN, DnsStatus.NODATA, DnsStatus.INVALID)
"""How the answers end that are ``missing``."""
_TEMPFAIL = DnsStatus.TEMPFAIL


# Tuples, not dataclasses: a message asks some forty questions, each is hashed ten times on its way,
# and a tuple is made, hashed and compared without running any Python.


class _DnsQuestion(NamedTuple):
    name: str
    rdtype: str
    """A, AAAA, MX, TXT, PTR, CNAME, NS or SOA."""


class DnsQuestion(_DnsQuestion, Question["DnsAnswer"]):
    """One name and record type; the name is absolute without the final dot, in lower case."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{self.rdtype} {self.name}"


class DnsAnswer(NamedTuple):
    """What DNS said. ``records`` holds, by type: A, AAAA, PTR, CNAME, NS: ``str``; TXT: ``bytes``
    (the strings of one record joined, RFC 7208 section 3.3); MX: ``(preference, exchange)``.
    Names are lower-case without the final dot. Empty unless ``status`` is OK."""

    question: DnsQuestion
    status: DnsStatus
    records: tuple[Any, ...] = ()
    ttl: int = 0
    """Seconds."""
    detail: str = ""
    """For people: rcode, timeout, server."""

    @property
    def missing(self) -> bool:
        """True when the name or the type certainly does not exist (a void answer)."""
        return self.status in MISSING

    @property
    def failed(self) -> bool:
        """True when nothing is known and a retry may help."""
        return self.status is _TEMPFAIL


# What ``DnsQuestion(name, rdtype)`` and ``DnsAnswer(...)`` with all its fields make, of a tuple and
# without the Python that NamedTuple writes for its ``__new__``.
dns_question: Callable[[tuple[str, str]], DnsQuestion] = partial(tuple.__new__, DnsQuestion)
dns_answer: Callable[[tuple[DnsQuestion, DnsStatus, tuple[Any, ...], int, str]], DnsAnswer]
dns_answer = partial(tuple.__new__, DnsAnswer)


class _All(NamedTuple):
    questions: tuple[Question[Any], ...]


class All(_All, Question[tuple[Any, ...]]):
    """Several questions at once; answered by the tuple of their answers in the same order."""

    __slots__ = ()


_all: Callable[[tuple[tuple[Question[Any], ...]]], All] = partial(tuple.__new__, All)


class _ResultOf(NamedTuple):
    check: str


class ResultOf(_ResultOf, Question[Any]):
    """The ``value`` another check returned; None when it is off, failed or found nothing."""

    __slots__ = ()


_result_of: Callable[[tuple[str]], ResultOf] = partial(tuple.__new__, ResultOf)


class Ask:
    """The way a check words its questions. Stateless: one instance serves everybody."""

    __slots__ = ()

    def dns(self, name: str, rdtype: str) -> Question[DnsAnswer]:
        """Ask DNS for ``rdtype`` records of ``name`` (final dot and case do not matter)."""
        return dns_question((name.rstrip(".").lower(), rdtype))

    def exchange(self, exchange: Exchange) -> Question[Reply]:
        """Send bytes to a service and ask for what comes back."""
        return exchange

    def store(self, question: StoreQuestion) -> Question[StoreAnswer]:
        """Ask a store, in words that a ``Store`` made: ``ask.store(replies.get(key))``."""
        return question

    def result(self, check: str) -> Question[Any]:
        """Wait for the value of the check of that name."""
        return _result_of((check,))

    @overload
    def all(self, one: Question[A], /) -> Question[tuple[A]]: ...
    @overload
    def all(self, one: Question[A], two: Question[B], /) -> Question[tuple[A, B]]: ...
    @overload
    def all(
        self, one: Question[A], two: Question[B], three: Question[C], /
    ) -> Question[tuple[A, B, C]]: ...
    @overload
    def all(self, *questions: Question[A]) -> Question[tuple[A, ...]]: ...
    def all(self, *questions: Question[Any]) -> Question[Any]:
        """Ask several questions at once; the answers come as a tuple in the same order."""
        return _all((questions,))


ASK = Ask()
