"""What role filter_engine writes, as the engine reads it, beside what its neighbours say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import rendered_tree
from filter_engine.checks.dkim_signing import DkimSigningOptions
from filter_engine.checks.signing.keys import key_places
from filter_engine.config import Config, load
from filter_engine.ucl import parse
from filter_engine.ucl.nodes import UclObject

ROLES = rendered_tree.ROLES


@dataclass(frozen=True)
class Rendered:
    """A host's configuration as the engine reads it."""

    config: Config

    @property
    def signing(self) -> DkimSigningOptions:
        found = self.config.modules["dkim_signing"]
        assert isinstance(found, DkimSigningOptions)
        return found


def render(directory: Path, host: str, **variables: object) -> Rendered:
    """A host's tree as the engine reads it."""
    trees = rendered_tree.render(directory, hosts=host, **variables)
    return Rendered(
        load(
            variables={"LOCAL_CONFDIR": str(trees / host)},
            environ={},
            modules={"dkim_signing": DkimSigningOptions},
        )
    )


@pytest.fixture(scope="module")
def access_server(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return render(tmp_path_factory.mktemp("mas"), "charlotte")


@pytest.fixture(scope="module")
def shipped() -> Config:
    """The engine without any site."""
    return load(variables={"LOCAL_CONFDIR": "/nonexistent"}, environ={})


def signed_with(rendered: Rendered, domain: str) -> set[tuple[str, str]]:
    return set(key_places(domain, rendered.signing))


def places(*signing: Mapping[str, Any]) -> dict[str, set[tuple[str, str]]]:
    """(selector, path) of each domain, as role dkim_keys says them."""
    return {
        one["domain"]: {(key["selector"], key["path"]) for key in one["selectors"]}
        for one in signing
    }


def test_the_site_signs_with_its_active_keys(access_server: Rendered) -> None:
    wanted = places(*rendered_tree.SIGNING)
    assert wanted["example.net"]
    assert signed_with(access_server, "example.net") == wanted["example.net"]


def test_a_domain_of_others_is_not_signed(access_server: Rendered) -> None:
    assert signed_with(access_server, "example.com") == set()


def test_every_active_key_of_every_domain_signs(tmp_path: Path) -> None:
    keys = [{"selector": s, "path": f"/k/example.net.{s}.key"} for s in ("r20270506", "e20261121")]
    signing = [
        {"domain": "example.net", "selectors": keys},
        # Uses the first key of the other domain.
        {"domain": "example.org", "selectors": keys[:1]},
    ]
    rendered = render(tmp_path, "charlotte", dkim_keys_signing=signing)
    for domain, wanted in places(*signing).items():
        assert signed_with(rendered, domain) == wanted


def test_a_domain_without_an_active_key_is_not_signed(tmp_path: Path) -> None:
    signing = [{"domain": "example.net", "selectors": []}]
    rendered = render(tmp_path, "charlotte", dkim_keys_signing=signing)
    assert signed_with(rendered, "example.net") == set()


def test_a_host_with_sealing_keys_seals_with_the_first_of_each_domain(tmp_path: Path) -> None:
    keys = [{"selector": "ar20261121", "path": "/k/example.net.ar20261121.key"}]
    sealing = [
        {"domain": "example.net", "selectors": keys},
        {"domain": "example.org", "selectors": []},
    ]
    trees = rendered_tree.render(tmp_path, site_sealing_keys=sealing)
    text = (trees / "dolores/local.d/arc.conf").read_text()
    (domain,) = parse(text, "arc.conf").all("domain")
    assert isinstance(domain, UclObject)
    assert list(domain) == ["example.net"]
    assert "example.net.ar20261121.key" in text


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


def test_the_filter_asks_the_scanner_that_role_clamav_runs(tmp_path: Path) -> None:
    trees = rendered_tree.render(tmp_path, hosts="charlotte", clamav_enabled=True)
    (rule,) = parse((trees / "charlotte/local.d/antivirus.conf").read_text(), "av").all("clamav")
    assert isinstance(rule, UclObject)
    clamav = yaml.safe_load((ROLES / "clamav/vars/main.yml").read_text())
    assert rule.get("servers").value == clamav["__clamav_socket"]
    size = int(rule.get("max_size").value)
    options = parse((trees / "charlotte/local.d/options.inc").read_text(), "options")
    assert int(options.get("max_message").value) <= size
    # And the role's own, where a site says nothing.
    alone = yaml.safe_load((ROLES / "clamav/defaults/main.yml").read_text())
    assert alone["clamav_max_size"] >= size


def test_what_no_scanner_answered_about_goes_its_way_or_waits(tmp_path: Path) -> None:
    trees = rendered_tree.render(tmp_path / "passes", hosts="charlotte", clamav_enabled=True)
    assert not (trees / "charlotte/local.d/force_actions.conf").exists()
    trees = rendered_tree.render(
        tmp_path / "waits",
        hosts="charlotte",
        clamav_enabled=True,
        filter_engine_antivirus_fail_action="soft reject",
    )
    forced = parse((trees / "charlotte/local.d/force_actions.conf").read_text(), "forced")
    rule = forced.get("rules").get("VIRUS_CHECK_FAILED")
    assert rule.get("action").value == "soft reject"
    assert rule.get("expression").value == "CLAM_VIRUS_FAIL"
    # What is to be refused for another reason still is.
    assert rule.get("least").value is True
