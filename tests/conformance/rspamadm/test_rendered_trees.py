"""The real Rspamd takes what role filter_engine writes, and reads the same in it as this engine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

import rendered_tree
from filter_engine.config import Config, load
from filter_engine.config.sockets import TcpSocket
from filter_engine.config.workers import WORKER_TYPES

STOCK = Path("/etc/rspamd")
RSPAMADM = shutil.which("rspamadm")
pytestmark = pytest.mark.skipif(
    RSPAMADM is None or not (STOCK / "rspamd.conf").is_file(),
    reason="Debian's package rspamd is not installed (`make setup` does it)",
)

# Inventory, profile (None: the inventory's own) and host of every tree.
TREES = [
    *(("three_hosts", None, host) for host in ("charlotte", "dolores", "maeve")),
    *(("single_host", profile, "solo") for profile in (None, "mx", "mas", "single", "dms")),
]
# Every switch turned, so that each file the role can write is there.
ALL_SWITCHES: dict[str, object] = {
    "filter_engine_antivirus": {
        "clamav": {"type": "clamav", "servers": "127.0.0.1:3310", "log_clean": False}
    },
    "filter_engine_bayes": {"autolearn": [0, 6], "min_learns": 10, "per_user": True},
    "filter_engine_shared_scores": {"servers": "127.0.0.1:6382"},
    "filter_engine_history_prefix": "rs_history_solo",
    "filter_engine_tempdir": "/tmp",
    "filter_engine_pidfile": "/run/filter_engine/pid",
    "filter_engine_hfilter": False,
    "filter_engine_greylisting": False,
    "filter_engine_check_authenticated": False,
    "filter_engine_modules_enabled": ["mx_check"],
    "filter_engine_modules_disabled": ["chartable", "elastic"],
    "filter_engine_log_target": "file",
    "filter_engine_extra_files": {"local.d/maps.d/list.map": ["example.com", "example.org"]},
}


@dataclass(frozen=True)
class Rspamd:
    """Rspamd's stock configuration with a rendered tree laid over it."""

    directory: Path

    def adm(self, *command: str) -> str:
        """Output of a command of rspamadm about this tree."""
        assert RSPAMADM is not None
        name, *arguments = command
        done = subprocess.run(
            [
                RSPAMADM,
                f"--var=CONFDIR={self.directory}",
                f"--var=LOCAL_CONFDIR={self.directory}",
                *(name, "-c", str(self.directory / "rspamd.conf"), *arguments),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @cache  # noqa: B019  # a few trees, and each asked often
    def dump(self) -> dict[str, Any]:
        """The whole configuration as Rspamd merged it."""
        dumped: dict[str, Any] = json.loads(self.adm("configdump", "-j"))
        return dumped

    def workers(self, name: str) -> list[dict[str, Any]]:
        """The sections of one kind of worker."""
        found = self.dump()["worker"]
        sections = found if isinstance(found, list) else [found]
        return [section[name] for section in sections if name in section]


@dataclass(frozen=True)
class Tree:
    """One rendered tree and what both read in it."""

    rspamd: Rspamd
    config: Config


def lay_over_stock(tree: Path, directory: Path) -> Rspamd:
    """Copy Rspamd's own configuration, and the tree into it."""
    shutil.copytree(STOCK, directory, symlinks=False)
    for name in ("local.d", "override.d"):
        shutil.rmtree(directory / name, ignore_errors=True)
    shutil.copytree(tree, directory, dirs_exist_ok=True)
    # The stock rule names servers on the Internet, which rspamadm would look up.
    rule = directory / "modules.d/fuzzy_check.conf"
    text, count = re.subn(
        r'servers = "[^"]*rspamd\.com[^"]*"', 'servers = "127.0.0.1:11335"', rule.read_text()
    )
    assert count == 1
    rule.write_text(text)
    return Rspamd(directory)


def read(tree: Path, directory: Path) -> Tree:
    config = load(variables={"LOCAL_CONFDIR": str(tree)}, environ={})
    return Tree(lay_over_stock(tree, directory), config)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rendered_tree.render(tmp_path_factory.mktemp("three_hosts") / "x")


@pytest.fixture(
    scope="module", params=TREES, ids=lambda p: "-".join(word for word in p if word is not None)
)
def tree(
    request: pytest.FixtureRequest, fleet: Path, tmp_path_factory: pytest.TempPathFactory
) -> Tree:
    site, profile, host = request.param
    directory = tmp_path_factory.mktemp("tree")
    if site == "three_hosts":
        trees = fleet
    else:
        variables = {} if profile is None else {"filter_engine_profile": profile}
        trees = rendered_tree.render(directory / "x", site=site, **variables)
    return read(trees / host, directory / "etc")


def test_rspamd_accepts_the_tree(tree: Tree) -> None:
    assert "syntax OK" in tree.rspamd.adm("configtest")


def test_the_actions_are_the_same(tree: Tree) -> None:
    actions = tree.rspamd.dump()["actions"]
    ours = tree.config.actions
    for name in ("greylist", "add_header", "rewrite_subject", "reject"):
        assert actions.get(name) == getattr(ours, name), name


def test_there_is_one_default_upstream_and_it_is_ours(tree: Tree) -> None:
    (proxy,) = tree.rspamd.workers("rspamd_proxy")
    found = proxy["upstream"]
    assert len(found) == 1
    ((name, theirs),) = found.items()
    ours = tree.config.proxies[0].default_upstream
    assert ours is not None
    assert list(tree.config.proxies[0].upstreams) == [name]
    assert theirs["default"] is True
    assert theirs.get("self_scan", False) == ours.self_scan
    if not ours.self_scan:
        assert ours.hosts is not None
        assert theirs["hosts"].count(":11333:") == len(ours.hosts)


@pytest.mark.parametrize("name", ["rspamd_proxy", "normal", "controller"])
def test_workers_listen_on_the_same_sockets(tree: Tree, name: str) -> None:
    (theirs,) = tree.rspamd.workers(name)
    (ours,) = [w for w in tree.config.workers if type(w) is WORKER_TYPES[name]]
    expected = {_endpoint(socket) for socket in ours.bind_socket if isinstance(socket, TcpSocket)}
    assert set(theirs["bind_socket"]) == expected
    assert theirs.get("enabled", True) == ours.active


def _endpoint(socket: TcpSocket) -> str:
    host = f"[{socket.address}]" if ":" in socket.address else socket.address
    return f"{host}:{socket.port}"


def test_the_local_networks_are_the_same(tree: Tree) -> None:
    theirs = tree.rspamd.dump()["options"]["local_networks"]
    local = tree.config.options
    assert theirs
    for network in map(ip_network, theirs):
        assert local.is_local(network[0])
        assert local.is_local(network[-1])
    assert not local.is_local("198.51.100.1")


def test_rspamd_accepts_every_file_the_role_can_write(tmp_path: Path) -> None:
    trees = rendered_tree.render(tmp_path / "x", site="single_host", **ALL_SWITCHES)
    rspamd = lay_over_stock(trees / "solo", tmp_path / "etc")
    assert "syntax OK" in rspamd.adm("configtest")
    dumped = rspamd.dump()
    assert dumped["hfilter"]["enabled"] is False
    assert dumped["mx_check"]["enabled"] is True
    assert dumped["logging"]["type"] == "file"
    assert dumped["classifier"]["bayes"]["min_learns"] == 10
    assert dumped["settings"]["authenticated"]["apply"]["groups_enabled"] == ["dkim"]
