"""Role mta_sts: nginx takes its configuration, and serves what role dns_records writes."""

from __future__ import annotations

import http.client
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import jinja2
import pytest
import yaml
from ansible.plugins.filter.core import FilterModule
from support.ports import free_port

from .interface import ROLES

ROLE = ROLES / "mta_sts"
DEFAULTS = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
VARS = yaml.safe_load((ROLE / "vars/main.yml").read_text())
POLICY = b"version: STSv1\r\nmode: testing\r\nmx: dolores.example.net\r\nmax_age: 86400\r\n"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")


def render(template: str, **variables: Any) -> str:
    environment = jinja2.Environment(  # configuration, not HTML
        trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    environment.filters.update(FilterModule().filters())
    text = (ROLE / f"templates/tree/{template}.j2").read_text()
    known = {"ansible_managed": "managed", "__mta_sts_path": VARS["__mta_sts_path"]}
    return environment.from_string(text).render(known | variables)


def test_the_policies_are_where_the_records_role_writes_them() -> None:
    records = yaml.safe_load((ROLES / "dns_records/vars/main.yml").read_text())
    assert DEFAULTS["mta_sts_policies"] == f"{records['__dns_records_directory']}/mta-sts"
    assert "'mta-sts/' ~ domain ~ '.txt'" in records["__dns_records_files"]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where the server with two domains listens; one of them has no policy."""
    assert NGINX, "nginx-light is among the controller's packages"
    place = tmp_path_factory.mktemp("mta_sts")
    (place / "example.net.txt").write_bytes(POLICY)
    names = ("certificate.pem", "key.pem")
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=mta-sts"
    subprocess.run(
        [*made.split(), "-out", names[0], "-keyout", names[1]],
        cwd=place,
        check=True,
        capture_output=True,
    )
    number = free_port()
    variables = {
        "mta_sts_domains": ["Example.net", "example.org"],
        "mta_sts_policies": str(place),
        "mta_sts_listen": ["127.0.0.1"],
        "mta_sts_port": number,
        "__mta_sts_certificate": place / names[0],
        "__mta_sts_key": place / names[1],
    }
    text = render("nginx.conf", **variables)
    (place / "servers.conf").write_text(render("servers.conf", **variables))
    # Paths of the system are not this test's.
    own = "".join(
        f"    {kind}_temp_path {place}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("http {\n", "http {\n" + own, 1).replace("user www-data;", "user root;", 1)
    (place / "nginx.conf").write_text(text)
    further = f"daemon off; pid {place}/nginx.pid;"
    command = [NGINX, "-e", "stderr", "-c", str(place / "nginx.conf"), "-g", further]
    server = subprocess.Popen(command, stderr=subprocess.PIPE)
    give_up = time.monotonic() + 60
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", number), 1).close()
                break
            except OSError:
                assert server.poll() is None, server.stderr and server.stderr.read()
                assert time.monotonic() < give_up
        yield number
    finally:
        server.terminate()
        server.wait(60)


@pytest.mark.parametrize(
    ("host", "path", "method", "status"),
    [
        ("mta-sts.example.net", "/.well-known/mta-sts.txt", "GET", 200),
        ("MTA-STS.EXAMPLE.NET", "/.well-known/mta-sts.txt", "HEAD", 200),
        ("mta-sts.example.org", "/.well-known/mta-sts.txt", "GET", 404),
        ("mta-sts.other.example", "/.well-known/mta-sts.txt", "GET", 404),
        ("mta-sts.example.net", "/.well-known/mta-sts.txt/", "GET", 404),
        ("mta-sts.example.net", "/key.pem", "GET", 404),
        ("mta-sts.example.net", "/.well-known/%2e%2e/key.pem", "GET", 404),
        ("mta-sts.example.net", "/.well-known/mta-sts.txt", "PUT", 403),
    ],
)
def test_policies_and_nothing_else(
    port: int, host: str, path: str, method: str, status: int
) -> None:
    context = ssl.create_default_context()
    # The certificate is its own: this looks at what is served.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    to_server = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
    to_server.request(method, path, headers={"Host": host})
    reply = to_server.getresponse()
    body = reply.read()
    assert (reply.status, reply.headers["Server"]) == (status, "nginx")
    if status == 200:
        assert reply.headers.get_content_type() == "text/plain"
        assert body == (b"" if method == "HEAD" else POLICY)
