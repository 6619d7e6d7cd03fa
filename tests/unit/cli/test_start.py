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

#: What libraries and ways that are not taken bring with them.
SPARED = (
    "difflib",
    "dkim",
    "dns.resolver",
    "email",
    "importlib.metadata",
    "nacl",
    "pickle",
    "zipfile",
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
    """What others need is in no scanner's memory: with aiohttp it was 16 MB more."""
    program = PROGRAM.format(module="serve", dear=("aiohttp", *SPARED))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert json.loads(done.stdout) == []


def test_package_metadata_can_be_read_after_dnspython_was_loaded() -> None:
    program = (
        "import filter_engine.dns.client, sys; assert 'importlib.metadata' not in sys.modules;"
        "import importlib.metadata; print(importlib.metadata.version('dnspython'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split(b".")[0].isdigit()
