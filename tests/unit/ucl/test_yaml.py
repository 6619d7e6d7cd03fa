"""The YAML form, read back by another implementation."""

from __future__ import annotations

import pytest
import yaml

from filter_engine.ucl import UclObject, UclScalar, emit_yaml, parse, parse_node, to_python


def test_layout() -> None:
    root = parse('a = 1; s { list = [x, [1], {}]; on = yes }; a = "b"; e {}; f = []')
    assert emit_yaml(root) == (
        'a:\n    - 1\n    - "b"\n'
        's:\n    list:\n        - "x"\n        -\n            - 1\n        - {}\n    "on": true\n'
        "e: {}\nf: []\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a = 1e300; b = 1e-300; c = 1.0; d = -0.5; e = 10s; f = 9223372036854775807",
        'a = "yes"; b = "1"; c = "null"; d = "~"; e = "1.5"; f = "2026-01-01"; g = "0x1f"',
        '"yes" = 1; "1" = 2; "null" = 3; "a: b" = 4; "#" = 5; "- x" = 6; "{" = 7',
        'a = "line\\nbreak\\ttab \\u0001\\u007f\\u0085\\u2028\\ufeff é 😀 \\"q\\" \\\\"',
        "a = <<EOD\n  one\n\ntwo\nEOD\n",
        "a { b { c { d = [[[1], 2], {e = 3}] } } }",
        "a = null; b = inf; c = -inf",
        f'"{"k" * 2000}" {{ a = 1 }}\n"{"l" * 2000}" = [1]',
    ],
    ids=lambda text: text[:20],
)
def test_another_reader_finds_the_same(text: str) -> None:
    root = parse(text)
    assert yaml.safe_load(emit_yaml(root)) == to_python(root)


def test_nan_and_other_outermost_values() -> None:
    found = yaml.safe_load(emit_yaml(UclObject({"a": [UclScalar(float("nan"))]})))
    assert found["a"] != found["a"]
    assert yaml.safe_load(emit_yaml(parse_node("[1, a]"))) == [1, "a"]
    assert yaml.safe_load(emit_yaml(parse_node("[]"))) == []
    assert yaml.safe_load(emit_yaml(UclScalar("a"))) == "a"
