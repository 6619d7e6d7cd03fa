"""What role redis lets the engine do, asked of a real server by the engine's own client."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import jinja2
import pytest
import yaml
from ansible.plugins.filter.core import FilterModule

from filter_engine.config.redis import RedisConfig
from filter_engine.config.upstreams import parse_upstreams
from filter_engine.dns.table import TableResolver
from filter_engine.scan.store import Store, StoreAnswer, StoreQuestion
from filter_engine.store.client import StoreClient
from redis_server import PROGRAM, RedisServer

ROLE = Path(__file__).resolve().parents[3] / "roles/redis"


def users(instance: dict[str, object]) -> list[str]:
    """The lines of an instance's file that say who may do what."""
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(FilterModule().filters())
    template = environment.from_string((ROLE / "templates/instance.conf.j2").read_text())
    known = yaml.safe_load((ROLE / "vars/main.yml").read_text())
    known |= {
        "ansible_managed": "managed",
        "instance": {"options": {}, "keys_of_engine": ["*"]} | instance,
        "redis_announce_address": "",
        "redis_flavour": "redis",
        "redis_tls": False,
        "redis_engine_password": "of-the-engine",
        "redis_listen_addresses": [],
        "redis_options": {},
        "redis_sentinel_enabled": True,
        "redis_unixsocket_mode": "700",
        "__redis_passwords": {"replication": "of-replicas", "sentinel": "of-sentinels"},
    }
    return [line for line in template.render(known).splitlines() if line.startswith("user ")]


def instances() -> list[dict[str, object]]:
    found: list[dict[str, object]] = yaml.safe_load((ROLE / "defaults/main.yml").read_text())[
        "redis_instances"
    ]
    return found


async def asked(questions: Sequence[StoreQuestion]) -> list[StoreAnswer]:
    client = StoreClient(TableResolver({}))
    client.open(asyncio.get_running_loop())
    try:
        return [await client.answer(question) for question in questions]
    finally:
        client.close()


@pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
@pytest.mark.parametrize("instance", instances(), ids=lambda one: str(one["name"]))
def test_the_engine_may_ask_how_replication_stands(
    tmp_path: Path, instance: dict[str, object]
) -> None:
    with RedisServer(tmp_path, users(instance)) as server:
        where = RedisConfig(
            servers=parse_upstreams([server.name], 6379),
            username="engine",
            password="of-the-engine",
            timeout=20.0,
        )
        store = Store("test", where)
        every = StoreQuestion(store, b"INFO", (), (b"server",), False, None)
        told, denied = asyncio.run(asked([store.replication(), every]))
    assert told.ok, told.evidence
    assert b"role:master" in told.value
    assert "NOPERM" in denied.detail, "nothing of INFO but this"
