"""Asking a controller: which one, with what password; errors for people."""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from filter_engine.cli.controller_replies import is_of_controller
from filter_engine.cli.options import config_options, fail
from filter_engine.config.annotate import printable
from filter_engine.config.workers import CONTROLLER_PORT as PORT
from filter_engine.lazy_dataclass import frozen

if TYPE_CHECKING:
    from http.client import HTTPConnection
    from ssl import SSLContext

    from filter_engine.config.model import Config

_SOCKET_PATH: Final = 107
"""Octets of the path of a unix socket (unix(7): 108 with the zero at its end)."""
_MAX_PASSWORD: Final = 4096
"""Octets of the first line of a password file that are read."""
MAX_REPLY = 64 * 1024 * 1024
"""Octets of a reply that is read."""
_ANY: Final = {"*": "127.0.0.1", "*v4": "127.0.0.1", "*v6": "::1", "::": "::1"}
_ANY["0.0.0.0"] = "127.0.0.1"  # noqa: S104  # where it is asked, not where it listens
"""Addresses to listen on -> where such a listener is asked."""

_OF_SCANNER: Final = "invalid command"
"""What scanners say to what only controllers serve (``workers.scan_service``)."""

F = TypeVar("F", bound=Callable[..., Any])


class AskError(Exception):
    """The controller did not answer as it should; the message is for people."""

    def __init__(self, message: str, status: int = 0, content: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        """Of HTTP; 0 when there was no reply at all."""
        self.content = content
        """The body of a reply that refuses."""


@frozen
class Controller:
    """One controller."""

    name: str
    """For people."""
    host: str = ""
    port: int = PORT
    tls: bool = False
    base: str = ""
    """Path before every endpoint, where a web server stands before it."""
    path: str = ""
    """A unix socket, in place of host and port."""
    password: str = ""
    timeout: float = 10.0
    """Seconds for each step of a request."""
    pinned: str = ""
    """File of the certificate that alone is taken, whatever name it has; empty: as usual."""

    def get(self, endpoint: str, **headers: str) -> Any:
        """What a JSON endpoint says; raises ``AskError``, also for what no controller says."""
        said = _data(*self.ask("GET", endpoint, None, headers))
        if not is_of_controller(endpoint, said):
            raise AskError(f"{self.name} is not a filter-engine controller", 200)
        return said

    def post(self, endpoint: str, body: bytes, **headers: str) -> Any:
        """What a JSON endpoint says to something sent; raises ``AskError``."""
        return _data(*self.ask("POST", endpoint, body, headers))

    def with_timeout(self, seconds: float) -> Controller:
        """The same controller, asked with another timeout."""
        return replace(self, timeout=seconds)

    def ask(
        self, method: str, endpoint: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Status and body; raises ``AskError`` when there is none."""
        from http.client import HTTPException

        said = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.password:
            said["Password"] = self.password
        sent = {name: value.encode("utf-8", "surrogateescape") for name, value in said.items()}
        connection = self._connection()
        try:
            connection.request(method, f"{self.base}/{endpoint}", body, sent)
            response = connection.getresponse()
            content = response.read(MAX_REPLY + 1)
        except (OSError, HTTPException) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise AskError(f"{self.name}: {why}") from error
        except ValueError as error:  # a header or a path that HTTP does not carry
            raise AskError(f"{self.name}: this cannot be asked by HTTP") from error
        finally:
            connection.close()
        if len(content) > MAX_REPLY:
            raise AskError(f"{self.name}: the reply is too large")
        if response.status >= 400:
            refusal = _refusal(self.name, response.status, content)
            raise AskError(refusal, response.status, content)
        return response.status, content

    def _connection(self) -> HTTPConnection:
        from http import client

        if self.path:
            return _unix(self.path, self.timeout)
        if self.tls:
            return client.HTTPSConnection(
                self.host,
                self.port,
                timeout=self.timeout,
                context=_trusting(self.pinned) if self.pinned else None,
            )
        return client.HTTPConnection(self.host, self.port, timeout=self.timeout)


def _trusting(certificate: str) -> SSLContext:
    import ssl

    try:
        context = ssl.create_default_context(cafile=certificate)
    except OSError as error:
        raise AskError(f"ssl_cert {certificate}: {error.strerror or error}") from error
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it need not be an authority's
    return context


def _unix(path: str, timeout: float) -> HTTPConnection:
    from http.client import HTTPConnection

    connection = HTTPConnection("localhost", timeout=timeout)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(timeout)
    try:
        connection.sock.connect(path)
    except OSError as error:
        connection.sock.close()
        raise AskError(f"{path}: {error.strerror or error}") from error
    return connection


def _data(status: int, content: bytes) -> Any:
    if not content:
        return {"status": status}
    try:
        return json.loads(content)
    except ValueError as error:
        raise AskError(
            f"the reply is no JSON: {printable(content[:100].decode('latin-1'))}"
        ) from error


def _refusal(name: str, status: int, content: bytes) -> str:
    try:
        said = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        said = ""
    if said == _OF_SCANNER:
        return f"{name}: that is a scanner; the controller is on {PORT}"
    if status == 401:
        said = "a password is needed (--password-file), or it is wrong"
    elif status == 403:
        said = "this password may only read"
    return f"{name}: {status} {printable(str(said))[:500]}".rstrip()


def remote_options(command: F) -> F:
    """Add ``--host``, ``--password-file``, ``--timeout``, ``--json`` and the configuration's."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Print the reply as JSON.")
    named = host_options("default: this host's configuration.", 10.0)
    return config_options(named(as_json(command)))


def host_options(otherwise: str, timeout: float = 60.0) -> Callable[[F], F]:
    """Add ``--host``, ``--password-file`` and ``--timeout`` (seconds).

    ``otherwise`` ends the help of ``--host``: what is done without it.
    """

    def add(command: F) -> F:
        for option in (
            click.option(
                "--timeout",
                type=click.FloatRange(0.1, 600.0),
                default=timeout,
                show_default=True,
                metavar="SECONDS",
                help="Longest wait for each step of a request.",
            ),
            click.option(
                "--password-file",
                type=click.Path(path_type=Path, allow_dash=True),
                metavar="FILE",
                help='File with the controller\'s password; "-" is standard input.',
            ),
            click.option(
                "-H",
                "--host",
                metavar="HOST",
                help=f"HOST[:PORT], URL or path of a unix socket; {otherwise}",
            ),
        ):
            command = option(command)
        return command

    return add


def named_controller(given: dict[str, Any]) -> Controller | None:
    """The controller of ``host_options``, whose values are taken out of ``given``.

    None without ``--host``; ends the program when the words name none.
    """
    host, password_file = given.pop("host"), given.pop("password_file")
    timeout = given.pop("timeout")
    if host is not None:
        return controller_of(host, password_file, timeout, None, {})
    if password_file is not None:
        raise click.UsageError("--password-file is for a controller: say which, --host HOST")
    return None


def controller_of(
    host: str | None,
    password_file: Path | None,
    timeout: float,
    config_file: Path | None,
    variables: Mapping[str, str],
) -> Controller:
    """The controller that the options name; ends the program when there is none."""
    password = _password(password_file)
    if host is not None:
        try:
            return parse_host(host, password, timeout)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--host") from error
    from filter_engine.cli.loading import load_config

    return configured(load_config(config_file, variables), password, timeout)


def asked(endpoint: str, given: dict[str, Any], *, as_json: bool) -> Any:
    """What the controller of ``remote_options`` says; printed and None with ``--json``.

    Ends the program when it does not answer.
    """
    try:
        said = controller_of(**given).get(endpoint)
    except AskError as error:
        fail(str(error))
    if as_json:
        click.echo(json.dumps(said, indent=2))
        return None
    return said


def parse_host(host: str, password: str = "", timeout: float = 10.0) -> Controller:
    """A controller by what a person writes; raises ``ValueError``."""
    from urllib.parse import urlsplit

    if not host:
        raise ValueError("it is empty: name a host, or leave the option out")
    if host.startswith("/"):
        length = len(os.fsencode(host))
        if length > _SOCKET_PATH:
            raise ValueError(
                f"the path of a socket has at most {_SOCKET_PATH} octets, this one {length}"
            )
        return Controller(host, path=host, password=password, timeout=timeout)
    if _is_ipv6(host):
        raise ValueError(f"an IPv6 address stands in brackets: [{host}]:{PORT}")
    has_scheme = "://" in host
    parts = urlsplit(host if has_scheme else f"http://{host}")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError(f"{host!r} is neither HOST[:PORT] nor a URL")
    try:
        parts.hostname.encode("idna")
    except UnicodeError:
        raise ValueError(
            f"{host!r} is no host name: a part between dots is empty or over 63 octets"
        ) from None
    tls = parts.scheme == "https"
    port = parts.port or ((443 if tls else 80) if has_scheme else PORT)
    base = parts.path.rstrip("/")
    return Controller(host, parts.hostname, port, tls, base, "", password, timeout)


def _is_ipv6(host: str) -> bool:
    from ipaddress import IPv6Address

    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True


def configured(config: Config, password: str = "", timeout: float = 10.0) -> Controller:
    """The first controller of a configuration; ends the program where it has none."""
    from filter_engine.config.sockets import TcpSocket, UnixSocket

    places = [(worker, place) for worker in config.controllers for place in worker.bind_socket]
    places.sort(key=lambda found: found[0].speaks_tls(found[1]))
    for worker, place in places:
        if isinstance(place, UnixSocket):
            return Controller(place.path, path=place.path, password=password, timeout=timeout)
        if isinstance(place, TcpSocket):
            host = _ANY.get(place.address, place.address)
            named = f"{host}:{place.port}"
            tls = worker.speaks_tls(place)
            return Controller(
                named,
                host,
                place.port,
                tls=tls,
                pinned=worker.ssl_cert if tls else "",
                password=password,
                timeout=timeout,
            )
    return fail("this configuration has no controller: name one with --host")


def _password(file: Path | None) -> str:
    """The first line, read as ``filter-engine pw`` reads it; ends the program when it is none."""
    if file is None:
        return ""
    try:
        if str(file) == "-":
            line = sys.stdin.buffer.readline(_MAX_PASSWORD)
        else:
            with file.open("rb") as opened:
                mode = os.fstat(opened.fileno())
                if stat.S_ISREG(mode.st_mode) and mode.st_mode & 0o007:
                    fail(f"{file}: everybody on this host may read it: chmod o-rwx")
                line = opened.readline(_MAX_PASSWORD)
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    if not line:
        fail(f"{file}: expected the password in the first line")
    if any(octet < 0x20 or octet == 0x7F for octet in line):
        fail(f"{file}: the password has control characters, which HTTP does not carry")
    return line.decode("utf-8", "surrogateescape")
