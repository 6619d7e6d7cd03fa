"""A proxy worker that refuses recipients whose bucket is full, over a real milter connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .engine import MESSAGE, Engine, Mta, until

FULL = 'y451 4.7.1 Ratelimit "to" exceeded'
ASKING = 0xFF080 & ~0x8000
RATES = """
backend = "sqlite"; max_rate_mult = 1; max_bucket_mult = 1;
rates { to { bucket { burst = 3; rate = "1 / 1d"; } } }
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(
        tmp_path,
        {
            "ratelimit.conf": RATES,
            "options.inc": 'dns { nameserver = "127.0.0.1:9"; timeout = 0.2s; retransmits = 1; }\n'
            "local_addrs = [];",
        },
    )
    made.command = (*made.command, f"--var=DBDIR={tmp_path}")
    yield made.start()
    made.close()


def send(mta: Mta, *recipients: str) -> list[str]:
    """The replies to the recipients, and the last one."""
    said = []
    mta.say("M", b"<alice@client.example>\0")
    for name in recipients:
        mta.say("R", f"<{name}@home.example>\0".encode())
        command, text = mta.receive()
        said.append(command + text.rstrip(b"\0").decode())
    mta.say("T")
    mta.content(MESSAGE)
    mta.say("E")
    while (command := mta.receive()[0]) not in "aty":
        pass
    return [*said, command]


def test_a_full_bucket_refuses_its_recipient_alone(engine: Engine) -> None:
    mta = Mta(engine.proxy, granted=ASKING)
    for _ in range(3):
        assert send(mta, "bob") == ["c", "a"]
    until(lambda: send(mta, "bob", "x")[0] != "c", "a full bucket")
    assert send(mta, "bob", "postmaster") == [FULL, "c", "a"]
    log = engine.log.read_text()
    assert "rcpts: <postmaster@home.example>" in log


def test_the_mta_hangs_up_while_it_waits(engine: Engine) -> None:
    mta = Mta(engine.proxy, granted=ASKING)
    mta.say("M", b"<alice@client.example>\0")
    mta.say("R", b"<bob@home.example>\0")
    mta.say("A")
    mta.say("M", b"<alice@client.example>\0")
    mta.close()
    assert send(Mta(engine.proxy, granted=ASKING), "bob") == ["c", "a"]
