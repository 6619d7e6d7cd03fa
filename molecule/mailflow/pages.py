"""The WebUI of a site as somebody asks for it: from the Internet, or from a host of the VPN."""

from __future__ import annotations

import http.client
import json
import shlex
import ssl
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from lab.lab import Lab
from mailflow.redis_hosts import vpn_hosts

_USER = "webui"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """The body's data."""
        return json.loads(self.body)


class Pages:
    """The proxies of a lab's site."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    @cached_property
    def _secrets(self) -> dict[str, Any]:
        path = self._lab.paths.inventory / "group_vars/all/secrets.yml"
        found: dict[str, Any] = yaml.safe_load(path.read_text())
        return found

    @property
    def read(self) -> str:
        """The controllers' password for reading."""
        return str(self._secrets["vault_filter_engine_controller_password"])

    @property
    def change(self) -> str:
        """The controllers' password for changing."""
        return str(self._secrets["vault_filter_engine_enable_password"])

    @property
    def user(self) -> tuple[str, str]:
        """Name and password of the proxies' user."""
        return _USER, str(self._secrets["vault_webui_proxy_password"])

    def basic(self, password: str | None = None) -> dict[str, str]:
        """The header of a client elsewhere; ``password`` in place of the right one."""
        name, right = self.user
        said = f"{name}:{right if password is None else password}"
        return {"Authorization": f"Basic {b64encode(said.encode()).decode()}"}

    def ask(
        self,
        host: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Ask a host's proxy from the Internet: from this machine, at the public address.

        With a body it is POST, else GET.
        """
        address = self._lab.host(host).ipv4
        context = ssl._create_unverified_context()  # noqa: S323 - the lab's are self-signed
        connection = http.client.HTTPSConnection(address, timeout=60, context=context)
        try:
            method = "GET" if body is None else "POST"
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers, reply.read())
        finally:
            connection.close()

    def over_vpn(
        self, client: str, host: str, path: str, password: str = "", seconds: float = 60
    ) -> tuple[int, bytes]:
        """Ask a host's proxy at its VPN address from another host: status and body."""
        address = next(address for address, name in vpn_hosts(self._lab).items() if name == host)
        said = f"header = {json.dumps(f'Password: {password}')}\n" if password else ""
        # By standard input: others on the host see a command's words.
        command = f"curl -skg -m {seconds:g} -K - -w '\\n%{{http_code}}' "
        command += shlex.quote(f"https://{address}{path}")
        done = self._lab.ssh.run(client, ["sh", "-c", command], stdin=said, check=False)
        body, _, status = done.stdout.rpartition(b"\n")
        return int(status or 0), body
