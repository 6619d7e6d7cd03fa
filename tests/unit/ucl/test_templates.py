"""Templates: expressions are Lua's, tags are Jinja's, places are those of the file as written.

The values of ``test_expressions`` are what ``rspamadm configdump`` of Rspamd 3.4 gives for them.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from filter_engine.ucl import Limits, UclError, UclObject, UclScalar, emit, parse_file, to_python

_ENVIRON = {"RSPAMD_FOO": "foo", "RSPAMD_EMPTY": "", "HOME": "/root"}


def _render(tmp_path: Path, text: str, limits: Limits | None = None) -> UclObject:
    path = tmp_path / "main.conf"
    path.write_text(text, "utf-8", "surrogateescape")
    variables = {"CONFDIR": "/c", "HOSTNAME": "mx1"}
    return parse_file(path, variables=variables, environ=_ENVIRON, limits=limits or Limits()).root


def _read(tmp_path: Path, text: str) -> object:
    return to_python(_render(tmp_path, text))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("env.FOO", "foo"),
        ("env.NONE", ""),
        ("env.HOME", ""),  # without the prefix it is not Rspamd's
        ("env['FOO']", "foo"),
        ("paths.CONFDIR", "/c"),
        ("env.hostname", "mx1"),
        ("undefined", ""),
        ("1+2*3", "7"),
        ("-2^2", "-4"),
        ("2^3^2", "512"),
        ("7/2", "3.5"),
        ("-7 % 3", "2"),
        ("1/0", "inf"),
        ("0x10", "16"),
        ("1e100", "1e+100"),
        ("'10'+5", "15"),
        ("'a' .. 'b' .. 1", "ab1"),
        ("#'é'", "2"),
        ("#{1,2,3}", "3"),
        ("'' and 'true'", "true"),  # in Lua only nil and false are false
        ("0 and 'true'", "true"),
        ("nil or 'x'", "x"),
        ("not nil", "true"),
        ("1 < 2 and 'a' or 'b'", "a"),
        ("'1' == 1", "false"),
        ("'x' ~= 'y'", "true"),
        ("5 > 3 == true", "true"),
        ("env.FOO:upper()", "FOO"),
        ("env.FOO:sub(-2)", "oo"),
        ("env.FOO:find('o')", "2"),
        ("('x'):rep(3)", "xxx"),
        ("string.upper 'abc'", "ABC"),
        ("string.format('%s-%d-%5.2f-%x-%%','a',7,1.5,255)", "a-7- 1.50-ff-%"),
        ("tonumber('0x1f')", "31"),
        ("tonumber('abc')", ""),
        ("tostring(12.50)", "12.5"),
        ("type({})", "table"),
        ("math.max(1,5,3)", "5"),
        ("table.concat({1,2},',')", "1,2"),
        ("({a={b=5}}).a.b", "5"),
        ("({10,20})[2]", "20"),
        ("[[long]]", "long"),
        (r"'\65\066'", "AB"),
        (r"'\195\169'", "é"),
        ("env.NONE | default('d')", "d"),
        ("env.NONE | default 'd'", "d"),
        ("env.EMPTY | default('d')", ""),
        ("false|default('d', true)", "d"),
        ("'foo bar'|title", "Foo Bar"),
        ("'é'|upper", "é"),  # ASCII only
        ("{3,1,2}|sort|join(',')", "1,2,3"),
        ("{1,'a',{2}}|string", '{1, "a", {2}}'),
        ("2.345|round(2)", "2.34"),
        ("-2.5|round", "-3"),
        ("'aXbXc'|replace('X','-')", "a-b-c"),
        ("range(1,10,3)|join(' ')", "1 4 7 10"),
        ("range(5,1,-2)|join(' ')", "5 3 1"),
        ("is_sequence({})", "false"),
        ("is_defined(nil)", "false"),
    ],
)
def test_expressions(tmp_path: Path, expression: str, value: str) -> None:
    assert _read(tmp_path, f"x = <<EOD\n{{= {expression} =}}\nEOD\n") == {"x": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{% if env.FOO == 'foo' %}a = 1;{% else %}a = 2;{% endif %}", {"a": 1}),
        ("{% if env.NONE %}a = 1;{% elseif env.FOO %}a = 2;{% else %}a = 3;{% endif %}", {"a": 2}),
        ("{% if env.EMPTY %}a = set{% endif %}", {"a": "set"}),
        ("{% for i in range(3) %}k{= i =} = {= i =};{% endfor %}", {"k1": 1, "k2": 2, "k3": 3}),
        ("{% for k, v in pairs({x=1,y=2}) %}{= k =} = {= v =};{% endfor %}", {"x": 1, "y": 2}),
        ("{% for i, v in ipairs({5,6}) %}k{= i =} = {= v =};{% endfor %}", {"k1": 5, "k2": 6}),
        ("{% for a, b in {{'x',1},{'y',2}} %}{= a =} = {= b =};{% endfor %}", {"x": 1, "y": 2}),
        ("{% for i in range(6) if is_even(i) %}k{= loop.index =} = {= i =};{% endfor %}",
         {"k1": 2, "k2": 4, "k3": 6}),
        ("{% for i in {} %}a = 1{% else %}none = 1{% endfor %}", {"none": 1}),
        ("{% set v = 5 %}a = {= v + 1 =}", {"a": 6}),
        ("a = 'x{# not shown #}y'", {"a": "xy"}),
        ("a = '{% raw %}{= x =}{% endraw %}'", {"a": "{= x =}"}),
        ("a = '{% filter upper %}x{= env.FOO =}{% endfilter %}'", {"a": "XFOO"}),
        ("a = 'x  {=- env.FOO -=}  y'", {"a": "xfooy"}),
        ("a = [ {%- for i in {1,2} -%} {= i =}, {%- endfor -%} ]", {"a": [1, 2]}),
    ],
)  # fmt: skip
def test_tags(tmp_path: Path, text: str, value: object) -> None:
    assert _read(tmp_path, text) == value


def test_places_are_those_of_the_file_as_written(tmp_path: Path) -> None:
    root = _render(
        tmp_path,
        "{% if env.NONE %}\ngone = 1\nalso = 2\n{% else %}\n  here = 1\n{% endif %}\n"
        "{% for i in range(2) %}\nk{= i =} = 1\n{% endfor %}\n"
        "{= 'made = 1\\nmade2 = 2\\n' =}last = 3\n",
    )
    places = {
        key: (node.origin.line, node.origin.column) for key in root if (node := root.get(key))
    }
    assert places == {
        "here": (5, 3),
        "k1": (8, 1),
        "k2": (8, 1),
        "made": (10, 1),
        "made2": (10, 1),
        "last": (10, 30),
    }


def test_a_variable_with_newlines_moves_no_places(tmp_path: Path) -> None:
    path = tmp_path / "main.conf"
    path.write_text("a = <<EOD\n{= env.FOO =}\nEOD\nb = 1")
    root = parse_file(path, environ={"RSPAMD_FOO": "1\n2\n3"}).root
    assert to_python(root) == {"a": "1\n2\n3", "b": 1}
    node = root.get("b")
    assert node is not None
    assert node.origin.line == 4


def test_an_error_shows_the_line_as_written(tmp_path: Path) -> None:
    with pytest.raises(UclError) as caught:
        _render(tmp_path, "{% if env.NONE %}\n\n{% endif %}\n  a = {= env.FOO =} }")
    assert (caught.value.line, caught.value.column) == (4, 21)
    assert caught.value.source == "  a = {= env.FOO =} }"


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("a = {= foo.bar =}", 11, "looked up in a nil value", ""),
        ("a = {= 1 != 2 =}", 10, "unexpected '!'", "~="),
        ("a = {= 1", 5, "never closed", "=}"),
        ("a = {= x|zzz =}", 10, "unknown filter 'zzz'", "upper"),
        ("a = {= {} + 1 =}", 11, "arithmetic on a table", ""),
        ("a = {= 'a' .. nil =}", 12, "cannot join a nil", ""),
        ("a = {= 1 < 'a' =}", 10, "cannot compare", ""),
        ("a = {= nofunction() =}", 18, "a nil value is called", ""),
        ("a = {= env =}", 5, "a table value has no text", ""),
        ("a = {= ('x'):find('%d') =}", 13, "Lua patterns are not supported", ""),
        ("a = {= os.execute('id') =}", 10, "looked up in a nil value", ""),
        ("a = {= ''.__class__ =}", 10, "unexpected '.'", ""),
        ("a = {= ('').__class__ =}{= ('').__class__.__mro__ =}", 42, "a nil value", ""),
        ("{% if 1 %}a = 1{% elif 2 %}{% endif %}", 16, "unexpected template tag 'elif'", "elseif"),
        ("{% if 1 %}a = 1", 1, "never closed", "endif"),
        ("{% endif %}", 1, "unexpected template tag 'endif'", ""),
        ("{% include 'x' %}", 1, "not supported", ""),
        ("{% bogus %}", 1, "unexpected template tag", ""),
        ("a {# b", 3, "comment is never closed", "#}"),
        ("{% raw %}", 1, "never closed", "endraw"),
        ("{% set 1 = 2 %}", 8, "a name expected", ""),
        ("{% for x of y %}{% endfor %}", 10, "'in' expected", ""),
        ("a = {= \"x =}", 8, "unexpected '\"'", "closing quote"),
        ("a = {= [[x =}", 8, "not finished", "]]"),
    ],
)  # fmt: skip
def test_errors(tmp_path: Path, text: str, column: int, message: str, hint: str) -> None:
    with pytest.raises(UclError) as caught:
        _render(tmp_path, "\n" + text)
    error = caught.value
    assert (error.line, error.column) == (2, column)
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    "text",
    [
        "{= ('a'):rep(10^9) =}",
        "{= range(10^9) =}",
        "{= range(-10^300, 10^300) =}",
        "{= range(1, 2, 10^-300) =}",
        "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}",
        "{% set s = 'aaaaaaaaaa' %}" + "{% set s = s .. s %}" * 60,
        "{% set t = {1} %}" + "{% set t = {t, t} %}" * 60 + "{= t|string =}",
        "{= ('x'):format() .. ('%99.99s'):rep(99):format('x') =}",
        "{= " + "(" * 5000 + "1" + ")" * 5000 + " =}",
        "{= " + "not " * 5000 + "1 =}",
        "{= " + "2^" * 5000 + "1 =}",
        "{= " + "{" * 5000 + " =}",
        "{= " + "-(" * 5000 + " =}",
        "{= [[" + "[[" * 50_000 + " =}",
        "{% if 1 %}" * 5000,
        "{% for i in range(9) %}" * 5000,
        "{= 'x'" + "|upper" * 30_000 + " =}",
        "{= 1" + "+1" * 200_000 + " =}",
        "{=" * 100_000,
        "{= 'a' " + '"' * 100_000,
        "{= 1" + ".5" * 50_000 + " =}",
    ],
    ids=lambda text: text[:30],
)
def test_hostile_templates_are_refused_soon(tmp_path: Path, text: str) -> None:
    started = time.process_time()
    with pytest.raises(UclError) as caught:
        _render(tmp_path, "\n" + text)
    assert time.process_time() - started < 5.0
    assert caught.value.line == 2
    assert len(str(caught.value)) < 1500


_LONG = "{% set s = ('x'):rep(1000000) %}"
_TWICE = "{% set s = ('x'):rep(1000000) %}{% set t = ('x'):rep(1000000) %}"


@pytest.mark.parametrize(
    "text",
    [
        _LONG + "{% for i in range(60000) %}{% set u = s|upper %}{% endfor %}",
        _LONG + "{% for i in range(60000) %}{% set u = s:lower() %}{% endfor %}",
        _LONG + "{% for i in range(60000) %}{% set u = s:sub(2) %}{% endfor %}",
        _LONG + "{% for i in range(60000) %}{% set u = s|reverse %}{% endfor %}",
        _LONG + "{% for i in range(60000) %}{% set u = #s %}{% endfor %}",
        _LONG + "{% for i in range(60000) %}{% set u = s:find('y') %}{% endfor %}",
        _LONG + "{% for i in range(60000) %}{% set u = s|wordcount %}{% endfor %}",
        _TWICE + "{% for i in range(60000) %}{% set u = s < t %}{% endfor %}",
        _TWICE + "{% for i in range(60000) %}{% set u = s == t %}{% endfor %}",
        _LONG + "{% set u = (' '):rep(1000000)|title %}",
        _LONG
        + "{% set u = string.format('%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s', "
        + ",".join(["s"] * 18)
        + ") %}",
        _LONG + "{% set u = {" + "s," * 3000 + "}|sort %}",
        "{% set t = range(60000) %}{% set u = {[1] = 1, [3] = 2, [4] = 3} %}"
        "{% for i in range(60000) %}{% set u = #t %}{% endfor %}",
    ],
)
def test_long_operands_count_as_much(tmp_path: Path, text: str) -> None:
    """Few operations on long strings take as long as many on short ones."""
    started = time.process_time()
    with pytest.raises(UclError, match=r"more than \d+ (steps|characters)"):
        _render(tmp_path, text)
    assert time.process_time() - started < 3.0


def test_long_chains_cost_no_stack(tmp_path: Path) -> None:
    text = f"a = {{= 1{'+1' * 5000} =}}; b = '{{= env.FOO{'|upper' * 2000} =}}'"
    assert _read(tmp_path, text) == {"a": 5001, "b": "FOO"}


def test_all_templates_of_a_load_share_one_budget(tmp_path: Path) -> None:
    (tmp_path / "x.conf").write_text("{% for i in range(200) %}{% endfor %}")
    include = '.include "$CURDIR/x.conf"\n'
    assert _read(tmp_path, include * 2) == {}
    with pytest.raises(UclError, match="more than 1000 steps") as caught:
        _render(tmp_path, include * 9, Limits(template_steps=1000))
    assert Path(caught.value.file).name == "x.conf"


def test_loaded_text_is_no_template(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("{= env.FOO =}")
    assert _read(tmp_path, '.load(key="a") "$CURDIR/text"') == {"a": "{= env.FOO =}"}


def test_stock_expressions_need_no_template_machinery(tmp_path: Path) -> None:
    path = tmp_path / "main.conf"
    path.write_text('a = "{= env.MAPS | default "https://maps.example" =}/x"')
    code = (
        "import sys; from filter_engine.ucl import parse_file\n"
        f"root = parse_file({str(path)!r}, environ={{}}).root\n"
        "assert root.get('a').value == 'https://maps.example/x'\n"
        "print('jinja2' in sys.modules, 'filter_engine.ucl.template.expand' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("style", ["", '"', "'", "<<"])
@pytest.mark.parametrize("value", ["{= env.FOO =}", "a\n{% if %}\n" * 30, "{# x", "{{= 1 =}}", "{"])
def test_an_emitted_value_is_no_template(tmp_path: Path, value: str, style: str) -> None:
    """What an importer or the controller writes must not be expanded when it is read."""
    node = UclObject({value: [UclScalar(value, style=style)]})
    assert _read(tmp_path, emit(node)) == {value: value}
