"""Role and lag of each Redis that this host reads (INFO replication), for pages and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final

from filter_engine.config.redis import RedisConfig
from filter_engine.scan.store import Store, StoreAnswer
from filter_engine.workers.controller.desk import Desk

_MOST: Final = 16
"""Stores that are asked, and replicas of one that are shown."""


async def replication(desk: Desk) -> list[dict[str, Any]]:
    """One row a place: ``place``, ``server``, and what it says, or ``fault``.

    A primary has ``replicas`` (how many) and ``behind`` (address -> octets that the replica has not
    confirmed); a replica ``link_up`` and ``lag_seconds`` since it last heard of its primary, also
    while the link is down.
    """
    client = desk.stores
    found = list(_redis_of(desk))[:_MOST]
    if client is None or not found:
        return []
    answers = await asyncio.gather(*(client.answer(store.replication()) for store in found))
    return [_row(store, answer) for store, answer in zip(found, answers, strict=True)]


def _redis_of(desk: Desk) -> Iterator[Store]:
    """One store for each place that is asked by this host: the shared one, then the classifiers'.

    The same servers may stand in several sections: they are asked once.
    """
    config, seen = desk.context.config, set[str]()
    places: list[tuple[str, object]] = [("redis", config.redis)]
    places += [(one.options.name or "bayes", one.store.where) for one in desk.classifiers]
    for name, where in places:
        if isinstance(where, RedisConfig):
            servers = str(where.read_servers or where.servers or where.sentinels or "")
            if servers and servers not in seen:
                seen.add(servers)
                yield Store(name, where)


def _row(store: Store, answer: StoreAnswer) -> dict[str, Any]:
    row: dict[str, Any] = {"place": store.name, "server": answer.server}
    if not answer.ok or not isinstance(answer.value, bytes):
        return row | {"fault": answer.evidence}
    lines = answer.value.decode("utf-8", "replace").splitlines()
    said = dict(line.split(":", 1) for line in lines if ":" in line)
    if said.get("role") == "slave":
        return row | {
            "role": "replica",
            "link_up": said.get("master_link_status") == "up",
            "lag_seconds": _lag(said),
        }
    return row | {
        "role": "primary",
        "replicas": _number(said.get("connected_slaves")),
        "behind": dict(_behind(said)),
    }


def _lag(said: Mapping[str, str]) -> int | None:
    """Seconds since a replica heard of its primary; None where it never did since it began.

    Redis writes -1 in place of both figures that do not apply.
    """
    fields = "master_last_io_seconds_ago", "master_link_down_since_seconds"
    known = [number for field in fields if (number := _number(said.get(field))) is not None]
    return max((number for number in known if number >= 0), default=None)


def _behind(said: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """``slave0:ip=192.0.2.1,port=6379,state=online,offset=12,lag=0`` and so on."""
    written = _number(said.get("master_repl_offset"))
    for number in range(_MOST):
        line = said.get(f"slave{number}")
        if line is None or written is None:
            return
        replica = dict(part.split("=", 1) for part in line.split(",") if "=" in part)
        confirmed = _number(replica.get("offset"))
        if confirmed is not None:
            name = f"{replica.get('ip', '')}:{replica.get('port', '')}"
            yield name, max(written - confirmed, 0)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.lstrip("-").isdecimal() else None
