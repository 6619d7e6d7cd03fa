"""The grammar of rmilter.conf and its value types."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.importers.outcome import ImportFaultError
from filter_engine.importers.rmilter import import_rmilter
from filter_engine.importers.rmilter.directives import DIRECTIVES, SECTIONS
from filter_engine.importers.rmilter.grammar import (
    MAX_INCLUDES,
    MAX_TEXT,
    Block,
    Setting,
    parse,
)
from filter_engine.importers.rmilter.rules import ACTIONS, CONDITIONS
from filter_engine.importers.rmilter.values import (
    Server,
    bind_socket,
    bucket,
    fraction,
    networks,
    per_time,
    rate,
    seconds,
    servers,
    size,
)


def setting(text: str) -> Setting:
    found = parse(f"x = {text};", "t")[0]
    assert isinstance(found, Setting)
    return found


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a", ["a"]),
        ('"a b; # no comment"', ["a b; # no comment"]),
        ("a, b,c", ["a", "b", "c"]),
        ("a,\n  # between\n  b", ["a", "b"]),
        ("", []),
        ("inet:[9900@127.0.0.1]", ["inet:[9900@127.0.0.1]"]),
        ("user, user@a.example, @b.example, <>", ["user", "user@a.example", "@b.example", "<>"]),
    ],
)
def test_values(text: str, values: list[str]) -> None:
    assert [value.text for value in setting(text).values] == values


def test_sections_nest_and_the_semicolon_behind_them_may_be_left_out() -> None:
    outer, plain = parse('dkim { domain { key = /k; selector = "s" ; } };\na = b', "t")
    assert isinstance(outer, Block)
    inner = outer.statements[0]
    assert isinstance(inner, Block)
    assert [statement.name for statement in inner.statements] == ["key", "selector"]
    assert plain.name == "a"
    assert (plain.place.line, plain.place.column) == (2, 1)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("spamd {\n  servers = r:a\n}", 2, 16, "does not end"),
        ("spamd {", 1, 1, "not closed"),
        ("}", 1, 1, "closing brace"),
        ("x", 1, 2, "expected '='"),
        ("x = ,;", 1, 5, "expected a value"),
        ('x = "a', 1, 5, "does not end"),
        ("/* no */", 1, 1, "no /* */ comments"),
        ("rule { reject; helo /a\n/; }", 1, 21, "does not end on its line"),
        ("a{b{c{d{e{}}}}}", 1, 9, "nested more than"),
        (".include", 1, 1, "names no file"),
        ("x = {a, b, c};", 1, 12, "two servers"),
    ],
)
def test_an_error_shows_file_line_column_and_the_line(
    text: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(ImportFaultError) as caught:
        parse(text, "r.conf")
    assert (caught.value.file, caught.value.line) == ("r.conf", line)
    assert f"column {column}: " in caught.value.message
    assert message in caught.value.message
    shown = caught.value.message.splitlines()
    assert shown[1].strip() == text.splitlines()[line - 1].strip()
    assert shown[2].index("^") == column + 3


def test_an_error_does_not_show_a_password() -> None:
    with pytest.raises(ImportFaultError) as caught:
        import_rmilter('redis { password = "s3cr3t", "b"; };', "r.conf")
    assert "s3cr3t" not in str(caught.value)


# -- types --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"), [("500ms", 0.5), ("20s", 20), ("1h", 3600), ("5d", 432000)]
)
def test_times(text: str, expected: float) -> None:
    assert seconds(setting(text)) == expected


@pytest.mark.parametrize(("text", "expected"), [("10M", 10 << 20), ("512k", 512 << 10), ("7", 7)])
def test_sizes(text: str, expected: int) -> None:
    assert size(setting(text)) == expected


@pytest.mark.parametrize(("text", "expected"), [("0.1", 0.1), ("1", 1.0), ("50", 0.5)])
def test_probabilities(text: str, expected: float) -> None:
    assert fraction(setting(text)) == expected


def test_networks() -> None:
    found = networks(setting("127.0.0.1, 192.168.1.7/24, [::1]/128, [2001:db8::1]"))
    assert found == ("127.0.0.1", "192.168.1.0/24", "::1", "2001:db8::1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("r:localhost:11333", Server("localhost", 11333, rspamd=True)),
        ("host", Server("host")),
        ("/run/a.sock", Server("/run/a.sock")),
        ("r:[::1]:11333", Server("::1", 11333, rspamd=True)),
        ("{a:1, b:2}", Server("a", 1, mirror=True)),
    ],
)
def test_servers(text: str, expected: Server) -> None:
    assert servers(setting(text)) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unix:/var/tmp/rmilter.sock", "/var/tmp/rmilter.sock mode=0660"),
        ("local:/a", "/a mode=0660"),
        ("inet:9900@127.0.0.1", "127.0.0.1:9900"),
        ("inet:[9900@localhost]", "localhost:9900"),
        ("inet6:9900@[::1]", "[::1]:9900"),
        ("inet:9900", "*:9900"),
        ("fd:3", "systemd:0"),
    ],
)
def test_listening_sockets(text: str, expected: str) -> None:
    assert bind_socket(setting(text)) == expected


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (seconds, "20"),
        (seconds, "10m"),
        (size, "10X"),
        (bucket, "5"),
        (bucket, "5:"),
        (bucket, "5:-1"),
        (networks, "300.1.1.1"),
        (networks, "10.0.0.0/33"),
        (servers, "a:99999"),
        (servers, "[::1"),
        (bind_socket, "fd:0"),
        (bind_socket, "tcp:1"),
        (fraction, "101"),
        (fraction, "x"),
    ],
)
def test_misfits(read, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ImportFaultError, match="column 5"):
        read(setting(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.016666667", "1 / 1m"),
        ("0.000277778", "1 / 1h"),
        ("0.025", "1 / 40s"),
        ("0.033333333", "1 / 30s"),
        ("0.000011574", "1 / 1d"),
        ("0.3", "3 / 10s"),
        ("2", "2 / 1s"),
    ],
)
def test_rates_are_what_their_writer_meant(text: str, expected: str) -> None:
    assert per_time(rate(text)) == expected


@given(st.integers(1, 50), st.integers(1, 20_000))
def test_a_rate_cut_to_twelve_digits_is_found_again(count: int, period: int) -> None:
    meant = Fraction(count, period)
    assert rate(f"{count / period:.12f}") == meant


# -- includes -----------------------------------------------------------------------------------


def test_an_included_file_stands_where_it_is_named() -> None:
    files = {"/etc/b.conf": "max_size = 5M;\n"}
    found = import_rmilter("max_size = 1M;\n.include /etc/b.conf\n", "a", read=files.__getitem__)
    assert "max_message = 5242880;" in found.files["local.d/options.inc"]


def test_an_included_file_that_is_missing_is_an_error_unless_it_is_only_tried() -> None:
    def read(path: str) -> str:
        raise FileNotFoundError(2, "No such file or directory", path)

    with pytest.raises(ImportFaultError, match=r"cannot read /etc/b\.conf: No such file"):
        import_rmilter(".include /etc/b.conf", "a", read=read)
    assert parse(".try_include /etc/b.conf", "a", read) == ()


def test_includes_are_bounded() -> None:
    with pytest.raises(ImportFaultError, match="includes itself"):
        parse(".include a", "a", lambda _path: ".include a")
    with pytest.raises(ImportFaultError, match=f"more than {MAX_INCLUDES} deep"):
        parse(".include a", "", lambda path: f".include {path}a")
    with pytest.raises(ImportFaultError, match=f"more than {MAX_TEXT} characters"):
        parse(".include /b", "a", lambda _path: " " * MAX_TEXT)


def test_without_a_reader_an_include_is_told() -> None:
    found = import_rmilter(".include /etc/b.conf\n.try_include /etc/c/*.conf\n", "a")
    assert [(r.line, r.lost) for r in found.remarks if r.line] == [(1, True), (2, True)]


# -- hostile input ------------------------------------------------------------------------------

_WORDS = st.sampled_from(
    [
        *sorted({name for _section, name in DIRECTIVES}),
        *SECTIONS,
        *("memcached", "domain", "not", *ACTIONS, *CONDITIONS),
        *("{", "}", ";", "=", "+=", ",", "\n", "#", '"', "/a/", "/(/", "/^Subject$/", "*"),
        *("yes", "no", "10", "10s", "10M", "5:0.1", "0:0", "5:0", "[::1]/128", "10.0.0.1/8"),
        *("r:a:1", "/a/b", "{a,b}", '"x y"', "unix:/a", "<>", "@", "a@b", "sha1", "simple"),
    ]
)


@given(st.lists(_WORDS, max_size=60).map(" ".join) | st.text(max_size=200))
def test_nothing_but_the_one_error_comes_out(text: str) -> None:
    try:
        found = import_rmilter(text, "r.conf", read=lambda path: path)
    except ImportFaultError as fault:
        assert fault.line or "characters" in fault.message  # noqa: PT017  # either is right
    else:
        assert all(path.startswith("local.d/") for path in found.files)


@pytest.mark.parametrize(
    "text",
    [
        "a{" * 50_000,
        "x = " + "a," * 400_000,
        "x = y\n" * 30_000,
        "rule { reject; helo /" + "a" * 900_000 + "/; }",
        '"' * 500_000,
        "{" * 500_000,
        "x = {" + "a " * 400_000,
    ],
    ids=["sections", "values", "statements", "expression", "quotes", "braces", "mirror"],
)
def test_much_input_costs_little(text: str) -> None:
    try:
        import_rmilter(text, "r.conf")
    except ImportFaultError as fault:
        assert len(str(fault)) < 3000  # noqa: PT017  # an accepted text is right as well
