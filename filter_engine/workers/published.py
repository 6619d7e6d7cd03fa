"""What a process counts by itself and tells the controller now and then: DNS, stores, checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson

from filter_engine.lazy_dataclass import frozen
from filter_engine.scanner import Scanner
from filter_engine.workers.board import Board

_MOST = 100
"""Entries of a table."""


@frozen
class Published:
    """All processes' numbers added up."""

    dns: Mapping[str, int]
    store_questions: int
    store_failures: Mapping[str, int]
    """Store -> questions without an answer."""
    check_errors: Mapping[str, int]
    """Check -> exceptions."""


def publish(board: Board, slot: int, name: str, scanner: Scanner) -> None:
    """Write this process's numbers onto the board; they are those since it began."""
    dns, stores = scanner.dns_statistics, scanner.stores
    said = {
        "name": name,
        "dns": {} if dns is None else asdict(dns),
        "questions": 0 if stores is None else stores.statistics.questions,
        "failures": {} if stores is None else dict(stores.statistics.failed.most_common(_MOST)),
        "check_errors": dict(scanner.statistics.check_errors.most_common(_MOST)),
    }
    board.put(slot, orjson.dumps(said))


def published(board: Board) -> Published:
    """The sums over all slots; what is half written is left out."""
    dns: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    questions = 0
    for content in board.every():
        try:
            said: Any = orjson.loads(content)
        except orjson.JSONDecodeError:
            continue
        dns.update(said["dns"])
        failures.update(said["failures"])
        errors.update(said["check_errors"])
        questions += said["questions"]
    return Published(dns, questions, failures, errors)
