"""The instances that role redis describes, run as they are written: what each keeps, and when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible.plugins.filter.core import FilterModule

import rendered_tree
from filter_engine import checks
from filter_engine.config.loader import load
from filter_engine.config.redis import RedisConfig
from filter_engine.scan.declare import REGISTRY
from filter_engine.scanner import sections
from redis_server import PROGRAM, RedisServer

ROLES = rendered_tree.ROLES
ROLE = ROLES / "redis"
START_AFTER = ["network-online.target", "unbound.service", "wg-quick@wg0.service"]

needs_redis = pytest.mark.skipif(PROGRAM is None, reason="no redis-server")

SEED = [
    # A site's list of applications, one database each.
    {"name": "nextcloud", "port": 6380, "persistence": "rdb", "maxmemory": "128mb"},
    {"name": "rspamd", "port": 6381, "persistence": "none", "maxmemory_policy": "volatile-ttl"},
    {"name": "rspamd-bayes", "port": 6382, "replicate": True, "persistence": "aof"},
    {"name": "rspamd-fuzzy", "port": 6383, "replicate": True, "persistence": "aof"},
    {"name": "postfix-tls", "port": 6384, "persistence": "none"},
]


def rendered(path: Path, **variables: Any) -> str:
    """A template of a role with its own variables, and with these."""
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(FilterModule().filters())
    known = yaml.safe_load((ROLE / "vars/main.yml").read_text())
    known |= {
        "ansible_managed": "managed",
        "redis_announce_address": "10.0.0.1",
        "redis_catch_up_timeout": 5,
        "redis_flavour": "redis",
        "redis_tls": False,
        "redis_engine_password": "of-the-engine",
        "redis_instances": SEED,
        "redis_listen_addresses": ["10.0.0.1"],
        "redis_options": {},
        "redis_role": "primary",
        "redis_sentinel_enabled": False,
        "redis_start_after": START_AFTER,
        "redis_unixsocket_mode": "700",
        "__redis_passwords": {"replication": "of-replicas", "sentinel": "of-sentinels"},
    }
    text: str = environment.from_string(path.read_text()).render(known | variables)
    return text


def instance_file(instance: dict[str, Any]) -> str:
    told = {"options": {}, "keys_of_engine": ["*"], "replicate": False, "maxmemory": "256mb"}
    whole = told | {"maxmemory_policy": "noeviction"} | instance
    return rendered(ROLE / "templates/instance.conf.j2", instance=whole)


def server(folder: Path, instance: dict[str, Any]) -> RedisServer:
    """A real server with an instance's file, but for its places on a host."""
    there = r"(port|bind|include|unixsocket|unixsocketperm|pidfile|logfile|dir|supervised) "
    lines = [one for one in instance_file(instance).splitlines() if not re.match(there, one)]
    return RedisServer(folder / str(instance["name"]), lines)


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, RedisServer]]:
    with ExitStack() as stack:
        yield {str(one["name"]): stack.enter_context(server(folder, one)) for one in SEED}


def test_each_application_has_a_port_a_socket_and_a_directory_of_its_own() -> None:
    for word in ("port", "unixsocket", "dir", "pidfile"):
        said = [re.search(rf"^{word} (.+)$", instance_file(one), re.M) for one in SEED]
        assert len({found[1] for found in said if found}) == len(SEED), word


def test_what_is_no_ones_but_the_hosts_listens_on_loopback_alone() -> None:
    for one in SEED:
        (bind,) = re.findall(r"^bind (.+)$", instance_file(one), re.M)
        assert ("10.0.0.1" in bind) == one.get("replicate", False), one["name"]
        assert bind.startswith("127.0.0.1 -::1")


@needs_redis
def test_each_has_its_own_rule_for_a_full_memory_and_no_huge_pages(tmp_path: Path) -> None:
    with servers(tmp_path) as running:
        for name, policy, size in (
            ("nextcloud", b"noeviction", b"134217728"),
            ("rspamd", b"volatile-ttl", b"268435456"),
            ("rspamd-bayes", b"noeviction", b"268435456"),
        ):
            one = running[name]
            assert policy in one.say("CONFIG", "GET", "maxmemory-policy")
            assert size in one.say("CONFIG", "GET", "maxmemory")
            assert b"yes" in one.say("CONFIG", "GET", "disable-thp")
        running["rspamd"].say("SET", "RS_x", "1")
        assert running["rspamd-bayes"].say("EXISTS", "RS_x") == b":0\r\n"


def test_the_kernel_lends_memory_for_a_save() -> None:
    text = (ROLE / "templates/sysctl.conf.j2").read_text()
    assert "vm.overcommit_memory = 1" in text.splitlines()


KEPT = [
    # Persistence, whether it lost its power, whether what was written just before is there again.
    ("rdb", False, True),
    ("rdb", True, False),
    ("aof", False, True),
    ("aof", True, True),
    ("none", False, False),
]


@needs_redis
@pytest.mark.parametrize(("persistence", "hard", "kept"), KEPT)
def test_what_is_kept(persistence: str, hard: bool, kept: bool, tmp_path: Path) -> None:
    one = server(tmp_path, {"name": "x", "port": 6381, "persistence": persistence})
    with one:
        assert one.say("SET", "key", "1") == b"+OK\r\n"
        one.stop(hard=hard)
        one.start()
        assert one.say("EXISTS", "key") == (b":1\r\n" if kept else b":0\r\n")


def test_no_unit_of_the_fleet_is_bound_to_the_tunnel_or_to_redis() -> None:
    found = [*ROLES.glob("*/templates/**/*.service.j2"), *ROLES.glob("*/templates/**/*.conf.j2")]
    units = [path for path in found if "[Unit]" in path.read_text()]
    assert {path.relative_to(ROLES).parts[0] for path in units} >= {
        "redis",
        "filter_engine",
        "postfix",
        "dovecot",
    }
    for path in units:
        bound = re.findall(r"^(BindsTo|Requires|Requisite|PartOf)=(.*)$", path.read_text(), re.M)
        assert all("{{" not in to and "redis" not in to for _, to in bound), path


def test_redis_starts_after_the_tunnel_and_without_it() -> None:
    text = rendered(ROLE / "templates/instance-unit.conf.j2")
    lines = text.splitlines()
    assert f"After={' '.join(START_AFTER)}" in lines
    assert f"Wants={' '.join(START_AFTER)}" in lines


def test_a_redis_of_ones_own_is_asked_instead(tmp_path: Path) -> None:
    """The role is left out; what the filter asks is said in one variable."""
    trees = rendered_tree.render(
        tmp_path,
        site="single_host",
        filter_engine_redis={"servers": "192.0.2.7:6390", "password": "of-theirs", "db": "3"},
        filter_engine_bayes={},
        filter_engine_fuzzy_redis={},
    )
    (tree,) = (path.parent for path in trees.glob("*/local.d"))
    checks.load()
    config = load(variables={"LOCAL_CONFDIR": str(tree)}, environ={})
    section = config.redis
    assert isinstance(section, RedisConfig)
    assert [one.name for one in section.servers or ()] == ["192.0.2.7:6390"]
    assert (section.password, section.db) == ("of-theirs", "3")


def test_a_single_host_asks_by_tls_what_speaks_it(tmp_path: Path) -> None:
    """The instances that would replicate; the other one has none (docs/store.md)."""
    trees = rendered_tree.render(tmp_path, site="single_host", redis_tls=True)
    (tree,) = (path.parent for path in trees.glob("*/local.d"))
    checks.load()
    config = load(variables={"LOCAL_CONFDIR": str(tree)}, environ={}, modules=sections(REGISTRY))
    classifier: Any = config.modules["classifier"]
    (bayes,) = classifier.every
    (storage,) = config.fuzzy_storages
    for section, port in ((bayes, 6382), (storage, 6383)):
        asked = [one.name for one in section.servers]
        assert (asked, section.ssl) == ([f"127.0.0.1:{port}"], True)
        assert section.ssl_ca == "/etc/ssl/mailfleet-redis.pem"
    assert isinstance(config.redis, RedisConfig)
    assert not config.redis.ssl
