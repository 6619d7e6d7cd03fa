"""libucl's own basic tests: parse, emit, parse again, emit again, compare with the expected text.

The data is not part of this project; see ``CONFORMANCE_DIR``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance_data import DATA
from filter_engine.ucl import Document, emit, emit_json, parse, parse_file

_BASIC = DATA / "libucl" / "tests" / "basic"
_NAMES = sorted(path.stem for path in _BASIC.glob("*.in"))

if not _NAMES:
    pytest.skip(
        f"no libucl tests in {_BASIC}; set CONFORMANCE_DIR to run them", allow_module_level=True
    )

#: What libucl's test program registers.
_VARIABLES = {"ABI": "unknown"}


def _parse(name: str) -> Document:
    return parse_file(_BASIC / f"{name}.in", variables=_VARIABLES, lowercase_keys=True)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Relative includes are relative to the working directory; 14.in relies on there being nothing.
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", _NAMES)
def test_emits_what_libucl_emits(name: str) -> None:
    first = emit(_parse(name).root)
    second = emit(parse(first, lowercase_keys=True))
    expected = _BASIC / f"{name}.res"
    if expected.exists():
        text = expected.read_bytes().decode("utf-8", "surrogateescape")
        assert second + "\n" == text
    else:
        assert second == first


@pytest.mark.parametrize("name", _NAMES)
def test_json_holds_the_same(name: str) -> None:
    root = _parse(name).root
    if name == "22":  # a key that is not UTF-8: JSON cannot hold it, UCL does
        assert "\udcff" in root
        return
    assert json.loads(emit_json(root)) == json.loads(emit_json(root, compact=True))
    assert parse(emit_json(root), lowercase_keys=True).entries.keys() == root.entries.keys()


def test_all_of_them_are_here() -> None:
    assert len(_NAMES) == 26
