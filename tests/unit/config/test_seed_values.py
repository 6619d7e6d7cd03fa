"""Options as the documents of the systems before this one write them, each read with its type."""

from __future__ import annotations

from typing import Any

import pytest

from filter_engine.config import Config, Severity, SystemdSocket, TcpSocket, UnixSocket
from filter_engine.config.workers import ControllerConfig, NormalConfig, ProxyConfig

from .conftest import Site


def _proxy(config: Config) -> ProxyConfig:
    (worker,) = config.proxies
    return worker


def _normal(config: Config) -> NormalConfig:
    (worker,) = config.scanners
    return worker


def _controller(config: Config) -> ControllerConfig:
    (worker,) = config.controllers
    return worker


def _upstream(config: Config) -> list[tuple[str, int, int]]:
    chosen = _proxy(config).default_upstream
    assert chosen is not None
    assert chosen.hosts is not None
    return [(u.host, u.port, u.weight) for u in chosen.hosts]


ROWS: list[tuple[str, str, str, Any, Any]] = [
    # A11, A12, A13: a container's environment
    (
        "worker-controller.inc",
        'enable_password="$2$7ay9je5jyur84juwyaxfyh5jz99gokdg$jmttyo7p3p33txzmmzon95ge6m7k9zr8aenz1b6yeua14y6qejry";',
        "enable_password",
        lambda c: _controller(c).enable_password,
        (
            "$2$7ay9je5jyur84juwyaxfyh5jz99gokdg$jmttyo7p3p33txzmmzon95ge6m7k9zr8aenz1b6yeua14y6qejry",
        ),
    ),
    ("logging.inc", 'level="error";', "level", lambda c: c.logging.level, "error"),
    (
        "actions.conf",
        "greylist=4;add_header=6;rewrite_subject=8;reject=15;",
        "actions",
        lambda c: (
            c.actions.greylist,
            c.actions.add_header,
            c.actions.rewrite_subject,
            c.actions.reject,
        ),
        (4.0, 6.0, 8.0, 15.0),
    ),
    # C6: rmilter's sockets
    (
        "worker-proxy.inc",
        "bind_socket = unix:/var/tmp/rmilter.sock;",
        "unix",
        lambda c: _proxy(c).bind_socket,
        (UnixSocket("/var/tmp/rmilter.sock"),),
    ),
    (
        "worker-proxy.inc",
        'bind_socket = "inet:[9900@127.0.0.1]";',
        "inet",
        lambda c: _proxy(c).bind_socket,
        (TcpSocket("127.0.0.1", 9900),),
    ),
    (
        "worker-proxy.inc",
        "bind_socket = fd:3;",
        "fd",
        lambda c: _proxy(c).bind_socket,
        (SystemdSocket(0),),
    ),
    # D9: self-scan in the proxy
    (
        "worker-proxy.inc",
        'upstream "local" { default = yes; self_scan = yes; } timeout = 120s; count = 2; '
        "max_retries = 5; discard_on_reject = false; quarantine_on_reject = false; "
        'spam_header = "X-Spam";',
        "self-scan",
        lambda c: (_proxy(c).timeout, _proxy(c).count, _proxy(c).default_upstream.self_scan),
        (120.0, 2, True),
    ),
    (
        "worker-normal.inc",
        "enabled = false;",
        "normal worker off",
        lambda c: c.scanners,
        (),
    ),
    # D10, the controller of a container
    (
        "worker-controller.inc",
        'bind_socket = "0.0.0.0:11334"; secure_ip = "0.0.0.0/0";',
        "controller",
        lambda c: (_controller(c).bind_socket, "198.51.100.7" in _controller(c).secure_ip),
        ((TcpSocket("0.0.0.0", 11334),), True),
    ),
    # D17
    (
        "options.inc",
        "soft_reject_on_timeout = true;",
        "soft reject",
        lambda c: c.options.soft_reject_on_timeout,
        True,
    ),
    # D18
    (
        "options.inc",
        'pidfile = false; local_networks = "127.0.0.0/8, 10.0.0.0/8, 172.16.0.0/12, '
        '192.168.0.0/16";',
        "local networks",
        lambda c: [c.options.is_local(a) for a in ("10.1.2.3", "172.31.0.1", "198.51.100.1")],
        [True, True, False],
    ),
    # E12, E13: a trailing comma
    (
        "options.inc",
        'local_networks = ["127.0.0.0/8", "10.195.171.0/24", "fdc1:d89e:b128:6a04::/64",];',
        "trailing comma",
        lambda c: c.options.is_local("fdc1:d89e:b128:6a04::29ab"),
        True,
    ),
    # E14: highest weight first
    (
        "options.inc",
        'dns { nameserver = ["master-slave:172.27.88.10:53:40,172.27.88.11:53:30"]; }',
        "resolvers",
        lambda c: str(c.options.dns.nameservers),
        "master-slave:172.27.88.10:53:40,172.27.88.11:53:30",
    ),
    # E15
    (
        "options.inc",
        'neighbours { mx { host = "https://mx.example.net:443"; path = "/rspamd/mx"; } }',
        "neighbours",
        lambda c: (c.options.neighbours["mx"].host, c.options.neighbours["mx"].path),
        ("https://mx.example.net:443", "/rspamd/mx"),
    ),
    # E16
    (
        "worker-proxy.inc",
        'bind_socket = ["127.0.0.1:11332", "[::1]:11332"]; milter = yes; '
        'upstream "scan" { default = yes; '
        'hosts = "master-slave:localhost:11333:30,mx.example.net:11333:20"; }',
        "proxy",
        lambda c: (_upstream(c), len(_proxy(c).bind_socket), len(_proxy(c).upstreams)),
        ([("localhost", 11333, 30), ("mx.example.net", 11333, 20)], 2, 1),
    ),
    # E17
    (
        "worker-normal.inc",
        'bind_socket = "localhost:11333"; bind_socket = "[fdc1:d89e:b128:6a04::29ab]:11333";',
        "normal",
        lambda c: [str(s) for s in _normal(c).bind_socket],
        ["127.0.0.1:11333", "[::1]:11333", "[fdc1:d89e:b128:6a04::29ab]:11333"],
    ),
    # E18
    (
        "worker-controller.inc",
        'bind_socket = "/run/rspamd/controller.sock mode=0666 owner=_rspamd"; '
        'secure_ip = ["127.0.0.1", "::1"];',
        "controller's socket",
        lambda c: _controller(c).bind_socket,
        (UnixSocket("/run/rspamd/controller.sock", 0o666, "_rspamd"),),
    ),
]


@pytest.mark.parametrize(
    ("file", "text", "read", "value"),
    [(file, text, read, value) for file, text, _, read, value in ROWS],
    ids=[name for _, _, name, _, _ in ROWS],
)
def test_a_row_is_read(site: Site, file: str, text: str, read: Any, value: object) -> None:
    found = site(local={file: text})
    assert {f.severity for f in found.findings} <= {Severity.INFO}
    assert found.config is not None
    assert read(found.config) == value


@pytest.mark.parametrize(
    ("file", "text"),
    [
        # A9, A10: of modules that are not served
        ("antivirus.conf", "log_clean=false;"),
        (
            "classifier-bayes.conf",
            "autolearn=[0,6]; min_learns=10; per_user=true; allow_learn=true;",
        ),
    ],
)
def test_a_row_of_a_module_that_is_not_served_is_told(site: Site, file: str, text: str) -> None:
    found = site(local={file: text})
    assert found.config is not None
    assert "not-served" in {f.code for f in found.findings}
    assert Severity.ERROR not in {f.severity for f in found.findings}
