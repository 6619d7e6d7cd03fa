"""``options.upstream``: a site's limits hold for the servers of every list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from support.ports import free_port

from filter_engine.config import load
from filter_engine.config.findings import ConfigError
from filter_engine.config.model import Config
from filter_engine.config.upstreams import Rotation, UpstreamList
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.exchange import Exchange, Reply
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import StoreAnswer
from filter_engine.scanner import Scanner, sections
from filter_engine.store.session import open_stores
from filter_engine.workers.process import loop_factory
from stream_server import nobody

from .conftest import MakeEngine
from .engine import SPAM, Engine, Mta
from .test_failover import proxy_only, response, scanner_that_says

Site = Callable[..., Config]
ONE = "upstream { max_errors = 1; revive_time = 1h; }"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    def made(**files: str) -> Config:
        (tmp_path / "local.d").mkdir()
        for name, text in files.items():
            (tmp_path / "local.d" / name.replace("__", ".")).write_text(text)
        return load(None, {"LOCAL_CONFDIR": str(tmp_path)}, {}, modules=sections(REGISTRY))

    return made


@pytest.mark.parametrize(("limits", "alive"), [("", True), (ONE, False)], ids=["stock", "one"])
def test_resolvers_and_services(site: Site, limits: str, *, alive: bool) -> None:
    """After one error a server is dead, where the site says so."""
    first = free_port()
    servers = f'"master-slave:127.0.0.1:{first}:40,127.0.0.1:{free_port()}:20"'
    dns = f"dns {{ nameserver = {servers}; timeout = 50ms; retransmits = 1; }}"
    scanner = Scanner(site(options__inc=f"{dns}\n{limits}"))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        scanner.open(loop)
        assert scanner.transport is not None
        try:
            answered: asyncio.Future[DnsAnswer] = loop.create_future()
            scanner.transport.ask(DnsQuestion("n.example", "A"), answered.set_result)
            scanner.transport.flush()
            assert (await answered).status is DnsStatus.TEMPFAIL
            replied: asyncio.Future[Reply] = loop.create_future()
            both = UpstreamList((*nobody(), *nobody()), Rotation.SEQUENTIAL)
            question = Exchange(both, b"?", service="antivirus")
            scanner.transport.exchange(question, replied.set_result)
            assert not (await replied).ok
            standings = [(one.service, one.up) for one in scanner.standings()]
        finally:
            scanner.close()
        assert standings == [
            *(("dns", alive), ("dns", alive)),  # both were asked
            *(("antivirus", alive), ("antivirus", True)),
        ]

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main())


@pytest.mark.parametrize(("limits", "told"), [("", 0), (ONE, 1)], ids=["stock", "one"])
def test_redis(site: Site, limits: str, told: int, caplog: pytest.LogCaptureFixture) -> None:
    config = site(options__inc=limits, redis__conf=f'servers = "127.0.0.1:{free_port()}";')
    store = Setup(config).store("bayes")

    async def ask() -> StoreAnswer:
        with open_stores(config) as (_, stores):
            return await stores.answer(store.fields(b"RS", b"learns_spam"))

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert not runner.run(ask()).ok
    assert caplog.text.count("is left alone for a while") == told


def test_scanners(make_engine: MakeEngine, engine: Engine) -> None:
    proxy = make_engine()
    with scanner_that_says(response(b"500 Internal error", b"")) as (port, requests):
        proxy_only(proxy, f"127.0.0.1:{port}:30,127.0.0.1:{engine.normal}:20")
        proxy.write("options.inc", ONE)
        proxy.start()
        with Mta(proxy.proxy) as mta:
            for _ in range(3):
                assert mta.send(SPAM)[-1][0] == "y"
        assert len(requests) == 1


@pytest.mark.parametrize("wrong", ["max_errors = 0;", "revive_time = -1s;", "error_time = soon;"])
def test_limits_that_cannot_be_meant_are_refused(site: Site, wrong: str) -> None:
    with pytest.raises(ConfigError, match=rf"options\.upstream\.{wrong.split()[0]}"):
        site(options__inc=f"upstream {{ {wrong} }}")
