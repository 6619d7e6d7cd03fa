"""Where statements begin and end, held against what the parser reads."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conformance_data import DATA
from filter_engine.importers.statements import line_of, statements, without_macros
from filter_engine.ucl import UclError, UclObject, emit, parse

TEXT = """\
# a { b = 1; }
.include(try=true; priority=1) "$LOCAL_CONFDIR/x;y.conf"
one = 1; two = "a;}\\"b" ; /* three = 3; /* nested */ */
upstream "scan" 'x' { hosts = "h"; inner { deep = [ { k = "]" } # ]
  ]; } }
text = <<EOD
four = 4;
EOD
path = ${DIR}/x{1}; last = a b c
"""


def test_keys_spans_and_lines() -> None:
    top = statements(TEXT)
    assert [found.key for found in top] == [
        ".include", "one", "two", "upstream", "text", "path", "last",
    ]  # fmt: skip
    assert [TEXT[found.start : found.end] for found in top][1:3] == [
        "one = 1;",
        'two = "a;}\\"b" ;',
    ]
    assert top[3].names == ("scan", "x")
    assert [child.key for child in top[3].children] == ["hosts", "inner"]
    assert [line_of(TEXT, found.start) for found in top] == [2, 3, 3, 4, 6, 9, 9]


def test_macros_become_blanks() -> None:
    text = 'a = 1;\nb { .include "x"\n c = 2; }\n'
    assert emit(parse(without_macros(text))) == emit(parse("a = 1; b { c = 2; }"))


def _keys(node: UclObject) -> set[tuple[str, int]]:
    found = set()
    for key, values in node.entries.items():
        for value in values:
            found.add((key, value.origin.line))
            if isinstance(value, UclObject):
                found |= _keys(value)
    return found


STOCK = sorted((DATA / "rspamd" / "conf").rglob("*.conf")) if DATA.is_dir() else []


@pytest.mark.parametrize("path", STOCK, ids=lambda path: path.name)
def test_the_stock_tree_has_the_parser_s_keys(path) -> None:
    text = path.read_text()
    try:
        expected = {key for key, _ in _keys(parse(without_macros(text)))}
    except UclError:
        assert "{=" in text, "only a template does not parse by itself"
        return
    found = {
        key
        for top in statements(text)
        for one in top.walk()
        if not one.key.startswith(".")
        for key in (one.key, *one.names)
    }
    assert found == expected


@example('"\\;"<')
@given(st.text(alphabet="ab={}[]\"\\'#;,.<\n/*$( )", max_size=60))
def test_any_text_ends(text: str) -> None:
    end = 0
    for found in statements(text):
        assert end <= found.start < found.end <= len(text)
        end = found.end
    try:
        tree = parse(text)
    except UclError:
        return
    assert {one.key for one in statements(text)} == set(tree)
