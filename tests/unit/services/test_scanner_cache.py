"""What scanners said before is read from Redis, under the keys and in the words of Rspamd."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from filter_engine.checks.services.contents import EICAR
from redis_server import PROGRAM, RedisServer
from stream_server import daemon, nobody

from .test_antivirus import Clamd, clamav, options, with_attachment

Scan = Callable[..., Any]
PART = b"MZ binary VIRUS-A"
KEY = (
    "rs_clamav_e8b476015491a52f1ad46e8aa65798dd5d0253c0340aaf61168f009c91276e80"
    "a0f81cb98d025b18874ca06c98874485e071f6c87c96fdfe8793f0b0f1e4e94c"
)
"""The key under which Rspamd 3.4 kept what clamd had said of ``PART``."""


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in an event loop of its own."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    if PROGRAM is None:
        pytest.skip("no redis-server")
    with RedisServer(tmp_path / "redis") as server:
        yield server


def files(redis: RedisServer, servers: object, more: str = "") -> dict[str, str]:
    return {
        **clamav(servers, more),
        "redis.conf": f'servers = "{redis.name}"; timeout = 20s;',
        "greylist.conf": "enabled = false;",
        "history_redis.conf": "enabled = false;",
    }


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Eicar-Test\t1\trun.bin", {"CLAM_VIRUS": ("Eicar-Test",)}),
        ("One\vTwo\t1", {"CLAM_VIRUS": ("One", "Two")}),
        ("Old", {"CLAM_VIRUS": ("Old",)}),
        ("ENCRYPTED\t1", {"CLAM_VIRUS_ENCRYPTED": ("File is encrypted",)}),
        ("MACRO\t1", {"CLAM_VIRUS_MACRO": ("File contains macros",)}),
        ("OK\t1\trun.bin", {}),
        ("Bad\tnan", {"CLAM_VIRUS": ("Bad",)}),
    ],
)
@in_loop
async def test_what_rspamd_kept_is_read_and_nobody_asked(
    redis: RedisServer, scan: Scan, said: str, found: dict[str, tuple[str, ...]]
) -> None:
    redis.say("SET", KEY, said)
    verdict = await scan(with_attachment(PART), files=files(redis, nobody()))
    names = ("CLAM_VIRUS", "CLAM_VIRUS_ENCRYPTED", "CLAM_VIRUS_MACRO", "CLAM_VIRUS_FAIL")
    assert {name: options(verdict, name) for name in names if options(verdict, name)} == found


@pytest.mark.parametrize(
    ("finds", "more", "kept"),
    [
        ({}, "", b"$4\r\nOK\t1\r\n"),
        ({"VIRUS-A": "Eicar-Test"}, "", b"$12\r\nEicar-Test\t1\r\n"),
        ({"VIRUS-A": "Eicar-Test"}, "show_attachments = true", b"$18\r\nEicar-Test\t1\ta.bin\r\n"),
        ({"VIRUS-A": "Heuristics.Encrypted.Zip"}, "", b"$11\r\nENCRYPTED\t1\r\n"),
        ({"VIRUS-A": "Heuristics.OLE2.ContainsMacros.VBA"}, "", b"$7\r\nMACRO\t1\r\n"),
        ({"VIRUS-A": "Heuristics.Limits.Exceeded.X"}, "", b"$-1\r\n"),
        ({}, "no_cache = true", b"$-1\r\n"),
        ({}, "cache_expire = 0", b"$-1\r\n"),
    ],
)
@in_loop
async def test_what_is_kept(
    redis: RedisServer, scan: Scan, finds: dict[str, str], more: str, kept: bytes
) -> None:
    async with daemon(Clamd(**finds)) as servers:
        await scan(with_attachment(PART), files=files(redis, servers, more))
    assert redis.say("GET", KEY) == kept
    if kept != b"$-1\r\n":
        left = int(redis.say("TTL", KEY)[1:])
        assert 3590 < left <= 3600


@in_loop
async def test_the_second_mail_asks_for_what_is_new_alone(redis: RedisServer, scan: Scan) -> None:
    clamd = Clamd()
    async with daemon(clamd) as servers:
        site = files(redis, servers, 'prefix = "av:"; cache_expire = 100')
        first = await scan(with_attachment(EICAR, b"\0one"), files=site)
        second = await scan(with_attachment(EICAR, b"\0one", b"\0two"), files=site)
        redis.stop(hard=True)
        away = await scan(with_attachment(EICAR), files=site)
    assert (
        options(first, "CLAM_VIRUS") == options(second, "CLAM_VIRUS") == ("Win.Test.EICAR_HDB-1",)
    )
    assert options(away, "CLAM_VIRUS") == ("Win.Test.EICAR_HDB-1",)
    assert options(away, "STORE_FAIL") is not None
    assert sorted(clamd.scanned) == sorted([EICAR, b"\0one", b"\0two", EICAR])
    assert any("known before" in text for text in second.symbol("CLAM_VIRUS").evidence)


@in_loop
async def test_of_whole_messages_and_servers_of_its_own(redis: RedisServer, scan: Scan) -> None:
    clamd = Clamd(**{"VIRUS-A": "Eicar-Test"})
    async with daemon(clamd) as servers:
        site = files(redis, servers, "scan_mime_parts = false")
        site["antivirus.conf"] += f'redis {{ servers = "{redis.name}"; timeout = 20s; }}'
        site["redis.conf"] = 'servers = "127.0.0.1:9"; disabled_modules = [antivirus];'
        for _ in range(2):
            verdict = await scan(b"Subject: x\r\n\r\nVIRUS-A\r\n", files=site)
            assert options(verdict, "CLAM_VIRUS") == ("Eicar-Test",)
    assert len(clamd.scanned) == 1
    (key,) = (word for word in redis.say("KEYS", "rs_clamav_*").split() if word.startswith(b"rs_"))
    assert len(key) == len("rs_clamav_") + 32
