"""Properties: what is emitted parses to the same; no input crashes, hangs or nests too deep."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filter_engine.ucl import (
    LIMITS,
    UclArray,
    UclError,
    UclNode,
    UclObject,
    UclScalar,
    emit,
    emit_json,
    emit_yaml,
    parse,
    to_python,
)
from filter_engine.ucl.limits import Budget
from filter_engine.ucl.template import render

_TEXT = st.text(st.characters(codec="utf-8"), max_size=120)
_SCALARS: st.SearchStrategy[UclNode] = st.one_of(
    st.builds(
        lambda value, style: UclScalar(value, style=style),
        _TEXT,
        st.sampled_from(["", '"', "'", "<<"]),
    ),
    st.builds(UclScalar, st.integers(-(2**63), 2**63 - 1)),
    st.builds(UclScalar, st.floats(allow_nan=False)),
    st.builds(UclScalar, st.booleans()),
    st.just(UclScalar(None)),
)
_KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


def _objects(nodes: st.SearchStrategy[UclNode]) -> st.SearchStrategy[UclObject]:
    return st.builds(
        UclObject, st.dictionaries(_KEYS, st.lists(nodes, min_size=1, max_size=3), max_size=5)
    )


_NODES: st.SearchStrategy[UclNode] = st.recursive(
    _SCALARS,
    lambda nodes: st.one_of(st.builds(UclArray, st.lists(nodes, max_size=4)), _objects(nodes)),
    max_leaves=20,
)


@given(_objects(_NODES))
@example(UclObject({"k": [UclScalar("a\nEOD\nb" * 30, style="<<")]}))
@example(UclObject({"k": [UclScalar("x\\", style="'"), UclScalar("\\'", style="'")]}))
@example(UclObject({".include": [UclScalar("$x")]}))
def test_what_is_emitted_parses_to_the_same(root: UclObject) -> None:
    assert parse(emit(root)) == root


@given(_objects(_NODES))
def test_json_is_ucl_and_json(root: UclObject) -> None:
    for compact in (False, True):
        text = emit_json(root, compact=compact)
        json.loads(text)
        finite = "null" not in text  # an infinite number has no JSON form
        assert not finite or to_python(parse(text)) == to_python(root)


@settings(max_examples=50)
@given(_objects(_NODES))
@example(UclObject({"yes": [UclScalar("no")], "k" * 1100: [UclScalar(1e20), UclArray([])]}))
def test_yaml_is_read_the_same_by_another_reader(root: UclObject) -> None:
    assert yaml.safe_load(emit_yaml(root)) == to_python(root)


_WORDS = st.text("abcxyz'\"|()[]{}.,:=~<>#%-+*/^ 0123456789\n", max_size=30)
_TAGS = st.one_of(
    _WORDS,
    _WORDS.map(lambda word: f"{{= {word} =}}"),
    _WORDS.map(lambda word: f"{{% if {word} %}}"),
    _WORDS.map(lambda word: f"{{% for x in {word} %}}"),
    st.sampled_from(["{% endif %}", "{% endfor %}", "{% else %}", "{# x #}", "{= env.X =}"]),
)


@given(st.lists(_TAGS, max_size=8).map("".join))
def test_any_template_renders_or_raises_ucl_error(text: str) -> None:
    with suppress(UclError):
        rendered = render(text, "x.conf", {"X": "1"}, {}, Budget())
        if rendered.positions is not None:
            origins = [rendered.positions.original(pos) for pos in range(len(rendered.text) + 1)]
            assert all(0 <= origin <= len(text) for origin in origins)


_LONGER = (
    "/*",
    "*/",
    "<<EOD\n",
    "EOD",
    "\\u00",
    "key",
    "true",
    "10s",
    "1kb",
    "\x00",
    "é",
    "\udcff",
    ".include ",
    ".inherit ",
    ".priority 1",
)
_FRAGMENTS = st.sampled_from([*"{}[]()=:,;#\"'\\/*<$.\n\r\t -0x9eE", *_LONGER])


@settings(max_examples=300)
@given(st.lists(_FRAGMENTS, max_size=40).map("".join))
def test_any_text_parses_or_raises_ucl_error(text: str) -> None:
    with suppress(UclError):
        root = parse(text, macros="include" not in text)
        assert parse(emit(root)) == root


def _deep(opening: str) -> str:
    return f"a = {opening * 200_000}" if opening == "[" else "a {" * 200_000


@pytest.mark.parametrize(
    "text",
    [
        _deep("{"),
        _deep("["),
        "a " * 200_000 + "{",
        "a = [" + "1," * (LIMITS.values + 1),
        "a = 1;" * (LIMITS.values + 1),
        'a = "' + "x" * 1_000_000,
        "a = '" + "\\x" * 500_000,
        "/*" * 300_000,
        '/*"' * 300_000,
        "a = <<EOD\n" + "EOD \n" * 200_000,
        "x" * 1_000_000 + " = 1",
        'a = "' + "\\u" * 1_000_000 + '"',
    ],
    ids=lambda text: f"{text[:8]!r}",
)
def test_hostile_text_is_refused_in_bounded_time(text: str) -> None:
    started = time.process_time()
    with pytest.raises(UclError) as caught:
        parse(text)
    assert time.process_time() - started < 15.0
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "a=" + "/" * 300_000,
        "a=x" + "{" * 300_000,
        "a 1\n" * 100_000,
        ("a " * 90 + "{}\n") * 300,
        "a=1" + ";" * 1_000_000,
        "#\n" * 500_000,
        'a="' + "$" * 1_000_000 + '"',
    ],
    ids=lambda text: f"{text[:8]!r}",
)
def test_odd_but_correct_text_is_read_in_bounded_time(text: str) -> None:
    started = time.process_time()
    parse(text, variables={"NAME": "value"})
    assert time.process_time() - started < 15.0
