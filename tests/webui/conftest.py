"""A running filter with some mail behind it, and a browser."""

from __future__ import annotations

import http.client
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.workers.engine import COMMAND, MESSAGE, SPAM, Engine

from browser import CHROMIUM, DRIVER, Browser
from redis_server import PROGRAM, RedisServer

READ, CHANGE = "may-only-look-1", "may-change-all-2"
PICTURES = Path(os.environ.get("WEBUI_PICTURES", ".cache/webui")).absolute()


def _missing() -> str:
    wanted = {"chromium": CHROMIUM, "chromedriver": DRIVER, "redis-server": PROGRAM}
    return ", ".join(name for name, path in wanted.items() if path is None)


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    if _missing():
        pytest.skip(f"not on this machine: {_missing()} (make setup installs them)")
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def engine(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One filter for all pages; two mails were scanned."""
    running = Engine(
        tmp_path_factory.mktemp("webui") / "e",
        {
            "redis.conf": f'servers = "{redis.name}"; timeout = 20s;',
            "greylist.conf": "enabled = false;",
            "history_redis.conf": "subject_privacy = false;",
            "multimap.conf": (
                'friends { type = "from"; map = "$LOCAL_CONFDIR/local.d/friends.map";'
                ' symbol = "FRIENDS"; score = -1.0; }'
            ),
            "friends.map": "carol@friends.example\n",
        },
    )
    running.write(
        "worker-controller.inc",
        f'bind_socket = "127.0.0.1:{running.controller}"; secure_ip = [];\n'
        f'password = "{READ}"; enable_password = "{CHANGE}";',
    )
    (running.directory / "db").mkdir()
    running.command = (*COMMAND, f"--var=DBDIR={running.directory / 'db'}")
    try:
        running.start()
        for mail in (MESSAGE, SPAM, HOSTILE):
            scan(running, mail)
        yield running
    finally:
        running.close()


HOSTILE = MESSAGE.replace(b"hello", b"<img src=x onerror=document.title='owned'>")


def scan(engine: Engine, mail: bytes) -> None:
    """Have a mail scanned as a mail server would."""
    connection = http.client.HTTPConnection("127.0.0.1", engine.normal, timeout=120)
    headers = {"IP": "203.0.113.5", "From": "alice@client.example", "Rcpt": "bob@home.example"}
    connection.request("POST", "/checkv2", mail, headers)
    assert connection.getresponse().status == 200
    connection.close()


@pytest.fixture(scope="session")
def chromium(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    running = Browser(tmp_path_factory.mktemp("chromium"), PICTURES)
    yield running
    running.close()


@pytest.fixture
def browser(chromium: Browser, engine: Engine) -> Browser:
    """Logged in, with the right to change things."""
    chromium.open(f"http://127.0.0.1:{engine.controller}/")
    chromium.driver.execute_script("sessionStorage.clear(); localStorage.clear();")
    chromium.driver.refresh()
    log_in(chromium, CHANGE)
    chromium.see("Scanned")
    chromium.complaints()
    return chromium


def log_in(browser: Browser, password: str) -> None:
    """By the form."""
    browser.see("Log in")
    browser.fill("#password", password)
    browser.press("Log in")
