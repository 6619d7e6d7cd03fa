"""How dnspython is loaded, each time in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LACKING = """
import sys
from importlib.machinery import PathFinder

class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name != "dns._features":
            return None
        spec = PathFinder.find_spec(name, path)
        run = spec.loader.exec_module
        def exec_module(module):
            run(module)
            del module.force
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Lacking())
"""
_USED = """
from filter_engine.dns.library import dns
query = dns.message.make_query("a.example", "A")
assert dns.message.from_wire(query.to_wire()).id == query.id
"""
_UNLOADED = "import sys; assert 'importlib.metadata' not in sys.modules\n"
_SOUND = """
import importlib.metadata
assert importlib.metadata.version("dnspython")
import dns._features
assert dns._features.importlib.metadata is importlib.metadata
"""


@pytest.mark.parametrize(
    "code",
    [
        _USED + _UNLOADED + _SOUND,
        "import importlib.metadata\n" + _USED + _SOUND,
        _LACKING + _USED + _SOUND + "assert not hasattr(dns._features, 'force')\n",
    ],
    ids=["without metadata", "metadata there before", "a version that cannot be told"],
)
def test_dnspython_is_whole_however_it_is_loaded(code: str) -> None:
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
