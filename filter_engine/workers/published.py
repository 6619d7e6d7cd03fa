"""What a process counts by itself and tells the controller now and then: DNS, stores, checks,
stages, and how the servers stand that it asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

import orjson

from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.declare import Stage
from filter_engine.scan.statistics import Durations
from filter_engine.scanner import Scanner
from filter_engine.upstream.upstream_set import Standing
from filter_engine.workers.board import Board
from filter_engine.workers.error_notes import Kept
from filter_engine.workers.statistics import ROWS, Statistics
from filter_engine.workers.statistics import Counter as Column

_MOST: Final = 100
"""Entries of a table."""
_SERVERS: Final = 64
"""Servers of one process that are told of."""


@frozen
class Published:
    """All processes' numbers added up."""

    dns: Mapping[str, int]
    store_questions: int
    store_failures: Mapping[str, int]
    """Store -> questions without an answer."""
    check_errors: Mapping[str, int]
    """Check -> exceptions."""
    stages: Mapping[str, Durations]
    """Stage in lower case -> what it took."""
    redis: Mapping[str, Durations]
    """Server -> round trips."""
    standings: tuple[Standing, ...]
    """One for each service and server: up where no living process counts it as dead."""
    errors: int
    """Lines of severity error and worse."""


def publish(
    board: Board,
    slot: int,
    scanner: Scanner,
    standings: Iterable[Callable[[], Iterable[Standing]]],
) -> None:
    """Write this process's numbers onto the board; they are those since it began."""
    dns, stores = scanner.dns_statistics, scanner.stores
    servers = [tuple(standing) for told in standings for standing in told()][:_SERVERS]
    said: dict[str, Any] = {
        "dns": {} if dns is None else asdict(dns),
        "questions": 0 if stores is None else stores.statistics.questions,
        "failures": {} if stores is None else dict(stores.statistics.failed.most_common(_MOST)),
        "check_errors": dict(scanner.statistics.check_errors.most_common(_MOST)),
        "stages": {
            Stage(stage).name.lower(): _told(took)
            for stage, took in scanner.statistics.stages.items()
        },
        "redis": {} if stores is None else _by_server(stores.round_trips()),
        "standings": servers,
        "errors": Kept.written,
    }
    if not board.put(slot, orjson.dumps(said)):
        board.put(slot, orjson.dumps(said | {"failures": {}, "check_errors": {}, "standings": []}))


def published(statistics: Statistics) -> Published:
    """The sums over all slots; what is half written is left out."""
    board = statistics.numbers
    dns: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    check_errors: Counter[str] = Counter()
    stages: dict[str, Durations] = {}
    redis: dict[str, Durations] = {}
    standings: dict[tuple[str, str], Standing] = {}
    questions = errors = 0
    for number in range(ROWS):
        content = board.get(number)
        if not content:
            continue
        try:
            said: Any = orjson.loads(content)
        except orjson.JSONDecodeError:
            continue
        dns.update(said["dns"])
        failures.update(said["failures"])
        check_errors.update(said["check_errors"])
        questions += said["questions"]
        errors += said["errors"]
        _add(stages, said["stages"])
        _add(redis, said["redis"])
        if not statistics.row(number).get(Column.ALIVE):
            continue  # what is gone says nothing of how a server is now
        for told in said["standings"]:
            one = Standing(*told)
            before = standings.get(one[:2])
            if before is not None:
                one = one._replace(up=one.up and before.up, failures=one.failures + before.failures)
            standings[one[:2]] = one
    ordered = tuple(standings[key] for key in sorted(standings))
    return Published(dns, questions, failures, check_errors, stages, redis, ordered, errors)


def _told(took: Durations) -> tuple[list[float], list[int], float]:
    return list(took.limits), took.counts, took.seconds


def _by_server(
    servers: Iterable[tuple[str, Durations]],
) -> dict[str, tuple[list[float], list[int], float]]:
    """One entry a server, though several logins may have a connection each."""
    found: dict[str, Durations] = {}
    for name, took in servers:
        _join(found, name, took.limits, took.counts, took.seconds)
    return {name: _told(took) for name, took in list(found.items())[:_SERVERS]}


def _add(to: dict[str, Durations], said: Mapping[str, Any]) -> None:
    for name, (limits, counts, seconds) in said.items():
        _join(to, name, limits, counts, seconds)


def _join(
    to: dict[str, Durations],
    name: str,
    limits: Iterable[float],
    counts: Iterable[int],
    seconds: float,
) -> None:
    total = to.setdefault(name, Durations(tuple(limits)))
    total.counts = [one + other for one, other in zip(total.counts, counts, strict=True)]
    total.seconds += seconds
