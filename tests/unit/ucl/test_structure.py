"""Structure: keys, separators, nested keys, arrays, comments, positions, errors."""

from __future__ import annotations

import pytest

from filter_engine.ucl import UclArray, UclError, UclObject, parse, parse_node, to_python


def _read(text: str) -> object:
    return to_python(parse(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ("# only a comment", {}),
        ("a = 1; b: 2, c 3\nd = 4", {"a": 1, "b": 2, "c": 3, "d": 4}),
        ('{"a": 1, "b": [true, null]}', {"a": 1, "b": [True, None]}),
        ("{ a = 1 } b = 2", {"a": 1, "b": 2}),
        ("section { a = 1; }", {"section": {"a": 1}}),
        ('worker "normal" { count = 1 }', {"worker": {"normal": {"count": 1}}}),
        ("a b c { d = 1 }\ne = 2", {"a": {"b": {"c": {"d": 1}}}, "e": 2}),
        ("a b [1, 2]\nc = 3", {"a": {"b": [1, 2]}, "c": 3}),
        ("a b = {c = 1}; d = 2", {"a": {"b": {"c": 1}}, "d": 2}),
        ('a b = "x{y}"\nc = 3', {"a": {"b": "x{y}"}, "c": 3}),
        ("flag on;", {"flag": True}),
        ("a = [1 # one\n 2\n,,3]", {"a": [1, 2, 3]}),
        ("a = [\n # why\n 'x' # and\n\n /* more */ 'y'\n]", {"a": ["x", "y"]}),
        ("a = [{b = 1} {b = 2}, [3]]", {"a": [{"b": 1}, {"b": 2}, [3]]}),
        ("a { b = 1 } c { d = 2 }", {"a": {"b": 1}, "c": {"d": 2}}),
        ("key =\n  value\nother = 1", {"key": "value", "other": 1}),
        ("key /* why */ = /* what */ value /* end */ other = 1", {"key": "value", "other": 1}),
        ("a = 1 /* x /* y */ z */ b = 2", {"a": 1, "b": 2}),
        ('a = 1 /* "*/" */ b = 2', {"a": 1, "b": 2}),
        ("a = x{y}z[1]; b = 2", {"a": "x{y}z[1]", "b": 2}),
        ("url = http://h/p#frag\nb = 1", {"url": "http://h/p", "b": 1}),
        ('"quoted key" = 1', {"quoted key": 1}),
        (r'"a\"b" = 1', {'a"b': 1}),
        ("add-header.x/y_z = 1", {"add-header.x/y_z": 1}),
    ],
)
def test_documents(text: str, value: object) -> None:
    assert _read(text) == value


def test_a_key_written_twice_holds_both_values() -> None:
    root = parse("a = 1; b = 0; a = [2, 3]; a { c = 4 }")
    assert [to_python(node) for node in root.all("a")] == [1, [2, 3], {"c": 4}]
    assert [to_python(node) for node in root.values("a")] == [1, 2, 3, {"c": 4}]
    assert to_python(root) == {"a": [1, [2, 3], {"c": 4}], "b": 0}
    assert list(root) == ["a", "b"]


def test_named_sections_of_one_kind_stand_side_by_side() -> None:
    root = parse('worker "a" { x = 1 }\nworker "b" { x = 2 }')
    assert [to_python(node) for node in root.all("worker")] == [{"a": {"x": 1}}, {"b": {"x": 2}}]


def test_the_outermost_value_may_be_an_array() -> None:
    assert to_python(parse_node("[1, {a = 2}]")) == [1, {"a": 2}]
    with pytest.raises(UclError, match="array where a section"):
        parse("[1]")


def test_keys_keep_their_case_unless_asked() -> None:
    assert list(parse("Key = 1; key = 2")) == ["Key", "key"]
    assert parse("Key = 1; key = 2", lowercase_keys=True).all("key") != []


def test_every_value_knows_where_it_was_written() -> None:
    text = 'a = 1;\n\n  section "x" {\n\tb = [\n    2,\n    { c = 3 }\n  ]\n}\n'
    root = parse(text, "file.conf")

    def place(node: object) -> tuple[int, int]:
        assert isinstance(node, (UclObject, UclArray)) or hasattr(node, "origin")
        origin = node.origin  # type: ignore[union-attr]  # asserted above
        assert origin.file == "file.conf"
        return origin.line, origin.column

    assert place(root.get("a")) == (1, 1)
    section = root.get("section")
    assert isinstance(section, UclObject)
    assert place(section) == (3, 3)
    inner = section.get("x")
    assert isinstance(inner, UclObject)
    array = inner.get("b")
    assert isinstance(array, UclArray)
    assert place(array) == (4, 2)
    assert [place(item) for item in array] == [(5, 5), (6, 5)]


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ("a = 1\nsection{\n}", 2, 8, "unexpected '{' in the key 'section'", "section {"),
        ("a = 1\n b", 2, 2, "the key 'b' has no value", ""),
        ("a;", 1, 2, "the key 'a' has no value", "a = value;"),
        ("a = ;", 1, 5, "the value is missing", '""'),
        ("a == 1", 1, 4, "unexpected '='", ""),
        ("a = 1 }", 1, 7, "closes nothing", "one too many"),
        ("a {\n b = [1, 2\n}", 3, 1, "the value is missing", ""),
        ("a {\n b = 1\n", 3, 1, "opened at line 1 is never closed", ""),
        ("a = [1,\n2", 2, 2, "opened at line 1 is never closed", "]"),
        ('a = "x\nb = 1', 1, 7, "a newline in a quoted string", "missing"),
        ('a = "x\ty"', 1, 7, "a control character", "\\t"),
        ('a = "x', 1, 5, "the string is not finished", '"'),
        ("a = 'x", 1, 5, "the string is not finished", "'"),
        (r'a = "\u12"', 1, 6, "four hexadecimal digits", ""),
        ("a = 1\n/* b", 2, 1, "the comment is not finished", "*/"),
        ("a = <<EOD\nx\n", 1, 5, "the heredoc is not finished", "EOD"),
        ('a = "b" c = 1', 1, 9, "a separator is missing", ";"),
        ("@b = 1", 1, 1, "cannot begin with '@'", "quote"),
        ("; a = 1", 1, 1, "cannot begin with ';'", "separator"),
        ('"" = 1', 1, 1, "an empty key", ""),
        ("a = 1\x00", 1, 6, "NUL", "text file"),
        ("a%b = 1", 1, 2, "unexpected '%'", "quote"),
    ],
)
def test_errors_name_the_place_and_the_way_out(
    text: str, line: int, column: int, message: str, hint: str
) -> None:
    with pytest.raises(UclError) as caught:
        parse(text, "x.conf")
    error = caught.value
    assert (error.file, error.line, error.column) == ("x.conf", line, column)
    assert message in error.message
    assert hint in error.hint
    shown = text.split("\n")[line - 1].replace("\t", " ").replace("\x00", "?")
    assert error.source == shown
    assert str(error).startswith(f"x.conf:{line}:{column}: ")


@pytest.mark.parametrize("text", ["[a]\n}", "[a]\n%}%}", "[$CURDIR, # c\n]\n}"])
def test_a_brace_behind_the_array_that_is_the_document(text: str) -> None:
    with pytest.raises(UclError, match="the value is missing"):
        parse(text)
