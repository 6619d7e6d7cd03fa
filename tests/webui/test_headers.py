"""A scan of every kind of reply's headers, from the controller itself and through nginx."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest
import yaml
from unit.workers.engine import Engine

from filter_engine import __version__
from filter_engine.workers.access import WRONG_PASSWORDS
from filter_engine.workers.controller.safe_headers import SAFE
from header_scan import findings

from .conftest import CHANGE, READ
from .test_proxy import NGINX, ROLE, Proxy

FILES = Path(__file__).parents[2] / "filter_engine/webui"


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A filter that trusts nobody by address."""
    running = Engine(tmp_path_factory.mktemp("headers") / "e")
    running.write(
        "worker-controller.inc",
        f'bind_socket = "127.0.0.1:{running.controller}"; secure_ip = [];\n'
        f'password = "{READ}"; enable_password = "{CHANGE}"; trusted_ips = "127.0.0.1";',
    )
    try:
        yield running.start()
    finally:
        running.close()


def ask(
    engine: Engine, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", engine.controller, timeout=120)
    try:
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        reply.read()
    finally:
        connection.close()
    return reply.status, reply.headers


def test_files_of_the_pages(controller: Engine) -> None:
    files = [f"/{file.relative_to(FILES)}" for file in FILES.rglob("*") if file.suffix != ".pyc"]
    for path in ("/", *(name for name in files if name.endswith((".js", ".css", ".svg", ".html")))):
        status, headers = ask(controller, path)
        assert status == 200
        assert findings(headers) == [], path


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/stat", "GET", 200),
        ("/history", "GET", 200),
        ("/metrics", "GET", 200),
        ("/symbols", "OPTIONS", 200),
        ("/ping", "GET", 200),
        ("/getmap", "GET", 400),
        ("/nothing", "GET", 404),
        ("/checkv2", "POST", 200),
        ("/savesymbols", "POST", 403),
    ],
)
def test_replies(controller: Engine, path: str, method: str, status: int) -> None:
    body = b"From: a@b.example\r\n\r\nhello\r\n" if method == "POST" else None
    found, headers = ask(controller, path, method, body, Password=READ)
    assert found == status
    assert findings(headers) == []


def test_refusals(controller: Engine) -> None:
    client = {"X-Forwarded-For": "203.0.113.77"}
    found = [ask(controller, "/stat", **client)]
    found += [
        ask(controller, "/stat", Password=f"wrong-{n}", **client)
        for n in range(WRONG_PASSWORDS + 1)
    ]
    assert [status for status, _ in found] == [401] * (WRONG_PASSWORDS + 1) + [429]
    for _, headers in found:
        assert findings(headers) == []
        assert "Set-Cookie" not in headers


def test_what_is_no_request_is_not_told_versions(controller: Engine) -> None:
    with socket.create_connection(("127.0.0.1", controller.controller), timeout=120) as sock:
        sock.sendall(b"GET\x00 / nonsense\r\n\r\n")
        said = sock.makefile("rb").read().decode("latin-1")  # it closes the connection
    assert said.startswith("HTTP/1.")
    assert " 400 " in said
    assert "aiohttp" not in said
    assert __version__ not in said


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed (make setup)")
@pytest.mark.parametrize("trusted", [False, True], ids=["self-signed", "certificate"])
def test_through_nginx(controller: Engine, tmp_path: Path, trusted: bool) -> None:
    variables: dict[str, object] = {
        "webui_proxy_controllers": {
            "charlotte": f"127.0.0.1:{controller.controller}",
            "dolores": "127.0.0.1:9",
        },
        "webui_proxy_rate": 1000,
    }
    if trusted:
        variables["webui_proxy_tls_certificate"] = "/given.pem"
    proxy = Proxy(tmp_path / "nginx", **variables)
    wanted = {
        "/": 302,
        "/rspamd/charlotte/": 200,
        "/rspamd/charlotte/app.js": 200,
        "/rspamd/charlotte/stat": 401,
        "/rspamd/charlotte/nothing": 404,
        "/nothing": 404,
        "/rspamd/dolores/stat": 502,
    }
    try:
        for path, status in wanted.items():
            found, headers, _ = proxy.get(path)
            assert found == status, path
            assert findings(headers, hsts=trusted) == [], path
            assert headers["Server"] == "nginx"
    finally:
        proxy.close()


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed (make setup)")
def test_nginx_refuses_with_safe_headers(tmp_path: Path) -> None:
    nobody = {"webui_proxy_controllers": {"charlotte": "127.0.0.1:9"}}
    elsewhere = {"webui_proxy_allow": ["192.0.2.0/24"]}
    cases: list[tuple[int, dict[str, object]]] = [
        (403, elsewhere),
        (401, elsewhere | {"webui_proxy_users": [{"name": "ops"}]}),
        (429, {"webui_proxy_rate": 1, "webui_proxy_burst": 0}),
    ]
    for number, (status, variables) in enumerate(cases):
        proxy = Proxy(tmp_path / f"nginx{number}", "ops:x\n", **nobody, **variables)
        try:
            replies = [proxy.get("/rspamd/charlotte/") for _ in range(12)]
            headers = next(headers for found, headers, _ in replies if found == status)
            assert findings(headers) == [], status
        finally:
            proxy.close()


def test_nginx_says_what_the_controller_says() -> None:
    role = yaml.safe_load((ROLE / "vars/main.yml").read_text())
    assert role["__webui_proxy_headers"] == SAFE


BAD = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline'",
    "X-Content-Type-Options": "",
    "X-Frame-Options": "ALLOW-FROM https://a.example",
    "Referrer-Policy": "unsafe-url",
    "Permissions-Policy": "camera=*",
    "Server": "nginx/1.22.1",
    "Set-Cookie": "session=1",
    "Access-Control-Allow-Origin": "*",
    "Strict-Transport-Security": "max-age=60",
}


@pytest.mark.parametrize(("name", "value"), BAD.items())
def test_the_scan_finds(name: str, value: str) -> None:
    headers = Message()
    for good, said in SAFE.items():
        headers[good] = said
    hsts = name == "Strict-Transport-Security"
    if not hsts:
        assert findings(headers) == []
    del headers[name]
    headers[name] = value
    assert findings(headers, hsts=hsts)
