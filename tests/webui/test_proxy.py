"""Role webui_proxy's nginx before real controllers, and the fleet page through it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import jinja2
import pytest
import yaml
from support.ports import free_port
from unit.workers.engine import Engine, until

from browser import Browser
from redis_server import RedisServer

from .conftest import CHANGE, PICTURES, log_in

ROLE = Path(__file__).parents[2] / "roles/webui_proxy"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
HOSTS = ("charlotte", "dolores", "maeve")
RSPAMDS = Path("/usr/share/rspamd/www")
"""Pages of Debian's package; the last host serves them, where they are installed."""
NOBODY = {"webui_proxy_controllers": {"charlotte": "127.0.0.1:9"}}
"""Nothing listens there: 502 is what is behind the gate."""
POLICY = "/.well-known/mta-sts.txt"

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (make setup)")


def configuration(**variables: object) -> str:
    """What the role writes for charlotte."""
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["comment"] = lambda text: f"# {text}"
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    fixed = yaml.safe_load((ROLE / "vars/main.yml").read_text())
    template = (ROLE / "templates/tree/nginx.conf.j2").read_text()
    facts = {
        "ansible_managed": "managed",
        "inventory_hostname": "charlotte",
        "webui_proxy_allow": ["127.0.0.0/8"],
        **{name: fixed[name] for name in ("__webui_proxy_headers", "__webui_proxy_sites")},
    }
    return environment.from_string(template).render(defaults | facts | variables)


class Proxy:
    """nginx on loopback, as the role configures it but for its pid file and log."""

    def __init__(
        self,
        directory: Path,
        users: str = "",
        servers: Callable[[int], str] | None = None,
        **variables: object,
    ) -> None:
        """``servers`` makes another role's for the port that is listened at."""
        directory.mkdir()
        (directory / "webui_users").write_text(users)
        certificate, key = directory / "webui.crt", directory / "webui.key"
        make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x"
        command = [*make.split(), "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, capture_output=True)
        self.port = free_port()
        text = configuration(
            webui_proxy_listen=["127.0.0.1"],
            webui_proxy_port=self.port,
            __webui_proxy_certificate=str(certificate),
            __webui_proxy_key=str(key),
            **variables,
        )
        text = text.replace("/etc/nginx/mailfleet.d", str(directory / "sites"))
        if servers is not None:
            (directory / "sites").mkdir()
            (directory / "sites/mta_sts.conf").write_text(servers(self.port))
        text = text.replace("/run/nginx.pid", str(directory / "pid"))
        text = text.replace(
            "syslog:server=unix:/dev/log,nohostname,tag=webui", str(directory / "error.log")
        )
        # What is listened to here is this test's own: no other user may be needed for it.
        self.log = directory / "error.log"
        (directory / "nginx.conf").write_text(text.replace("user www-data;", "user root;"))
        command = [str(NGINX), "-p", str(directory), "-c", str(directory / "nginx.conf")]
        tested = subprocess.run([*command, "-t", "-q"], capture_output=True, text=True, check=False)
        assert tested.returncode == 0, tested.stderr
        self._process = subprocess.Popen([*command, "-g", "daemon off;"])
        until(self._listens, "nginx")

    def _listens(self) -> bool:
        try:
            self.get("/nothing")
        except OSError:
            return False
        return True

    def get(self, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body."""
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=context, timeout=30
        )
        connection.request(
            "GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        reply = connection.getresponse()
        body = reply.read()
        connection.close()
        return reply.status, reply.headers, body

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)


@pytest.fixture(scope="module")
def site(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Three hosts' controllers behind charlotte's proxy."""
    directory = tmp_path_factory.mktemp("site")
    engines = {name: Engine(directory / name) for name in HOSTS}
    proxy = None
    try:
        neighbours = "".join(
            f'neighbours {{ {name} {{ host = "https://{name}.example.net:443";'
            f' path = "/rspamd/{name}"; }} }}\n'
            for name in HOSTS
        )
        for number, engine in enumerate(engines.values()):
            options = (engine.local_d / "options.inc").read_text()
            engine.write("options.inc", options + neighbours)
            engine.write(
                "redis.conf", f'servers = "{redis.name}"; timeout = 20s; db = {5 + number};'
            )
            engine.write(
                "worker-normal.inc", f'bind_socket = "127.0.0.1:{engine.normal}"; count = 1;'
            )
            engine.write(
                "worker-controller.inc",
                f'bind_socket = "127.0.0.1:{engine.controller}"; enable_password = "{CHANGE}";'
                + (f' static_dir = "{RSPAMDS}";' if number == len(HOSTS) - 1 else ""),
            )
            engine.launch()
        for engine in engines.values():
            engine.told("READY=1")
        addresses = {name: f"127.0.0.1:{engine.controller}" for name, engine in engines.items()}
        proxy = Proxy(directory / "nginx", webui_proxy_controllers=addresses)
        yield proxy
    finally:
        if proxy is not None:
            proxy.close()
        for engine in engines.values():
            engine.close()


def test_every_host_has_its_path_and_nothing_else_is_served(site: Proxy) -> None:
    for name in HOSTS:
        status, _, body = site.get(f"/rspamd/{name}/ping")
        assert (status, body) == (200, b"pong\r\n")
    assert site.get("/")[0] == 302
    assert site.get("/rspamd/charlotte")[1]["Location"].endswith("/rspamd/charlotte/")
    assert site.get("/rspamd/bernard/ping")[0] == 404
    assert site.get("/stat")[0] == 404
    assert "nginx/" not in site.get("/nothing")[1]["Server"]
    assert "default-src 'none'" in site.get("/rspamd/charlotte/")[1]["Content-Security-Policy"]


def test_the_probe_of_the_role_finds_the_controller(site: Proxy) -> None:
    """What ``verify.yml`` runs."""
    (task,) = yaml.safe_load((ROLE / "tasks/verify.yml").read_text())
    command = task["ansible.builtin.command"]
    said = jinja2.Template(command["stdin"]).render(inventory_hostname="charlotte")
    *words, _ = command["argv"]
    done = subprocess.run(
        [*words, f"127.0.0.1:{site.port}"], input=said + "\n", capture_output=True, text=True
    )
    assert "pong" in done.stdout, done


def test_the_proxy_alone_says_who_asks(site: Proxy) -> None:
    asked = site.get(
        "/rspamd/charlotte/stat", X_Forwarded_For="203.0.113.9", X_Real_IP="203.0.113.9"
    )
    # This test is a client on loopback, and what it forges counts for nothing.
    assert asked[0] == 200


def test_a_client_elsewhere_is_refused(tmp_path: Path) -> None:
    proxy = Proxy(tmp_path / "nginx", webui_proxy_allow=["192.0.2.0/24"], **NOBODY)
    try:
        assert proxy.get("/rspamd/charlotte/ping")[0] == 403
    finally:
        proxy.close()


def test_one_nginx_serves_the_policies_as_well(tmp_path: Path) -> None:
    """As ``mta_sts_nginx_directory`` has it: same address, same port, told apart by the name."""
    role = ROLE.with_name("mta_sts")
    (tmp_path / "example.net.txt").write_text("version: STSv1\r\n")
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["comment"] = lambda text: f"# {text}"
    template = environment.from_string((role / "templates/tree/servers.conf.j2").read_text())

    def servers(port: int) -> str:
        return template.render(
            ansible_managed="managed",
            mta_sts_domains=["Example.net"],
            mta_sts_policies=str(tmp_path),
            mta_sts_listen=["127.0.0.1"],
            mta_sts_port=port,
            __mta_sts_path=POLICY,
            __mta_sts_certificate=str(tmp_path / "nginx/webui.crt"),
            __mta_sts_key=str(tmp_path / "nginx/webui.key"),
        )

    proxy = Proxy(tmp_path / "nginx", servers=servers, **NOBODY)
    try:
        found = [
            proxy.get(path, Host=host)[0]
            for host, path in (
                ("mta-sts.example.net", POLICY),
                ("mta-sts.example.net", "/rspamd/charlotte/ping"),
                ("charlotte.example.net", POLICY),
                ("charlotte.example.net", "/rspamd/charlotte/ping"),
                ("127.0.0.1", "/rspamd/charlotte/ping"),
            )
        ]
        assert found == [200, 404, 404, 502, 502]
        assert proxy.get(POLICY, Host="mta-sts.example.net")[2] == b"version: STSv1\r\n"
    finally:
        proxy.close()


def users_file(file: Path, users: list[dict[str, str]]) -> str:
    """What the role writes of its users."""
    content = {"content": "{{ __webui_proxy_users }}", "dest": str(file)}
    subprocess.run(
        [
            *(Path(sys.executable).with_name("ansible"), "localhost", "-m", "ansible.builtin.copy"),
            *("-a", json.dumps(content), "-e", f"@{ROLE / 'vars/main.yml'}"),
            *("-e", json.dumps({"webui_proxy_users": users})),
        ],
        check=True,
        capture_output=True,
        env=os.environ | {"ANSIBLE_CONFIG": str(ROLE.parents[1] / "ansible.cfg")},
    )
    return file.read_text()


def test_users_may_ask_from_elsewhere(tmp_path: Path) -> None:
    users = [
        {"name": "ops", "password": "correct horse battery"},
        {"name": "webui", "password": "staple correct horse"},
    ]
    proxy = Proxy(
        tmp_path / "nginx",
        users_file(tmp_path / "users", users),
        webui_proxy_allow=["192.0.2.0/24"],
        webui_proxy_users=users,
        **NOBODY,
    )
    try:
        assert proxy.get("/rspamd/charlotte/ping")[0] == 401
        assert proxy.get("/rspamd/charlotte/ping", Authorization=_basic("ops:wrong"))[0] == 401
        for user in users:
            right = _basic(f"{user['name']}:{user['password']}")
            assert proxy.get("/rspamd/charlotte/ping", Authorization=right)[0] == 502, user["name"]
    finally:
        proxy.close()


def _basic(said: str) -> str:
    return f"Basic {b64encode(said.encode()).decode()}"


def test_a_flood_is_held_back(tmp_path: Path) -> None:
    proxy = Proxy(
        tmp_path / "nginx",
        webui_proxy_rate=1,
        webui_proxy_burst=2,
        **NOBODY,
    )
    try:
        found = [
            proxy.get("/rspamd/charlotte/ping")[0] for _ in range(40)
        ]  # more than one a second
        assert 429 in found
    finally:
        proxy.close()


def test_the_fleet_page_shows_all_hosts(site: Proxy, chromium: Browser) -> None:
    chromium.open(f"https://127.0.0.1:{site.port}/")
    chromium.see("Scanned")  # loopback is trusted: no password is asked
    chromium.driver.execute_script("location.hash = 'fleet'")
    for name in HOSTS:
        chromium.see(name)
    chromium.see("All hosts answer and agree.")
    badges = (
        "return [...document.querySelectorAll('main td:nth-child(2) .badge.good')]"
        ".map((e) => e.textContent)"
    )
    assert chromium.driver.execute_script(badges) == ["ready"] * len(HOSTS)
    chromium.picture("fleet-through-nginx")
    assert not chromium.complaints()


@pytest.mark.skipif(not RSPAMDS.is_dir(), reason="Debian's package rspamd is not installed")
def test_rspamds_pages_list_all_neighbours(site: Proxy, tmp_path: Path) -> None:
    """They ask each neighbour by its own name: pages of one host that read another's replies."""
    here = f"MAP *.example.net:443 127.0.0.1:{site.port}"
    browser = Browser(tmp_path / "profile", PICTURES, f"--host-resolver-rules={here}")
    rows = (
        "return [...document.querySelectorAll('#clusterTable tbody tr')].map((row) =>"
        " [row.cells[1].textContent, row.classList.contains('success')])"
    )
    try:
        browser.open(f"https://{HOSTS[-1]}.example.net/rspamd/{HOSTS[-1]}/")
        browser.see("Scanned", "#statWidgets")
        wanted = [[name, True] for name in ("All SERVERS", *HOSTS)]
        until(lambda: sorted(browser.driver.execute_script(rows)) == sorted(wanted), "the list")
        browser.picture("rspamd-neighbours-through-nginx")
        assert not browser.complaints()
    finally:
        browser.close()


def test_a_user_elsewhere_may_mistype_the_controllers_password(
    engine: Engine, tmp_path: Path
) -> None:
    """A 401 of the controller would make the browser forget what it told nginx."""
    user = {"name": "webui", "password": "correct-horse-battery"}
    proxy = Proxy(
        tmp_path / "nginx",
        users_file(tmp_path / "users", [user]),
        webui_proxy_allow=["192.0.2.0/24"],
        webui_proxy_users=[user],
        webui_proxy_controllers={"charlotte": f"127.0.0.1:{engine.controller}"},
    )
    browser = Browser(tmp_path / "profile", PICTURES)
    try:
        page = f"127.0.0.1:{proxy.port}/rspamd/charlotte/"
        browser.open(f"https://{user['name']}:{user['password']}@{page}")
        browser.open(f"https://{page}")
        for guess in ("not-this-one", "nor-this"):
            log_in(browser, guess)
            browser.see("That is not the password.")
        log_in(browser, CHANGE)
        browser.see("Scanned")
    finally:
        browser.close()
        proxy.close()
