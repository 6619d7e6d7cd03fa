"""Every configuration of Rspamd's own functional tests is read, with the variables they set.

The data is not part of this project; see ``CONFORMANCE_DIR``.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance_data import DATA
from filter_engine.ucl import (
    UclError,
    emit,
    emit_json,
    emit_yaml,
    parse,
    parse_file,
    to_python,
)

_TESTS = DATA / "rspamd" / "test" / "functional"
_CONFIGS = _TESTS / "configs"
_FILES = sorted(_CONFIGS.rglob("*.conf"))

if not _FILES:
    pytest.skip(f"no configurations in {_CONFIGS}; set CONFORMANCE_DIR", allow_module_level=True)

_REFUSED = {
    "dynamic.conf": "an array where a section is expected",  # JSON of the dynamic configuration
    "fuzzy_html_test.conf": "cannot find",  # includes a file that the folder does not have
    "nginx.conf": "a key cannot begin with '$'",  # not Rspamd's but a web server's
    "redis-server.conf": "a key cannot begin with '$'",  # not Rspamd's but a Redis server's
}
"""Files that are no configuration of Rspamd by themselves, and the error they give."""


def _environ() -> dict[str, str]:
    """All variables the configurations ask for: numbers fit everywhere but in
    ``SETTINGS_*``, which stand for whole options."""
    names = {name for path in _FILES for name in re.findall(r"env\.([A-Z0-9_]+)", path.read_text())}
    values = {f"RSPAMD_{name}": "" if name.startswith("SETTINGS_") else "5" for name in names}
    files = {"RSPAMD_TESTDIR": str(_TESTS), "RSPAMD_FUZZY_INCLUDE": str(_CONFIGS / "empty.conf")}
    return values | files


_VARIABLES = {
    "CONFDIR": str(DATA / "rspamd" / "conf"),
    "LOCAL_CONFDIR": "/nonexistent",
    "DBDIR": "/nonexistent",
}


@pytest.mark.parametrize("path", _FILES, ids=lambda path: str(path.relative_to(_CONFIGS)))
def test_configuration_is_read(path: Path) -> None:
    if path.name in _REFUSED:
        with pytest.raises(UclError) as caught:
            parse_file(path, variables=_VARIABLES, environ=_environ())
        assert _REFUSED[path.name] in caught.value.message
        return
    root = parse_file(path, variables=_VARIABLES, environ=_environ()).root
    assert len(root) > 0 or path.name == "empty.conf"
    assert parse(emit(root)) == root
    assert to_python(parse(emit_json(root))) == to_python(root)
    assert emit_yaml(root)


@pytest.mark.parametrize(("value", "present"), [("true", True), ("", False)])
def test_a_condition_of_a_template(value: str, present: bool) -> None:
    environ = _environ() | {"RSPAMD_STATS_PER_USER": value}
    root = parse_file(_CONFIGS / "stats.conf", variables=_VARIABLES, environ=environ).root
    assert ("get_principal_recipient" in emit(root)) is present
