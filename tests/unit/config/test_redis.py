"""Redis has the same options in its own section and in modules."""

from __future__ import annotations

import pytest

from filter_engine.config import rspamd
from filter_engine.config.redis import KNOWN, PORT, RedisConfig
from filter_engine.config.schema import options_of

from .conftest import Site


@pytest.mark.parametrize("servers", ["servers", "server"])
@pytest.mark.parametrize("db", ["db", "dbname", "database"])
def test_every_spelling_is_read_in_both(site: Site, servers: str, db: str) -> None:
    text = f'{servers} = "192.0.2.1"; {db} = 2; redis_version = "7.2";'
    found = site(local={"redis.conf": text, "neural.conf": text})
    assert {finding.code for finding in found.findings} == {"not-served"}
    assert found.config is not None
    assert found.config.redis is not None
    assert found.config.redis.db == "2"
    assert str(found.config.redis.servers) == f"master-slave:192.0.2.1:{PORT}:1"


def test_a_module_has_every_option_of_the_section() -> None:
    schema = rspamd.find("neural")
    assert schema is not None
    names = {name for made in schema.options.values() for name in (made.key, *made.aliases)}
    own = {name for made in options_of(RedisConfig) for name in (made.key, *made.aliases)}
    assert own - {"disabled_modules"} | KNOWN.keys() <= names


def test_a_modules_own_option_keeps_its_name(site: Site) -> None:
    """``elastic`` and ``clickhouse`` have servers of their own."""
    for name in rspamd.NAMES:
        schema = rspamd.find(name)
        assert schema is not None
        spelled = [n for made in schema.options.values() for n in (made.key, *made.aliases)]
        assert len(spelled) == len(set(spelled)), name
