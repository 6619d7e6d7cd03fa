"""No finding shows the login of a URL, whatever value it quotes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.config.findings import Finding, Severity
from filter_engine.config.upstreams import parse_upstreams
from filter_engine.ucl.logins import hide_logins

from .conftest import Site


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("redis.conf", 'servers = "redis://:LEAK@127.0.0.1:6379";'),
        ("redis.conf", 'servers = "redis://:LE,LEAK AK;LEAK@127.0.0.1:6379";'),
        ("redis.conf", 'servers = ["127.0.0.1", "user:LEAK@127.0.0.1:6379"];'),
        ("clickhouse.conf", 'server = "http://user:LEAK@127.0.0.1:8123";'),
        ("options.inc", 'dns { nameserver = "udp://:LEAK@127.0.0.1" }'),
        ("options.inc", 'task_timeout = "http://u:LEAK@h";'),
        ("options.inc", 'task_timeout = "http://u:LEAK/LEAK@LEAK@h";'),
        ("options.inc", 'local_networks = "http://u:LEAK@h";'),
        ("worker-proxy.inc", 'bind_socket = "http://u:LEAK@h";'),
        ("options.inc", 'x = "http://u:LEAK@h"; y = {'),
        ("options.inc", '.include "http://u:LEAK@h/file"'),
        ("options.inc", '.include(url=true) "http://u:LEAK@h/file"'),
    ],
)
def test_findings_hide_logins(site: Site, file: str, text: str) -> None:
    findings = site(local={file: text}).findings
    assert findings
    shown = "\n".join(str(f) + json.dumps(f.as_dict()) + repr(f) for f in findings)
    assert "LEAK" not in shown


def test_a_url_among_servers_is_a_fault_of_its_own(site: Site) -> None:
    findings = site(local={"redis.conf": '\nservers = "redis://:p@127.0.0.1";'}).findings
    (finding,) = (f for f in findings if f.code == "wrong-type")
    assert "a URL is no server" in finding.message
    assert "password = " in finding.message
    assert finding.line == 2


@given(st.text(alphabet="ab:/@,; ", max_size=12))
def test_no_part_of_a_password_is_quoted(password: str) -> None:
    for text in (f"redis://:{password}SECRET@host:1", f"user:{password}SECRET@host:1"):
        with pytest.raises(ValueError, match=r"login|URL") as caught:
            parse_upstreams(text, 6379)
        assert "SECRET" not in str(caught.value)


def test_what_is_no_login_stays() -> None:
    text = "cannot read https://maps.example/list.txt: write to postmaster@example.net"
    assert hide_logins(text) == text
    hidden = Finding("f", 1, Severity.ERROR, "c", "m 'http://u:a/b@c@host/x' n")
    assert hidden.message == "m 'http://***@host/x' n"
