"""Instances that speak TLS, and Valkey's: what the role writes, and real servers with it."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible.plugins.filter.core import FilterModule

import rendered_tree
from redis_server import PROGRAM, RedisServer
from redis_tls import YEAR, certificates

ROLE = rendered_tree.ROLES / "redis"
TEMPLATES = ROLE / "templates"
TOLD: dict[str, Any] = {
    "options": {},
    "keys_of_engine": ["*"],
    "maxmemory": "64mb",
    "maxmemory_policy": "noeviction",
}
BAYES = TOLD | {"name": "bayes", "port": 6382, "replicate": True, "persistence": "aof"}
OWN = TOLD | {"name": "rspamd", "port": 6381, "replicate": False, "persistence": "rdb"}

needs_redis = pytest.mark.skipif(PROGRAM is None, reason="no redis-server")


def rendered(name: str, **variables: Any) -> str:
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(FilterModule().filters())
    known = yaml.safe_load((ROLE / "vars/main.yml").read_text())
    known |= yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    known |= {
        "ansible_managed": "managed",
        "redis_announce_address": "10.0.0.1",
        "redis_engine_password": "of-the-engine",
        "redis_listen_addresses": ["10.0.0.1"],
        "redis_primary_address": "10.0.0.1",
        "redis_sentinel_addresses": ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
        "redis_sentinel_enabled": True,
        "redis_start_after": [],
        "redis_tls": True,
        "__redis_passwords": {"replication": "of-replicas", "sentinel": "of-sentinels"},
        "__redis_tls_files": dict.fromkeys(("certificate", "key"), "/etc/redis/tls.pem")
        | {"ca": "/etc/redis/tls-ca.pem"},
        "__redis_watched": [BAYES],
    }
    path = TEMPLATES / name
    text: str = environment.from_string(path.read_text()).render(known | variables)
    return text


def test_what_other_hosts_reach_speaks_tls_and_nothing_else() -> None:
    for text, port in (
        (rendered("instance.conf.j2", instance=BAYES), 6382),
        (rendered("sentinel.conf.j2"), 26379),
    ):
        lines = text.splitlines()
        assert {"port 0", f"tls-port {port}", "include /etc/redis/tls.conf"} <= set(lines)
    own = rendered("instance.conf.j2", instance=OWN).splitlines()
    assert "port 6381" in own
    assert "bind 127.0.0.1 -::1" in own
    assert "tls" not in "".join(own)
    assert "tls-replication yes" in rendered("tls.conf.j2").splitlines()


def test_without_tls_there_is_no_trace_of_it() -> None:
    for name in ("instance.conf.j2", "sentinel.conf.j2", "instance-unit.conf.j2"):
        assert "tls" not in rendered(name, instance=BAYES, redis_tls=False), name


@pytest.mark.parametrize(
    "name",
    [
        "instance.conf.j2",
        "instance-unit.conf.j2",
        "mailfleet-redis-sentinel.service.j2",
        "sentinel.conf.j2",
    ],
)
def test_valkeys_files_lead_to_valkeys_places(name: str) -> None:
    tls = dict.fromkeys(("certificate", "key", "ca"), "/etc/valkey/tls.pem")
    valkey = {"redis_flavour": "valkey", "__redis_tls_files": tls, "instance": BAYES}
    places = re.findall(r"/\S*redis\S*", rendered(name, **valkey))
    assert set(places) <= {"/usr/local/lib/mailfleet/redis-primary"}
    assert "valkey" in rendered(name, **valkey)


def server(folder: Path, *lines: str, tls: Path) -> RedisServer:
    """With a replicated instance's file, but for its places on a host."""
    there = r"(port|tls-port|bind|include|unixsocket|unixsocketperm|pidfile|logfile|dir|supervised"
    there += "|min-replicas-to-write|replica-announce-ip) "
    # Nothing is kept: on a busy machine's disk its end would take long.
    text = rendered("instance.conf.j2", instance=BAYES | {"persistence": "none"})
    kept = [one for one in text.splitlines() if not re.match(there, one)]
    return RedisServer(folder, [*kept, "masteruser replication", *lines], tls=tls)


@needs_redis
def test_a_replica_follows_over_tls_and_no_primary_of_another_authority(tmp_path: Path) -> None:
    good = certificates(tmp_path / "good")
    other = certificates(tmp_path / "other", password="of somebody else's site")
    with server(tmp_path / "primary", tls=good) as primary:
        lines = [f"replicaof 127.0.0.1 {primary.port}", "masterauth of-replicas"]
        with server(tmp_path / "replica", *lines, tls=good) as replica:
            replica.until(b"master_link_status:up", "INFO", "replication")
            primary.say("SET", "RS_x", "1")
            replica.until(b"$1\r\n1", "GET", "RS_x")
        with server(tmp_path / "stranger", *lines, tls=other) as stranger:
            log = stranger.folder / "log"
            stranger.until(b"master_link_status:down", "INFO", "replication")
            end = time.monotonic() + 60.0
            while "certificate verify failed" not in log.read_text():
                assert time.monotonic() < end, log.read_text()
                stranger.say("PING")
            assert stranger.say("GET", "RS_x") == b"$-1\r\n"


def serial(one: RedisServer, authority: Path) -> str:
    context = ssl.create_default_context(cafile=str(authority))
    address = ("127.0.0.1", one.port)
    with (
        socket.create_connection(address, 5) as sock,
        context.wrap_socket(sock, server_hostname="127.0.0.1") as secured,
    ):
        found = secured.getpeercert()
    assert found is not None
    return str(found["serialNumber"])


@needs_redis
def test_new_certificates_are_read_while_clients_stay(tmp_path: Path) -> None:
    folder = certificates(tmp_path / "tls")
    (folder / "auth.conf").write_text("requirepass of-the-administrator\n")
    authority = folder / "tls-ca.pem"
    with server(tmp_path / "one", "requirepass of-the-administrator", tls=folder) as one:
        (found,) = re.findall(r"ExecReload=\+/bin/sh -ec '(.*?)'\n", unit(), re.S)
        reload = found.replace("\\\n", " ").replace("$$", "$").replace("/etc/redis/", f"{folder}/")
        reload = reload.replace("/run/redis-%i/redis-server.sock", str(one.path))
        before, pid = serial(one, authority), one.pid
        context = ssl.create_default_context(cafile=str(authority))
        with context.wrap_socket(
            socket.create_connection(("127.0.0.1", one.port), 5), server_hostname="127.0.0.1"
        ) as client:
            certificates(folder, year=YEAR + 1)
            done = subprocess.run(
                ["sh", "-ec", reload], capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stdout) == (0, "OK\n"), done.stderr
            assert serial(one, authority) != before
            client.sendall(b"AUTH of-the-administrator\r\n")
            assert client.recv(100) == b"+OK\r\n"
        (folder / "tls.pem").write_text("no certificate")
        done = subprocess.run(["sh", "-ec", reload], capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert one.pid == pid
        assert serial(one, authority) != before, "the good one is still in use"


def unit() -> str:
    """The addition to Debian's unit."""
    return rendered("instance-unit.conf.j2")
