"""Worker sections of a site: the default scanner, sockets, older and unknown workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from filter_engine.config import TcpSocket
from filter_engine.config.loader import Inspection

from .conftest import Site


def _codes(found: Inspection) -> list[tuple[str, str]]:
    return [(Path(f.file).name, f.code) for f in found.findings]


_PROXY = """
bind_socket = "127.0.0.1:11332";
bind_socket = "[::1]:11332";
milter = yes;
timeout = 60s;
upstream "scan" {
    default = yes;
    hosts = "master-slave:localhost:11333:30,mx.example.net:11333:20";
}
"""


@pytest.mark.parametrize("layer", ["local", "override"])
def test_the_shipped_default_upstream_yields_to_a_sites(site: Site, layer: str) -> None:
    found = site(**{layer: {"worker-proxy.inc": _PROXY}})
    assert found.config is not None
    assert found.findings == ()
    (proxy,) = found.config.proxies
    assert list(proxy.upstreams) == ["scan"]
    assert proxy.default_upstream is proxy.upstreams["scan"]
    assert proxy.bind_socket == (TcpSocket("127.0.0.1", 11332), TcpSocket("::1", 11332))
    assert proxy.timeout == 60.0
    hosts = proxy.upstreams["scan"].origin("hosts")
    assert (Path(hosts.file).name, hosts.line) == ("worker-proxy.inc", 8)


def test_two_defaults_of_one_site_are_reported(site: Site) -> None:
    found = site(local={"worker-proxy.inc": _PROXY + 'upstream "b" { default = yes; hosts = "b" }'})
    assert _codes(found) == [
        ("worker-proxy.inc", "two-default-upstreams"),
        ("worker-proxy.inc", "unused-upstream"),
    ]
    assert found.config is not None
    (proxy,) = found.config.proxies
    assert proxy.default_upstream is proxy.upstreams["scan"]


def test_override_beats_the_default_of_local(site: Site) -> None:
    found = site(
        local={"worker-proxy.inc": 'upstream "a" { default = yes; hosts = "a" }'},
        override={"worker-proxy.inc": 'upstream "b" { default = yes; hosts = "b" }'},
    )
    assert found.config is not None
    (proxy,) = found.config.proxies
    assert list(proxy.upstreams) == ["b"]


def test_a_site_upstream_that_is_not_default_is_never_used(site: Site) -> None:
    found = site(local={"worker-proxy.inc": 'upstream "scan" { hosts = "a" }'})
    assert _codes(found) == [("worker-proxy.inc", "unused-upstream")]


def test_an_upstream_needs_hosts_or_self_scan(site: Site) -> None:
    found = site(local={"worker-proxy.inc": 'upstream "scan" { default = yes }'})
    assert _codes(found) == [("worker-proxy.inc", "upstream-without-hosts")]
    found = site(local={"worker-proxy.inc": 'upstream "x" { default = yes; self_scan = yes }'})
    assert found.config is not None
    assert found.config.proxies[0].upstreams["x"].self_scan


def test_fuzzy_storage_is_off_until_counted(site: Site) -> None:
    text = 'backend = "redis"; expire = 90d; slaves = "192.0.2.1"; allow_update = "127.0.0.1, ::1"'
    assert site(override={"worker-fuzzy.inc": text}).config.fuzzy_storages == ()  # type: ignore[union-attr]  # must load
    found = site(override={"worker-fuzzy.inc": "count = 1;" + text})
    assert found.config is not None
    (fuzzy,) = found.config.fuzzy_storages
    assert fuzzy.expire == 90 * 86400.0
    assert "::1" in fuzzy.allow_update
    assert sorted(_codes(found)) == [
        ("worker-fuzzy.inc", "no-effect"),
    ]


def test_older_and_unknown_workers(site: Site) -> None:
    found = site(
        top={
            "rspamd.conf.local": (
                'worker { type = "normal"; count = 2 }\nworker "nromal" { }\n'
                'worker "hs_helper" { }\nworker = 5'
            )
        }
    )
    assert [(f.line, f.code, f.hint) for f in found.findings] == [
        (2, "unknown-worker", "did you mean 'normal'?"),
        (3, "not-served", ""),
        (4, "wrong-type", 'worker "normal" { }'),
    ]


_TLS = 'bind_socket = ["127.0.0.1:11333", "127.0.0.1:11336 ssl", "/run/x.sock"];'


def test_sockets_that_speak_tls(site: Site) -> None:
    found = site(local={"worker-normal.inc": _TLS + 'ssl_cert = "/c.pem"; ssl_key = "/k.pem";'})
    assert found.config is not None
    assert found.findings == ()
    (normal,) = found.config.scanners
    assert (normal.ssl_cert, normal.ssl_key) == ("/c.pem", "/k.pem")
    assert [normal.speaks_tls(bind) for bind in normal.bind_socket] == [False, True, False]
    found = site(local={"worker-normal.inc": _TLS + 'ssl = true; ssl_cert = "/c.pem";'})
    assert found.config is not None
    (normal,) = found.config.scanners
    assert [normal.speaks_tls(bind) for bind in normal.bind_socket] == [True, True, False]


@pytest.mark.parametrize(
    ("kind", "text", "codes"),
    [
        ("normal", _TLS, ["tls-without-certificate"]),
        ("controller", "ssl = true;", ["tls-without-certificate"]),
        ("proxy", "ssl = true; count = 0;", []),
        ("controller", 'ssl_cert = "/c.pem";', ["unused-certificate"]),
        ("normal", 'bind_socket = ["localhost:1", "[::1]:1 ssl"];', ["wrong-type"]),
        ("normal", 'bind_socket = ["systemd:0 ssl", "systemd:0"];', ["wrong-type"]),
    ],
)
def test_tls_that_cannot_be_meant(site: Site, kind: str, text: str, codes: list[str]) -> None:
    found = site(local={f"worker-{kind}.inc": text})
    assert [code for _, code in _codes(found)] == codes
