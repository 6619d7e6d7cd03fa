"""Whom a Redis instance follows when it starts: what Sentinels say, not what was written."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from redis_server import PROGRAM, RedisServer
from redis_tls import certificates

SCRIPT = Path(__file__).resolve().parents[3] / "roles/redis/files/redis-primary"
OWN, OTHER, THIRD = "10.0.0.1", "10.0.0.2", "10.0.0.3"


def written(*more: str, primary: str = OWN, announce: str = OWN) -> str:
    """What the role writes for a Sentinel."""
    lines = (
        "port 26379",
        "requirepass secret-of-sentinels",
        f"sentinel announce-ip {announce}",
        f"sentinel monitor bayes {primary} 6382 2",
        "sentinel down-after-milliseconds bayes 10000",
        *(f"sentinel known-replica bayes {address} 6382" for address in (OWN, OTHER, THIRD)),
        *more,
    )
    return "\n".join(lines) + "\n"


class Host:
    """The script with a host's files."""

    def __init__(self, module: ModuleType, folder: Path) -> None:
        self.module = module
        self.folder = folder

    def configure(self, text: str) -> None:
        (self.folder / "etc/sentinel.conf").write_text(text)

    def remember(self, text: str) -> None:
        (self.folder / "state/sentinel.conf").write_text(text)

    @property
    def state(self) -> list[str]:
        return (self.folder / "state/sentinel.conf").read_text().splitlines()

    def role(self) -> str:
        """What an instance starts with."""
        self.module.follow("bayes")
        return (self.folder / "run/redis-bayes/role.conf").read_text()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    loader = importlib.machinery.SourceFileLoader("redis_primary", str(SCRIPT))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    for name in ("etc", "state", "run/redis-bayes"):
        (tmp_path / name).mkdir(parents=True)
    module.CONFIG, module.RUN = tmp_path / "etc", tmp_path / "run"  # type: ignore[attr-defined]
    module.STATE = tmp_path / "state/sentinel.conf"  # type: ignore[attr-defined]
    return Host(module, tmp_path)


PROMOTED = f"sentinel monitor bayes {OTHER} 6382 2\nsentinel config-epoch bayes 3\n"


def test_before_any_promotion_the_site_decides(host: Host) -> None:
    host.configure(written())
    assert host.role() == ""
    host.configure(written(primary=OTHER))
    assert host.role() == f"replicaof {OTHER} 6382\n"


def test_a_promotion_that_was_written_down_stays(host: Host) -> None:
    host.configure(written())
    host.remember(PROMOTED)
    assert host.role() == f"replicaof {OTHER} 6382\n"


@pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
@pytest.mark.parametrize("tls", [False, True])
def test_what_another_sentinel_says_is_newer_than_what_was_written_down(
    host: Host, tmp_path: Path, tls: bool
) -> None:
    folder = certificates(tmp_path / "tls") if tls else None
    if folder is not None:
        (tmp_path / "etc/tls.conf").write_text(f"tls-ca-cert-file {folder}/tls-ca.pem\n")
    lines = (f"sentinel monitor bayes {THIRD} 6382 2", "sentinel config-epoch bayes 4")
    other = RedisServer(
        tmp_path / "other", lines, sentinel=True, password="secret-of-sentinels", tls=folder
    )
    known = f"sentinel known-sentinel bayes 127.0.0.1 {other.port} {'a' * 40}"
    host.configure(written(known))
    host.remember(PROMOTED)
    assert host.role() == f"replicaof {OTHER} 6382\n"
    with other:
        assert host.role() == f"replicaof {THIRD} 6382\n"
        if folder is not None:
            certificates(folder, password="of somebody else's site")
            assert host.role() == f"replicaof {OTHER} 6382\n"


def test_a_roll_out_undoes_no_promotion(host: Host) -> None:
    host.configure(written("sentinel known-sentinel bayes 10.0.0.2 26379 " + "b" * 40))
    host.remember(PROMOTED + "sentinel current-epoch 7\n")
    host.module.sentinel()  # type: ignore[attr-defined]
    assert f"sentinel monitor bayes {OTHER} 6382 2" in host.state
    assert "sentinel config-epoch bayes 3" in host.state
    assert "sentinel current-epoch 7" in host.state
    assert f"sentinel known-replica bayes {OTHER} 6382" not in host.state
    assert f"sentinel known-replica bayes {OWN} 6382" in host.state
    before = host.state
    host.module.sentinel()  # type: ignore[attr-defined]
    assert host.state == before


@pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
def test_the_sentinel_takes_what_it_is_given(host: Host, tmp_path: Path) -> None:
    start: Callable[[], None] = host.module.sentinel  # type: ignore[attr-defined]
    host.configure(written("sentinel myid " + "c" * 40))
    start()
    lines = [line for line in host.state if not line.startswith(("port", "requirepass"))]
    with RedisServer(tmp_path / "real", lines, sentinel=True) as server:
        server.until(b"num-slaves\r\n$1\r\n2", "SENTINEL", "MASTER", "bayes")


@pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
def test_a_sentinel_that_starts_again_gives_no_vote_twice(host: Host, tmp_path: Path) -> None:
    """Two would win one election, and each would promote."""
    host.configure(written("sentinel myid " + "c" * 40))
    host.module.sentinel()  # type: ignore[attr-defined]
    ask = ("SENTINEL", "IS-MASTER-DOWN-BY-ADDR", OWN, "6382")
    votes = []
    for folder, epoch, candidate in (
        ("first", 7, "a" * 40),
        ("again", 7, "b" * 40),
        ("next", 8, "b" * 40),
    ):
        place = tmp_path / folder
        lines = [line for line in host.state if not line.startswith(("port", "requirepass"))]
        with RedisServer(place, lines, sentinel=True) as server:
            said = server.say(*ask, str(epoch), candidate)
            votes.append(candidate.encode() in said)
        (written_down,) = place.glob("*.conf")
        host.remember(written_down.read_text())
        host.module.sentinel()  # type: ignore[attr-defined]
    assert votes == [True, False, True]


def test_an_instance_that_no_sentinel_watches_is_an_error(host: Host) -> None:
    host.configure(written())
    with pytest.raises(SystemExit, match="does not know the instance other"):
        host.module.follow("other")  # type: ignore[attr-defined]
