"""Either filter asks and teaches the other's fuzzy storage, sealed and not.

The real Rspamd, this engine's worker and client, and a Redis of their own run on loopback. One
keeps the hashes, the other teaches it and asks; a near-duplicate is known as well.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.ports import free_port
from support.redis_server import PROGRAM, RedisServer

from filter_engine.checks.fuzzy_check.options import FuzzyCheckOptions
from filter_engine.checks.fuzzy_check.rule import Rule
from filter_engine.config.collector import Collector
from filter_engine.config.layers import Layers
from filter_engine.config.model import Config
from filter_engine.config.schema import bind
from filter_engine.config.workers import FuzzyConfig
from filter_engine.dns.table import TableResolver
from filter_engine.fuzzy.hashes import Texts, hashes_of
from filter_engine.fuzzy.protocol import Command
from filter_engine.message import Message
from filter_engine.scan.exchange import Exchange, Reply
from filter_engine.scan.setup import Setup
from filter_engine.scan.verdict import Finding
from filter_engine.store.client import StoreClient
from filter_engine.streams.client import StreamClient
from filter_engine.ucl import parse
from filter_engine.workers.fuzzy import FuzzyWorker

from .live import Rspamd

if shutil.which("rspamd") is None or PROGRAM is None:
    pytest.skip("no rspamd or no redis-server", allow_module_level=True)

_PRIVATE = "ekd3x36tfa5gd76t6pa8hqif3ott7n1siuux68exbkk7ukscte9y"
_PUBLIC = "m8kneubpcjsb8sbsoj7jy7azj9fdd3xmj63txni86a8ye9ncomny"
_KEYS = f'keypair {{ privkey = "{_PRIVATE}"; pubkey = "{_PUBLIC}"; }}'
_TEXT = (
    "Dear customer, our company is selling splendid watches at very low prices and we would like "
    "to invite you to visit our shop before the end of the month. Every purchase comes with a "
    "guarantee, free shipping and a present that will surprise your whole family. Write to us or "
    "call us now, because the number of pieces is limited and the competition never sleeps. We "
    "accept cards and cash; a hundred euros buy all that you can carry away from the warehouse."
)


def _mail(text: str) -> bytes:
    return (
        "From: a@client.example\r\nTo: b@home.example\r\nSubject: watches\r\n"
        "Message-ID: <1@client.example>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


_NEAR = _mail(_TEXT.replace("splendid watches", "fine clocks"))


def _rule(port: int, sealed: bool) -> str:
    key = f'encryption_key = "{_PUBLIC}";' if sealed else ""
    return (
        f'rule "local" {{ algorithm = "mumhash"; servers = "127.0.0.1:{port}"; {key} '
        'symbol = "FUZZY_UNKNOWN"; max_score = 10; mime_types = ["*"]; read_only = no; '
        "fuzzy_map = { FUZZY_DENIED { flag = 1; max_score = 10; } } }"
    )


_MAIN = """
redis {{ servers = "{redis}"; timeout = 20s; }}
options {{ filters = "fuzzy_check"; dns {{ nameserver = "127.0.0.1:9"; timeout = 0.1s; }} }}
logging {{ type = "console"; level = "info"; }}
metric {{ name = "default"; actions {{ reject = 100500; }} unknown_weight = 1; }}
worker {{ type = normal; bind_socket = "127.0.0.1:{normal}"; count = 1; }}
worker {{ type = controller; bind_socket = "127.0.0.1:{controller}"; count = 1;
  secure_ip = ["127.0.0.1"]; }}
worker {{ type = fuzzy; bind_socket = "127.0.0.1:{storage}"; count = 1; backend = redis;
  allow_update = ["127.0.0.1"]; sync = 1s; {keys} }}
fuzzy_check {{ min_bytes = 0; timeout = 2s; retransmits = 5; {rule} }}
"""


class Theirs:
    """Rspamd with a storage and little else, asking the storage at ``asked``, or its own."""

    def __init__(self, folder: Path, redis: RedisServer, asked: int, sealed: bool) -> None:
        self.storage, self._controller = free_port(), free_port()
        main = folder / "rspamd.conf"
        self._rspamd = Rspamd(main=main)
        main.write_text(
            _MAIN.format(
                redis=redis.name,
                normal=self._rspamd.port,
                controller=self._controller,
                storage=self.storage,
                keys=_KEYS,
                rule=_rule(asked or self.storage, sealed),
            )
        )
        self._rspamd.__enter__()

    def close(self) -> None:
        self._rspamd.__exit__()

    def teach(self, raw: bytes) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._controller, timeout=30)
        connection.request("POST", "/fuzzyadd", raw, {"Flag": "1", "Weight": "10"})
        said = json.loads(connection.getresponse().read())
        assert said["success"], said
        connection.close()

    def says(self, raw: bytes) -> list[str]:
        symbols = json.loads(self._rspamd.ask(raw, {}))["symbols"]
        found: list[str] = symbols.get("FUZZY_DENIED", {}).get("options", [])
        return found


class Ours:
    """This engine's storage, and its client asking the storage at ``asked``."""

    def __init__(self, redis: RedisServer) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self._sock.setblocking(False)
        self.storage: int = self._sock.getsockname()[1]
        store = f'servers = "{redis.name}"; timeout = 20s;'
        text = f'count = 1; {store} allow_update = ["127.0.0.1"]; {_KEYS}'
        binder = Collector(Layers({}))
        self._config = bind(FuzzyConfig, parse(text), binder, "worker 'fuzzy'")
        self._runner = asyncio.Runner()
        loop = self._runner.get_loop()
        self._stores = StoreClient(TableResolver({}))
        self._stores.open(loop)
        self._streams = StreamClient(TableResolver({}))
        self._streams.open(loop)
        worker = FuzzyWorker(self._config, Config(), self._stores)
        self._runner.run(worker.start([self._sock]))

    def close(self) -> None:
        self._stores.close()
        self._streams.close()
        self._sock.close()
        self._runner.close()

    def serve(self, seconds: float) -> None:
        """Let the storage answer for a while."""
        self._runner.run(asyncio.sleep(seconds))

    def while_asked(self, work: object, *args: object) -> object:
        """Run what blocks in a thread, the storage answering."""
        return self._runner.run(self._threaded(work, args))

    async def _threaded(self, work: object, args: tuple[object, ...]) -> object:
        assert callable(work)
        return await asyncio.to_thread(work, *args)

    def _ask(self, exchange: Exchange) -> Reply:
        return self._runner.run(self._exchanged(exchange))

    async def _exchanged(self, exchange: Exchange) -> Reply:
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._streams.exchange(exchange, future.set_result)
        return await future

    def rule(self, asked: int, sealed: bool) -> Rule:
        text = f"min_bytes = 0; timeout = 10s; retransmits = 5; {_rule(asked, sealed)}"
        options = bind(FuzzyCheckOptions, parse(text), Collector(Layers({})), "fuzzy_check")
        return Rule("local", options.rule["local"], options, Setup(Config()))

    def teach(self, rule: Rule, raw: bytes) -> None:
        hashes = hashes_of(Texts(Message(raw)), rule.policy, rule.hashing)
        asked = rule.teach(Command.WRITE, hashes, 1, 10)
        assert asked is not None
        reply = self._ask(asked.exchange)
        assert all(one.found for one in rule.replies(asked, reply, taught=True).values()), reply

    def says(self, rule: Rule, raw: bytes) -> list[Finding]:
        hashes = hashes_of(Texts(Message(raw)), rule.policy, rule.hashing)
        asked = rule.ask(hashes, b"")
        assert asked is not None
        return list(rule.findings(asked, self._ask(asked.exchange), long_text=True))


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("fuzzy") / "redis") as server:
        yield server


@pytest.fixture(scope="module")
def ours(redis: RedisServer) -> Iterator[Ours]:
    found = Ours(redis)
    yield found
    found.close()


@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_rspamd_keeps_what_this_engine_teaches_and_asks(
    tmp_path: Path, redis: RedisServer, ours: Ours, sealed: bool
) -> None:
    redis.say("FLUSHALL")
    theirs = Theirs(tmp_path, redis, 0, sealed)
    try:
        rule = ours.rule(theirs.storage, sealed)
        assert ours.says(rule, _mail(_TEXT)) == []
        ours.teach(rule, _mail(_TEXT))
        end = time.monotonic() + 20
        while not (found := ours.says(rule, _mail(_TEXT))) and time.monotonic() < end:
            ours.serve(0.2)  # Rspamd writes once a second
        assert found[0].symbol == "FUZZY_DENIED"
        assert found[0].options[0].endswith(":1.00:txt")
        assert found[0].weight == pytest.approx(0.9913, abs=0.001)
        (near,) = ours.says(rule, _NEAR)
        (digest,) = theirs.says(_mail(_TEXT))
        assert digest == found[0].options[0]
        # Rspamd's own client on the same storage comes to the same share
        assert theirs.says(_NEAR) == [near.options[0]]
    finally:
        theirs.close()


@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_this_engine_keeps_what_rspamd_teaches_and_asks(
    tmp_path: Path, redis: RedisServer, ours: Ours, sealed: bool
) -> None:
    redis.say("FLUSHALL")
    theirs = Theirs(tmp_path, redis, ours.storage, sealed)
    try:
        assert ours.while_asked(theirs.says, _mail(_TEXT)) == []
        ours.while_asked(theirs.teach, _mail(_TEXT))
        (exact,) = ours.while_asked(theirs.says, _mail(_TEXT))  # type: ignore[misc]
        assert str(exact).endswith(":1.00:txt")
        (near,) = ours.while_asked(theirs.says, _NEAR)  # type: ignore[misc]
        rule = ours.rule(ours.storage, sealed)
        assert [one.options[0] for one in ours.says(rule, _NEAR)] == [near]
    finally:
        theirs.close()
