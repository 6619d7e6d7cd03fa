"""Several files: includes, priorities, strategies, other macros, templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from filter_engine.ucl import Limits, UclError, UclScalar, emit, parse, parse_file, to_python


def _write(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        path = directory / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".conf").write_text(text)
    return directory / "main.conf"


def _read(directory: Path, **files: str) -> object:
    return to_python(parse_file(_write(directory, **files)).root)


def test_an_included_file_continues_the_open_section(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        main='a = 1\ns {\n .include "$CURDIR/more.conf"\n d = 4\n}\ne = 5',
        more='b = 2; .include "${CURDIR}/sub/third.conf"',
        sub__third='c = "$FILENAME"',
    )
    assert found == {
        "a": 1,
        "s": {"b": 2, "c": str(tmp_path / "sub" / "third.conf"), "d": 4},
        "e": 5,
    }


_LAYERS = (
    's {{ .include "$CURDIR/base.conf"\n'
    '.include(try=true; priority=1,duplicate=merge) "$CURDIR/local.conf"\n'
    '.include(try=true; priority=10) "$CURDIR/override.conf" }}'
)


def test_local_merges_and_override_replaces(tmp_path: Path) -> None:
    main = _LAYERS.format()
    found = _read(
        tmp_path,
        main=main,
        base="x = 1; y = 1; z = 1; list = [1]; sub { a = 1; b = 1 } gone { a = 1 }",
        local="y = 2; z = 2; z = 3; list = [2]; sub { b = 2; c = 2 } new = 2",
        override="z = 9; gone { c = 9 }",
    )
    assert found == {
        "s": {
            "x": 1,
            "y": 2,
            "z": 9,
            "list": [1, 2],
            "sub": {"a": 1, "b": 2, "c": 2},
            "gone": {"c": 9},
            "new": 2,
        }
    }


def test_a_value_keeps_what_it_replaced(tmp_path: Path) -> None:
    main = _write(
        tmp_path, main=_LAYERS.format(), base="x = 1", local="\nx = 2", override="\n\nx = 3"
    )
    section = parse_file(main).root.get("s")
    assert section is not None
    winner = section.get("x")  # type: ignore[union-attr]  # a section, or this fails
    assert isinstance(winner, UclScalar)
    assert winner.value == 3
    assert (Path(winner.origin.file).name, winner.origin.line) == ("override.conf", 3)
    lost = [(Path(node.origin.file).name, node.origin.line) for node in winner.shadowed]
    assert lost == [("local.conf", 2), ("base.conf", 1)]


def test_a_lower_priority_is_dropped_whatever_the_order(tmp_path: Path) -> None:
    main = _write(
        tmp_path,
        main='.include(priority=5) "$CURDIR/strong.conf"\nx = weak\ns { a = 1 }',
        strong="x = strong\ns { b = 2 }",
    )
    root = parse_file(main).root
    assert to_python(root) == {"x": "strong", "s": {"b": 2}}
    assert [to_python(node) for node in root.all("x")[0].shadowed] == ["weak"]


def test_a_named_section_of_local_stands_beside_the_shipped_one(tmp_path: Path) -> None:
    # This is how two default upstreams come about.
    found = _read(
        tmp_path,
        main=_LAYERS.format(),
        base='upstream "local" { default = yes }',
        local='upstream "scan" { default = yes }\nupstream "local" { x = 1 }',
    )
    assert found == {
        "s": {"upstream": {"local": {"default": True, "x": 1}, "scan": {"default": True}}}
    }


@pytest.mark.parametrize(
    ("strategy", "value"),
    [
        ("append", [[1], [2]]),
        ("merge", [1, 2]),
        ("rewrite", [2]),
    ],
)
def test_strategies(tmp_path: Path, strategy: str, value: object) -> None:
    found = _read(
        tmp_path,
        main=f'a = [1]\n.include(duplicate="{strategy}") "$CURDIR/more.conf"',
        more="a = [2]",
    )
    assert found == {"a": value}


def test_strategy_error(tmp_path: Path) -> None:
    main = _write(
        tmp_path, main='a = 1\n.include(duplicate=error) "$CURDIR/more.conf"', more="\na = 2"
    )
    with pytest.raises(UclError, match="already set") as caught:
        parse_file(main)
    assert caught.value.line == 2
    assert f"{main}:1" in caught.value.hint


def test_an_unknown_strategy_means_append_and_is_noted(tmp_path: Path) -> None:
    main = _write(
        tmp_path, main='a = 1\n.include(duplicate=replace) "$CURDIR/more.conf"', more="a = 2"
    )
    document = parse_file(main)
    assert to_python(document.root) == {"a": [1, 2]}
    (note,) = document.notes
    assert (note.line, note.message) == (2, "duplicate='replace' is unknown and means append")


def test_an_array_and_a_section_do_not_merge(tmp_path: Path) -> None:
    main = _write(tmp_path, main=_LAYERS.format(), base="a = [1]", local="\na { b = 1 }")
    with pytest.raises(UclError, match="cannot be merged") as caught:
        parse_file(main)
    assert (Path(caught.value.file).name, caught.value.line) == ("local.conf", 2)


def test_a_scalar_over_an_array_counts_all_its_values(tmp_path: Path) -> None:
    found = _read(tmp_path, main=_LAYERS.format(), base="a = [1, 2]", local="a = 3; a = 4")
    assert found == {"s": {"a": [3, 4]}}


def test_glob_reads_in_order_of_name(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        main='.include(glob=true) "$CURDIR/d/*.conf"\n.include(glob=true,try=true) "$CURDIR/no*"',
        d__b="x = 2",
        d__a="x = 1",
    )
    assert found == {"x": [1, 2]}


def test_a_missing_file_is_an_error_unless_tried(tmp_path: Path) -> None:
    with pytest.raises(UclError, match="cannot find") as caught:
        _read(tmp_path, main='\n  .include "$CURDIR/none.conf"')
    assert (caught.value.line, caught.value.column) == (2, 3)
    assert "try=true" in caught.value.hint
    assert _read(tmp_path, main='.try_include "$CURDIR/none.conf"\na = 1') == {"a": 1}


def test_a_broken_optional_file_is_an_error(tmp_path: Path) -> None:
    main = _write(tmp_path, main='.include(try=true) "$CURDIR/bad.conf"', bad="a = {\n")
    with pytest.raises(UclError) as caught:
        parse_file(main)
    assert caught.value.file == str(tmp_path / "bad.conf")


def test_an_optional_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "dir.conf").mkdir()
    with pytest.raises(UclError, match="not a regular file"):
        _read(tmp_path, main='.include(try=true) "$CURDIR/dir.conf"')


def test_a_file_cannot_include_itself_over_others(tmp_path: Path) -> None:
    (tmp_path / "alias.conf").symlink_to(tmp_path / "main.conf")
    main = _write(tmp_path, main='.include "$CURDIR/one.conf"', one='.include "$CURDIR/alias.conf"')
    with pytest.raises(UclError, match="includes itself") as caught:
        parse_file(main)
    assert Path(caught.value.file).name == "one.conf"


def test_bounds_of_includes(tmp_path: Path) -> None:
    files = {f"f{n}": f'.include "$CURDIR/f{n + 1}.conf"' for n in range(20)}
    main = _write(tmp_path, main='.include "$CURDIR/f0.conf"', **files)
    with pytest.raises(UclError, match="includes deeper than 16"):
        parse_file(main)
    main = _write(tmp_path, main="a = 1\n" * 100)
    with pytest.raises(UclError, match="larger than 100 bytes"):
        parse_file(main, limits=Limits(file_size=100))
    main = _write(tmp_path, main='.include "$CURDIR/x.conf"\n' * 9, x="a = 1")
    with pytest.raises(UclError, match="more than 5 files"):
        parse_file(main, limits=Limits(files=5))
    with pytest.raises(UclError, match=r"nested deeper"):
        _read(tmp_path, main='a { b { c { .include "$CURDIR/x.conf" } } }', x="d {" * 98 + "}" * 98)


def test_prefix_puts_a_file_under_a_key(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        main=(
            '.include(prefix=true) "$CURDIR/sub/auto.conf"\n'
            '.include(prefix=true, key="named") "$CURDIR/sub/auto.conf"\n'
            '.include(key="list", target="array") "$CURDIR/sub/auto.conf"\n'
            '.include(key="list", target="array") "$CURDIR/sub/auto.conf"\n'
        ),
        sub__auto="a = 1",
    )
    assert found == {"auto": {"a": 1}, "named": {"a": 1}, "list": [{"a": 1}, {"a": 1}]}


def test_load_puts_a_file_into_a_value(tmp_path: Path) -> None:
    (tmp_path / "text").write_text(' 12 "x"\n')
    found = _read(
        tmp_path,
        main=(
            '.load(key="raw") "$CURDIR/text"\n'
            '.load(key="trim", trim=true) "$CURDIR/text"\n'
            '.load(key="escape", escape=true, trim=true) "$CURDIR/text"\n'
            '.load(key="int", target="int") "$CURDIR/text"\n'
            '.load(key="none", try=true) "$CURDIR/none"\n'
        ),
    )
    assert found == {"raw": ' 12 "x"\n', "trim": '12 "x"', "escape": r"12 \"x\"", "int": 12}
    with pytest.raises(UclError, match="already set"):
        _read(tmp_path, main='a = 1\n.load(key="a") "$CURDIR/text"')


def test_inherit_copies_what_is_missing() -> None:
    text = (
        'base { a = 1; b = 2; c { d = 3 } }\nheir { .inherit "base"\n a = 10; e = 5 }\n'
        'second { b = 7; .inherit "base"; c { d = 4 } }'
    )
    root = parse(text, macros=True)
    assert to_python(root.all("heir")[0]) == {"a": 10, "b": 2, "c": {"d": 3}, "e": 5}
    assert to_python(root.all("second")[0]) == {"b": 7, "a": 1, "c": {"d": 4}}
    assert to_python(root.all("base")[0]) == {"a": 1, "b": 2, "c": {"d": 3}}
    with pytest.raises(UclError, match="no section 'none'"):
        parse('a { .inherit "none" }', macros=True)


def test_inherit_cannot_explode() -> None:
    doubling = "".join(
        f'k{n} {{ x {{ .inherit "k{n - 1}" }} y {{ .inherit "k{n - 1}" }} }}\n'
        for n in range(1, 60)
    )
    with pytest.raises(UclError, match=r"more than|nested deeper"):
        parse("k0 { a = 1 }\n" + doubling, macros=True, limits=Limits(values=10_000))


def test_priority_macro() -> None:
    root = parse(".priority 5\na = 1\n.priority(priority=2)\na = 2; b = 2", macros=True)
    assert to_python(root) == {"a": 1, "b": 2}
    assert [node.priority for node in (*root.all("a"), *root.all("b"))] == [5, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".unknown 1", "unknown macro .unknown"),
        (".priority x", "no priority"),
        (".priority", "the priority is missing"),
        ('.include(try=true "x"', "never closed"),
        (".include(priority=high) x", "whole number"),
        ('.includes "x"', "not supported"),
        ('.include(url=true) "http://x/"', "not supported"),
        ('.load "x"', "the key is missing"),
        (".include {x", "never closed"),
    ],
)
def test_macro_errors(text: str, message: str) -> None:
    with pytest.raises(UclError) as caught:
        parse("\n" + text, macros=True)
    assert message in caught.value.message
    assert caught.value.line == 2


def test_macros_are_off_unless_asked_for() -> None:
    with pytest.raises(UclError, match="cannot begin with"):
        parse('.include "/etc/passwd"')


def test_templates_see_rspamd_variables_of_the_environment(tmp_path: Path) -> None:
    main = _write(
        tmp_path,
        main=(
            "port = \"{= env.PORT|default('11333') =}\"\n"
            'host = "{= env.HOST | default "localhost" =}"\n'
            'none = "x{= env.NONE =}y"\n'
        ),
    )
    environ = {"RSPAMD_PORT": "1", "HOST": "not this one"}
    assert to_python(parse_file(main, environ=environ).root) == {
        "port": "1",
        "host": "localhost",
        "none": "xy",
    }
    _write(tmp_path, main="a = 1\nb = {% if x %}")
    with pytest.raises(UclError, match="template") as caught:
        parse_file(main, environ={})
    assert (caught.value.line, caught.value.column) == (2, 5)


def test_bytes_that_are_not_utf8_survive(tmp_path: Path) -> None:
    main = tmp_path / "main.conf"
    main.write_bytes(b"\xef\xbb\xbfa = \xff\n")
    value = to_python(parse_file(main).root)
    assert value == {"a": "\udcff"}


def test_the_list_of_files(tmp_path: Path) -> None:
    main = _write(
        tmp_path,
        main='.include "$CURDIR/one.conf"\n.include(try=true) "$CURDIR/none.conf"',
        one="a = 1",
    )
    document = parse_file(main)
    assert document.files == (str(main), str(tmp_path / "one.conf"))
    assert document.asked == (str(tmp_path / "one.conf"), str(tmp_path / "none.conf"))


def test_include_looks_in_the_given_directories(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        main=f'.include(path=["{tmp_path}/none", "{tmp_path}/sub"]) "more.conf"',
        sub__more="a = 1",
    )
    assert found == {"a": 1}


def test_inherit_may_overwrite() -> None:
    text = 'base { a = 1 }\nheir { a = 2; b = 3; .inherit(replace=true) "base"\n }'
    assert to_python(parse(text, macros=True).all("heir")[0]) == {"a": 1, "b": 3}


def test_load_as_a_heredoc(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("one\ntwo")
    main = _write(tmp_path, main='.load(key="a", multiline=true) "$CURDIR/text"')
    assert emit(parse_file(main).root) == "a = <<EOD\none\ntwo\nEOD;\n"


def test_a_missing_comma_between_lines_is_fine() -> None:
    text = 'local_addrs = [\n  "10.0.0.0/8",\n  "fd00::/8"\n  "192.0.2.0/24",\n];'
    assert to_python(parse(text)) == {"local_addrs": ["10.0.0.0/8", "fd00::/8", "192.0.2.0/24"]}


@pytest.mark.parametrize("macro", [".load", ".include"])
def test_a_key_that_a_macro_names_is_bounded_too(tmp_path: Path, macro: str) -> None:
    with pytest.raises(UclError, match="a key of 20000 characters"):
        _read(tmp_path, main=f'{macro}(key="{"k" * 20_000}") "$CURDIR/more.conf"', more="a = 1")
