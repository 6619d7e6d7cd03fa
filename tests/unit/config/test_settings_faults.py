"""Settings rules that would fit other mail than is meant, or change nothing."""

from __future__ import annotations

import pytest

from .conftest import Site

APPLY = "apply { groups_disabled = [spf]; }"


@pytest.mark.parametrize(
    ("rule", "key", "hint"),
    [
        ('ipp = "192.0.2.1"; want_spam = yes;', "ipp", "did you mean 'ip'?"),
        (f'rcpts = "a@example.net"; {APPLY}', "rcpts", "did you mean 'rcpt'?"),
        (f'ip = "192.0.2.1"; subject = "x"; {APPLY}', "subject", "write"),
        ('from = "a@example.net"; actions { reject = 4; }', "actions", "known here"),
    ],
)
def test_a_rule_with_a_name_that_is_not_read_is_left_out(
    site: Site, rule: str, key: str, hint: str
) -> None:
    found = site(local={"settings.conf": f"a {{ {rule} }}\nb {{ user = b; {APPLY} }}\n"})
    assert found.config is not None
    assert set(found.config.settings) == {"b"}
    (told,) = found.findings
    assert (told.code, told.severity) == ("rule-not-served", "warning")
    assert f"settings.a.{key} is" in told.message
    assert hint in told.hint


@pytest.mark.parametrize(
    ("rules", "code", "line", "said"),
    [
        (f"a {{ {APPLY} }}", "no-effect", 1, "neither a condition nor an id"),
        ('a { ip = "192.0.2.1"; }', "no-effect", 1, "changes nothing"),
        ('a { ip = "192.0.2.1"; apply { } }', "no-effect", 1, "changes nothing"),
        (f"a {{ user = a; want_spam = yes; {APPLY} }}", "no-effect", 1, "not scanned"),
        (
            f"a {{ user = a; {APPLY} }}\na {{ user = b; {APPLY} }}",
            "repeated-option",
            2,
            "written 2 times",
        ),
        (
            f"a {{ id = x; {APPLY} }}\nb {{ id = x; {APPLY} }}",
            "repeated-option",
            2,
            "have the id 'x'",
        ),
        (
            "a { user = a; apply { actions { reject = 5;\nreject = 7; } } }",
            "repeated-option",
            2,
            "written 2 times",
        ),
        (
            f"a {{ id = b; {APPLY} }}\nb {{ user = b; {APPLY} }}",
            "repeated-option",
            1,
            "have the id 'b'",
        ),
    ],
)
def test_rules_that_do_not_do_what_they_say(
    site: Site, rules: str, code: str, line: int, said: str
) -> None:
    found = site(local={"settings.conf": rules})
    told = [f for f in found.findings if said in f.message]
    assert [(f.code, f.line, f.severity) for f in told] == [(code, line, "warning")]


def test_rules_that_are_right_are_not_told_of(site: Site) -> None:
    rules = f"""
        skip {{ authenticated = true; whitelist = true; }}
        named {{ id = "asked"; {APPLY} }}
        local {{ local = true; {APPLY} }}
        marked {{ rcpt = "a@example.net"; symbols = ["MINE"]; }}
    """
    assert site(local={"settings.conf": rules}).findings == ()


@pytest.mark.parametrize(
    ("conditions", "keys"),
    [
        ("from = []; ip = null;", ["from", "ip"]),
        ("from = [];", ["from"]),
        ("ip = null; user = a;", ["ip"]),
        ("ip = [];", ["ip"]),
        ("header { }", ["header"]),
        ("request_header { } id = x;", ["request_header"]),
        ("authenticated = null;", ["authenticated"]),
        ("local = null; expression = local;", ["local"]),
        ('rcpt = "";', ["rcpt"]),
        ('from = "@";', ["from"]),
        ('from = ["a@example.net", "@"];', ["from"]),
        ('header { "X-A" = ""; }', ["header"]),
    ],
)
def test_an_empty_condition_is_an_error(site: Site, conditions: str, keys: list[str]) -> None:
    """A rule for all mail is not made by a condition that names nobody."""
    found = site(local={"settings.conf": f"\nr {{ {conditions} whitelist = true; }}"})
    assert found.config is None
    errors = [f for f in found.findings if f.severity == "error"]
    assert [f.message.split(":")[0].split()[0] for f in errors] == [
        f"settings.r.{key}" for key in keys
    ]
    assert {(f.code, f.line) for f in errors} == {("wrong-type", 2)}


def test_false_is_a_condition(site: Site) -> None:
    found = site(local={"settings.conf": f"r {{ authenticated = false; {APPLY} }}"})
    assert found.findings == ()
