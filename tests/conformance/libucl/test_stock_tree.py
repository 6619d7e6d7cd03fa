"""Rspamd's stock configuration: every file parses, and so does the whole tree, fast.

The data is not part of this project; see ``CONFORMANCE_DIR``.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from conformance_data import DATA
from filter_engine.ucl import UclObject, emit, parse, parse_file

_CONF = DATA / "rspamd" / "conf"
#: maps.d holds lists of domains, one a line; they are no UCL, for libucl either.
_FILES = sorted(p for p in _CONF.rglob("*") if p.is_file() and p.parent.name != "maps.d")

if not _FILES:
    pytest.skip(
        f"no stock tree in {_CONF}; set CONFORMANCE_DIR to run this", allow_module_level=True
    )

_VARIABLES = {"CONFDIR": str(_CONF), "LOCAL_CONFDIR": "/nonexistent", "DBDIR": "/nonexistent"}


@pytest.mark.parametrize("path", _FILES, ids=lambda path: str(path.relative_to(_CONF)))
def test_file_parses(path: Path) -> None:
    root = parse_file(path, variables=_VARIABLES, environ={}).root
    assert parse(emit(root)) == root


def test_the_whole_tree_loads_in_time() -> None:
    started = time.process_time()
    document = parse_file(_CONF / "rspamd.conf", variables=_VARIABLES, environ={})
    assert time.process_time() - started < 1.0
    workers = [name for node in document.root.all("worker") for name in _keys(node)]
    assert workers[:4] == ["normal", "controller", "rspamd_proxy", "fuzzy"]
    actions = document.root.get("actions")
    assert isinstance(actions, UclObject)
    assert len(document.files) > 80


def _keys(node: object) -> list[str]:
    assert isinstance(node, UclObject)
    return list(node)
