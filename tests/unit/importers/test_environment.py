"""The environment of docker-rspamd: the examples of its README, and what may go wrong."""

from __future__ import annotations

import pytest

from filter_engine.importers.env_file import read_env
from filter_engine.importers.environment import import_environment
from filter_engine.importers.outcome import ImportFaultError, Outcome
from filter_engine.importers.site_files import site_files
from filter_engine.ucl import parse, to_python

KNOWN = site_files({"antivirus", "chartable"})
COMPOSE = """
  - WORKER_CONTROLLER=password="${FLT_PASSWD-secret}";
  - METRICS=${FLT_METRIC}
  - SYSLOG_LEVEL=${SYSLOG_LEVEL-}
  - LOGGING=level="${FLT_LOGGING-error}";
"""
ACTIONS = "actions {greylist=4;add_header=6;rewrite_subject=8;reject=15;}"
SCORES = {"greylist": 4, "add_header": 6, "rewrite_subject": 8, "reject": 15}


def imported(**environ: str) -> Outcome:
    return import_environment(environ, "environment", KNOWN)


def data(outcome: Outcome, path: str) -> object:
    return to_python(parse(outcome.files[path]))


def test_names_of_files_are_those_the_shipped_tree_asks_for() -> None:
    assert {"worker-controller.inc", "classifier-bayes.conf", "logging.inc"} <= KNOWN
    assert "metrics.conf" not in KNOWN


def test_underscore_stands_for_underscore_and_dash() -> None:
    bayes = "autolearn=[0,6]; min_learns=10; per_user=true; users_enabled=true; allow_learn=true;"
    found = imported(CLASSIFIER_BAYES=bayes, MIME_TYPES="enabled = false;")
    assert bayes in found.files["local.d/classifier-bayes.conf"]
    assert data(found, "local.d/mime_types.conf") == {"enabled": False}


def test_a_value_is_written_word_for_word() -> None:
    found = imported(ANTIVIRUS="log_clean=false;")
    assert found.files["local.d/antivirus.conf"] == "# ANTIVIRUS\nlog_clean=false;\n"
    assert found.remarks == []


@pytest.mark.parametrize("name", ["METRIC", "METRICS"])
@pytest.mark.parametrize(
    "value", [ACTIONS, f"metric {{ name = default; {ACTIONS} }}", ACTIONS[9:-1]]
)
def test_both_spellings_of_the_metric_are_actions(name: str, value: str) -> None:
    assert data(imported(**{name: value}), "local.d/actions.conf") == SCORES


def test_of_two_spellings_the_one_that_worked_counts() -> None:
    found = imported(METRIC="actions { reject = 1; }", METRICS=ACTIONS)
    assert data(found, "local.d/actions.conf") == SCORES
    assert [(remark.subject, remark.lost) for remark in found.remarks] == [("METRIC", True)]


def test_groups_of_a_metric_are_not_lost() -> None:
    value = f'{ACTIONS} group "x" {{ symbol "Y" {{ weight = 2; }} }} grouping = 1;'
    found = imported(METRICS=value)
    assert data(found, "local.d/groups.conf") == {"group": {"x": {"symbol": {"Y": {"weight": 2}}}}}
    assert "grouping" in found.remarks[0].reason


def test_the_compose_example() -> None:
    env = read_env(COMPOSE, "docker-compose.yml", {"FLT_METRIC": ACTIONS})
    found = import_environment(env.values, "docker-compose.yml", KNOWN, env.lines)
    assert data(found, "local.d/worker-controller.inc") == {"password": "secret"}
    assert data(found, "local.d/actions.conf") == SCORES
    assert data(found, "local.d/logging.inc") == {"level": "error"}
    assert found.remarks == []


def test_compose_references() -> None:
    text = "- A=${X:-d}$$ $Y ${E-e}${E:-f}${X+set}${N+set}"
    assert read_env(text, "c", {"Y": "y", "X": "x", "E": ""}).values == {"A": "x$ y fset"}
    with pytest.raises(ImportFaultError, match=r"c:1: N is not set: needed"):
        read_env("- A=${N?needed}", "c", {})


def test_an_env_file_is_not_interpolated_and_says_where_it_is_wrong() -> None:
    assert read_env('# c\n\nA="$X"\n', "f", {"X": "x"}).values == {"A": '"$X"'}
    with pytest.raises(ImportFaultError, match="f:2: "):
        read_env("A=1\nexport B=2\n", "f", {})


@pytest.mark.parametrize(
    ("number", "level"),
    [
        ("0", "error"),
        ("3", "error"),
        ("4", "warning"),
        ("5", "notice"),
        ("6", "info"),
        ("7", "debug"),
    ],
)
def test_syslog_level(number: str, level: str) -> None:
    assert data(imported(SYSLOG_LEVEL=number), "local.d/logging.inc") == {"level": level}


def test_syslog_level_is_5_unless_it_is_set() -> None:
    assert data(imported(), "local.d/logging.inc") == {"level": "notice"}
    assert data(imported(LOGGING='type = "console"'), "local.d/logging.inc") == {
        "type": "console",
        "level": "notice",
    }


def test_the_quieter_of_two_levels_is_told() -> None:
    found = imported(LOGGING="level = debug;", SYSLOG_LEVEL="3")
    assert data(found, "local.d/logging.inc") == {"level": "debug"}
    assert [remark.subject for remark in found.remarks] == ["SYSLOG_LEVEL"]


@pytest.mark.parametrize("level", ["8", "-1", "debug", "²"])
def test_a_syslog_level_that_is_none_is_refused(level: str) -> None:
    with pytest.raises(ImportFaultError, match="SYSLOG_LEVEL"):
        imported(SYSLOG_LEVEL=level)


def test_a_value_that_is_no_ucl_is_refused_without_showing_it() -> None:
    for value in ('password="hunter2secret', "hunter2secret", 'password = "x"; hunter2secret'):
        with pytest.raises(ImportFaultError) as caught:
            imported(WORKER_CONTROLLER=value)
        assert "WORKER_CONTROLLER" in str(caught.value)
        assert "column" in str(caught.value)
        assert "hunter2" not in str(caught.value)


def test_every_faulty_value_is_told_at_once() -> None:
    with pytest.raises(ImportFaultError) as caught:
        imported(LOGGING="level =", OPTIONS="{{", SYSLOG_LEVEL="9")
    assert all(name in str(caught.value) for name in ("LOGGING", "OPTIONS", "SYSLOG_LEVEL"))


def test_only_near_misses_of_a_whole_environment_are_told() -> None:
    usual = {"PATH": "/bin", "HOME": "/root", "LANG": "C", "HOSTNAME": "x", "LOGNAME": "x"}
    found = imported(**usual, WORKER_CONTROLER="count = 1;", worker_proxy="count = 1;")
    assert list(found.files) == ["local.d/logging.inc"]
    assert [remark.subject for remark in found.remarks] == ["WORKER_CONTROLER"]
    assert "WORKER_CONTROLLER" in found.remarks[0].reason


def test_dkim() -> None:
    found = imported(DKIM_DOMAIN="example.com", DKIM_KEYBITS="1024", DKIM_PRIVATEKEY="MIIEhunter2")
    assert data(found, "local.d/dkim_signing.conf") == {
        "domain": {
            "example.com": {"path": "$DBDIR/dkim/$domain.$selector.key", "selector": "default"}
        }
    }
    assert found.variables == {
        "dkim_keys_domains": ["example.com"],
        "dkim_keys_selectors": [{"selector": "default"}],
        "dkim_keys_rsa_bits": 1024,
    }
    assert {r.subject for r in found.remarks if r.lost} == {"DKIM_KEYBITS", "DKIM_PRIVATEKEY"}
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize("name", ["DKIM_DOMAIN", "DKIM_SELECTOR"])
@pytest.mark.parametrize(
    "value",
    [
        "../a{= env.X =}",
        '../../x"',
        "/etc",
        "..",
        "a..b",
        "a b",
        "$domain",
        "-a",
        "{% if x %}",
        "a\nb",
        "x" * 64,
        "a." * 127 + "a",
    ],
)
def test_what_is_no_name_does_not_get_into_a_path(name: str, value: str) -> None:
    environ = {"DKIM_DOMAIN": "example.com", "DKIM_SELECTOR": "mail"} | {name: value}
    with pytest.raises(ImportFaultError, match=f"{name}: not a") as caught:
        imported(**environ)
    assert value not in str(caught.value)


def test_dkim_names_with_dots_and_underscores() -> None:
    found = imported(DKIM_DOMAIN="xn--bcher-kva.example", DKIM_SELECTOR="2024.mail_1")
    (domain,) = data(found, "local.d/dkim_signing.conf")["domain"].values()
    assert domain["selector"] == "2024.mail_1"
