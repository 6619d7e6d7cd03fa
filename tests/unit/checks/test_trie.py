"""Fixed strings in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from filter_engine.checks.trie import TrieOptions, TrieRule
from filter_engine.config.findings import Severity
from filter_engine.config.loader import inspect

from .conftest import Scan

QUOTED = {"Content-Transfer-Encoding": "quoted-printable"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (TrieRule(patterns=("caf\u00e9",)), 1),
        (TrieRule(patterns=("BUY NOW",)), 1),
        (TrieRule(patterns=("uy no",)), 1),
        (TrieRule(patterns=("lunch",)), 0),
        (TrieRule(patterns=("lunch",), raw=True), 1),
        (TrieRule(patterns=("=C3=A9",)), 0),
        (TrieRule(patterns=("=C3=A9",), body=True), 1),
        (TrieRule(patterns=("a",)), 1),
        (TrieRule(patterns=("now", "buy")), 1),
        (TrieRule(patterns=("now", "buy"), multi=True), 3),
        (TrieRule(lines=("b.y",)), 0),
    ],
)
def test_where_strings_are_found(scan: Scan, rule: TrieRule, expected: int) -> None:
    options = TrieOptions(rules={"SITE": rule})
    found = scan("trie", QUOTED, "buy now, caf=C3=A9, now\n", options=options)
    assert len(found.get("SITE", [])) == expected
    assert all(finding.evidence and finding.options for finding in found.get("SITE", []))


def test_strings_of_a_file(scan: Scan, tmp_path: Path) -> None:
    (tmp_path / "words").write_text("hello\n\nbye\n")
    (tmp_path / "local.d").mkdir()
    conf = tmp_path / "local.d" / "trie.conf"
    conf.write_text(f'SITE {{ file = "{tmp_path}/words"; score = 2.0; }}\n')
    variables = {"LOCAL_CONFDIR": str(tmp_path)}
    found = inspect(None, variables, {}, modules={"trie": TrieOptions})
    assert found.config is not None
    options = found.config.modules["trie"]
    assert scan("trie", options=options).keys() == {"SITE"}
    conf.write_text('SITE { file = "/nowhere/words"; }\n')
    (finding,) = inspect(None, variables, {}, modules={"trie": TrieOptions}).findings
    assert finding.severity is Severity.ERROR
    assert "cannot read /nowhere/words" in finding.message
