"""What role filter_engine writes, as the engine reads it, beside what its neighbours say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import rendered_tree
from filter_engine.checks.dkim_signing import DkimSigningOptions
from filter_engine.checks.signing.keys import key_places
from filter_engine.config import Config, load

ROLES = rendered_tree.ROLES
TWO_KEYS = [{"selector": "r1", "algorithm": "rsa"}, {"selector": "e1", "algorithm": "ed25519"}]


@dataclass(frozen=True)
class Rendered:
    """A host's configuration as the engine reads it, and the keys that role dkim_keys makes."""

    config: Config
    keys: list[dict[str, Any]]

    @property
    def signing(self) -> DkimSigningOptions:
        found = self.config.modules["dkim_signing"]
        assert isinstance(found, DkimSigningOptions)
        return found


def render(directory: Path, host: str, **variables: object) -> Rendered:
    """A host's tree as the engine reads it, and the keys of role dkim_keys."""
    keys = {
        "ansible.builtin.copy": {
            "dest": f"{directory}/keys.json",
            "content": "{{ __dkim_keys_wanted | to_json }}",
            "mode": "0600",
        }
    }
    trees = rendered_tree.render(directory, hosts=host, tasks=[keys], **variables)
    config = load(
        variables={"LOCAL_CONFDIR": str(trees / host)},
        environ={},
        modules={"dkim_signing": DkimSigningOptions},
    )
    return Rendered(config, json.loads((directory / "keys.json").read_text()))


@pytest.fixture(scope="module")
def access_server(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return render(tmp_path_factory.mktemp("mas"), "charlotte")


@pytest.fixture(scope="module")
def shipped() -> Config:
    """The engine without any site."""
    return load(variables={"LOCAL_CONFDIR": "/nonexistent"}, environ={})


def signed_with(rendered: Rendered, domain: str) -> set[tuple[str, str]]:
    return set(key_places(domain, rendered.signing))


def made(rendered: Rendered, domain: str) -> set[tuple[str, str]]:
    return {(key["selector"], key["path"]) for key in rendered.keys if key["domain"] == domain}


def test_the_site_signs_with_the_keys_that_are_made(access_server: Rendered) -> None:
    assert made(access_server, "example.net")
    assert signed_with(access_server, "example.net") == made(access_server, "example.net")


def test_a_domain_of_others_is_not_signed(access_server: Rendered) -> None:
    assert signed_with(access_server, "example.com") == set()


def test_every_key_of_every_domain_signs(tmp_path: Path) -> None:
    domains = ["example.net", {"domain": "example.org", "selectors": [{"selector": "own"}]}]
    rendered = render(
        tmp_path, "charlotte", dkim_keys_domains=domains, dkim_keys_selectors=TWO_KEYS
    )
    assert {selector for selector, _ in made(rendered, "example.net")} == {"r1", "e1"}
    assert {selector for selector, _ in made(rendered, "example.org")} == {"own"}
    for domain in ("example.net", "example.org"):
        assert signed_with(rendered, domain) == made(rendered, domain)


def ports(config: Config, kind: str) -> set[int]:
    """TCP ports of the workers of one kind."""
    return {
        socket.port
        for worker in config.workers
        if type(worker).__name__ == kind
        for socket in worker.bind_socket
    }


@pytest.mark.parametrize("kind", ["ProxyConfig", "NormalConfig", "ControllerConfig"])
def test_ports_are_the_engines_own(kind: str, access_server: Rendered, shipped: Config) -> None:
    assert ports(shipped, kind)
    assert ports(access_server.config, kind) == ports(shipped, kind)


def test_actions_and_time_are_the_engines_own(access_server: Rendered, shipped: Config) -> None:
    assert access_server.config.actions == shipped.actions
    assert access_server.config.options.task_timeout == shipped.options.task_timeout


def test_postfix_talks_to_the_proxy_worker(access_server: Rendered) -> None:
    postfix = yaml.safe_load((ROLES / "postfix/defaults/main.yml").read_text())
    (port,) = ports(access_server.config, "ProxyConfig")
    assert postfix["postfix_milters"] == [f"inet:127.0.0.1:{port}"]


def test_an_expired_record_comes_before_the_filter_asks_again(access_server: Rendered) -> None:
    resolver = yaml.safe_load((ROLES / "resolver/defaults/main.yml").read_text())
    patience = access_server.config.options.dns.timeout
    assert resolver["resolver_serve_expired_client_timeout"] < 1000 * patience


def test_what_postfix_takes_is_scanned_and_fits_the_memory(access_server: Rendered) -> None:
    postfix = yaml.safe_load((ROLES / "postfix/defaults/main.yml").read_text())
    limit = access_server.config.options.max_message
    assert postfix["postfix_message_size_limit"] < limit <= 32 * 1024 * 1024
