"""Commands start fast: what only a scan needs is not loaded by declaring the checks."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

#: Libraries that cost more than a few milliseconds to load.
DEAR = (
    "aiohttp",
    "asyncio",
    "cryptography",
    "dkim",
    "dns",
    "email.utils",
    "http.client",
    "httptools",
    "hyperscan",
    "jinja2",
    "msgpack",
    "nacl",
    "numpy",
    "publicsuffixlist",
    "regex",
    "selectolax",
    "ssl",
    "uvloop",
)

PROGRAM = """
import json, sys
import filter_engine.cli.{module}
from filter_engine import checks
checks.load()
print(json.dumps([name for name in {dear!r} if name in sys.modules]))
"""


@pytest.mark.parametrize("module", ["config", "configdump", "configtest"])
def test_nothing_dear_is_loaded_to_read_a_configuration(module: str) -> None:
    program = PROGRAM.format(module=module, dear=DEAR)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert json.loads(done.stdout) == []


def test_the_service_loads_no_web_server_before_it_forks() -> None:
    """What the controller alone needs (16 MB) is in no scanner's memory."""
    program = PROGRAM.format(module="serve", dear=("aiohttp",))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert json.loads(done.stdout) == []
