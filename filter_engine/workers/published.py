"""What a process counts by itself and tells the controller now and then: DNS, stores, checks,
stages, and how the servers stand that it asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, field
from typing import Any, Final

import orjson

from filter_engine.lazy_dataclass import mutable
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
_TABLES: Final = ("dns", "store_failures", "check_errors")
_NUMBERS: Final = ("store_questions", "errors")


@mutable
class Published:
    """Processes' numbers added up."""

    dns: Counter[str] = field(default_factory=Counter)
    store_questions: int = 0
    store_failures: Counter[str] = field(default_factory=Counter)
    """Store -> questions without an answer."""
    check_errors: Counter[str] = field(default_factory=Counter)
    """Check -> exceptions."""
    stages: dict[str, Durations] = field(default_factory=dict)
    """Stage in lower case -> what it took."""
    redis: dict[str, Durations] = field(default_factory=dict)
    """Server -> round trips."""
    errors: int = 0
    """Lines of severity error and worse."""
    standings: tuple[Standing, ...] = ()
    """One for each service and server: up where no living process counts it as dead."""

    def add(self, said: Mapping[str, Any]) -> None:
        """The numbers of one process, as they stand on the board."""
        for name in _TABLES:
            getattr(self, name).update(said[name])
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + said[name])
        _add(self.stages, said["stages"])
        _add(self.redis, said["redis"])

    def told(self) -> dict[str, Any]:
        """As it stands on the board, the tables bounded; without ``standings``."""
        return {
            **{name: dict(getattr(self, name).most_common(_MOST)) for name in _TABLES},
            **{name: getattr(self, name) for name in _NUMBERS},
            "stages": {name: _told(took) for name, took in self.stages.items()},
            "redis": {name: _told(took) for name, took in list(self.redis.items())[:_SERVERS]},
        }


class Publisher:
    """Writes one process's numbers onto the board, on top of what its slot holds.

    That is of processes that have ended: a counter of the whole engine never falls.
    """

    def __init__(
        self,
        board: Board,
        slot: int,
        scanner: Scanner,
        standings: Iterable[Callable[[], Iterable[Standing]]],
    ) -> None:
        self._board = board
        self._slot = slot
        self._scanner = scanner
        self._standings = standings
        self._before = _read(board.get(slot))

    def publish(self) -> None:
        """Tell the numbers as they are now."""
        sums = Published()
        if self._before is not None:
            sums.add(self._before)
        sums.add(self._own())
        told = sums.told()
        servers = [tuple(standing) for say in self._standings for standing in say()][:_SERVERS]
        if not self._board.put(self._slot, orjson.dumps(told | {"standings": servers})):
            less: dict[str, object] = {"store_failures": {}, "check_errors": {}, "standings": []}
            self._board.put(self._slot, orjson.dumps(told | less))

    def _own(self) -> dict[str, Any]:
        scanner = self._scanner
        dns, stores = scanner.dns_statistics, scanner.stores
        return {
            "dns": {} if dns is None else asdict(dns),
            "store_questions": 0 if stores is None else stores.statistics.questions,
            "store_failures": {} if stores is None else stores.statistics.failed,
            "check_errors": scanner.statistics.check_errors,
            "stages": {
                Stage(stage).name.lower(): _told(took)
                for stage, took in scanner.statistics.stages.items()
            },
            "redis": {} if stores is None else _by_server(stores.round_trips()),
            "errors": Kept.written,
        }


def published(statistics: Statistics) -> Published:
    """The sums over all slots; what is half written is left out."""
    sums = Published()
    standings: dict[tuple[str, str], Standing] = {}
    for number in range(ROWS):
        said = _read(statistics.numbers.get(number))
        if said is None:
            continue
        sums.add(said)
        if not statistics.row(number).get(Column.ALIVE):
            continue  # what is gone says nothing of how a server is now
        for told in said["standings"]:
            one = Standing(*told)
            before = standings.get(one[:2])
            if before is not None:
                one = one._replace(up=one.up and before.up, failures=one.failures + before.failures)
            standings[one[:2]] = one
    sums.standings = tuple(standings[key] for key in sorted(standings))
    return sums


def _read(content: bytes) -> dict[str, Any] | None:
    """What a slot says; None for nothing and for half of something."""
    try:
        found: Any = orjson.loads(content) if content else None
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


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
