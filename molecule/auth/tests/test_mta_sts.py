"""The policy of MTA-STS as a sender finds it: the record, the name, the file over HTTPS."""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
from collections.abc import Callable

import dns.message
import dns.query
import dns.rdatatype
import pytest
from testinfra.host import Host

from mailflow.outgoing import authoritative_txt
from mailflow.trial import Site

PATH = "/.well-known/mta-sts.txt"
WRITTEN = "/etc/mailfleet/dns/mta-sts/example.net.txt"
NAME = "mta-sts.example.net"


@pytest.fixture(scope="module")
def trusting(site: Site, host_of: Callable[[str], Host]) -> ssl.SSLContext:
    """Trusts the lab's own certificate, and checks the name in it as a sender does."""
    certificate = host_of(site.access_server).check_output("cat /etc/ssl/private/mta_sts.crt")
    return ssl.create_default_context(cadata=certificate)


def fetch(
    site: Site, context: ssl.SSLContext, path: str, method: str = "GET", host: str = NAME
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """What the access server replies at its public address: status, header, body."""
    to_server = http.client.HTTPConnection(NAME)
    plain = socket.create_connection((site.lab.host(site.access_server).ipv4, 443), 10)
    to_server.sock = context.wrap_socket(plain, server_hostname=NAME)
    to_server.request(method, path, headers={"Host": host})
    reply = to_server.getresponse()
    return reply.status, reply.headers, reply.read()


def test_the_policy_is_the_one_that_the_record_tells_of(
    site: Site, trusting: ssl.SSLContext, host_of: Callable[[str], Host]
) -> None:
    status, header, body = fetch(site, trusting, PATH)
    assert (status, header.get_content_type()) == (200, "text/plain")
    policy = dict(line.split(": ", 1) for line in body.decode().split("\r\n") if line)
    assert policy == {
        "version": "STSv1",
        "mode": "enforce",
        "mx": "dolores.example.net",
        "max_age": "86400",
    }
    written = host_of(site.access_server).check_output(f"sha256sum {WRITTEN}").split()[0]
    assert hashlib.sha256(body).hexdigest() == written
    record = authoritative_txt(site.lab, "_mta-sts.example.net")
    assert record == f"v=STSv1; id={written[:32]}".encode()


def test_the_name_leads_to_the_access_server(site: Site) -> None:
    query = dns.message.make_query(f"{NAME}.", dns.rdatatype.A)
    answer = dns.query.udp(query, site.lab.internet.root_server.address, timeout=5).answer
    assert str(answer[0][0].target) == "charlotte.example.net."


@pytest.mark.parametrize(
    ("path", "method", "host", "status"),
    [
        ("/", "GET", NAME, 404),
        ("/.well-known/", "GET", NAME, 404),
        ("/.well-known/../../etc/passwd", "GET", NAME, 400),
        (PATH, "GET", "mta-sts.example.org", 404),
        (PATH, "GET", "charlotte.example.net", 404),
        (PATH, "POST", NAME, 403),
    ],
)
def test_nothing_else_is_served(
    site: Site, trusting: ssl.SSLContext, path: str, method: str, host: str, status: int
) -> None:
    got, header, _ = fetch(site, trusting, path, method, host)
    assert got == status
    # No version for those who look for old ones.
    assert header["Server"] == "nginx"


def test_the_server_runs_with_few_rights(site: Site, host_of: Callable[[str], Host]) -> None:
    access = host_of(site.access_server)
    assert access.service("mailfleet-mta-sts").is_running
    told = access.check_output(
        "systemctl show -p NoNewPrivileges -p ProtectSystem mailfleet-mta-sts"
    )
    assert set(told.splitlines()) == {"NoNewPrivileges=yes", "ProtectSystem=strict"}
