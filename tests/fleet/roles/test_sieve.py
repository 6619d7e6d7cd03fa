"""The Sieve script of role dovecot: mail sorted by what the filter says of it."""

from __future__ import annotations

import json
from pathlib import Path

import jinja2
import yaml

ROLE = Path(__file__).parents[3] / "roles/dovecot"
SCRIPTS = ROLE / "templates/tree/sieve/before.d"


def script(name: str = "spam_to_junk", **variables: object) -> list[str]:
    """The lines that are neither empty nor comments."""
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["to_json"] = json.dumps
    environment.filters["comment"] = lambda text: f"# {text}"
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    text = environment.from_string((SCRIPTS / f"{name}.sieve.j2").read_text()).render(
        {"ansible_managed": "managed"} | defaults | variables
    )
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_by_default_marked_mail_goes_to_junk() -> None:
    assert script() == [
        'require ["copy", "fileinto", "mailbox"];',
        'if header :is "X-Spam" "Yes" {',
        '  fileinto "Junk";',
        "}",
    ]


def test_nothing_is_moved_when_nothing_is_wanted() -> None:
    assert script(dovecot_spam_to_junk=False) == ["keep;"]


def test_folders_by_action_and_copies_by_symbol() -> None:
    found = script(
        dovecot_spam_to_junk=False,
        dovecot_folders_by_action={"reject": "Spam", "add header": 'Prob"able'},
        dovecot_copies_by_symbol={"BAYES_SPAM": "Learnt/Spam"},
    )
    assert found[1:] == [
        'if header :contains "X-Spamd-Result" [" BAYES_SPAM(", "\tBAYES_SPAM("] {',
        '  fileinto :copy :create "Learnt/Spam";',
        "}",
        'if header :is "X-Rspamd-Action" "reject" {',
        '  fileinto :create "Spam";',
        "}",
        'elsif header :is "X-Rspamd-Action" "add header" {',
        '  fileinto :create "Prob\\"able";',
        "}",
    ]


def test_mail_of_no_named_action_follows_its_mark() -> None:
    found = script(dovecot_folders_by_action={"greylist": "Later"})
    assert 'elsif header :is "X-Spam" "Yes" {' in found


def test_mail_that_an_exchanger_hands_over_twice_is_told_by_the_exchanger_s_line() -> None:
    found = script("handed_over_once", dovecot_relays=["mx1.example.net", "mx2.example.net"])
    assert found == [
        'require ["duplicate", "envelope", "index", "variables"];',
        'if header :index 3 :matches "Received" [',
        '  "*by mx1.example.net (Postfix) with *",',
        '  "*by mx2.example.net (Postfix) with *"',
        "] {",
        '  set "line" "${0}";',
        '} elsif header :index 2 :matches "Received" "*" {',
        '  set "line" "${0}";',
        "}",
        'if envelope :matches "to" "*" {',
        '  set "to" "${0}";',
        "}",
        'if allof(not string "${line}" "", duplicate :handle "handed over"'
        ' :uniqueid "${to} ${line}" :seconds 86400) {',
        "  discard;",
        "}",
    ]


def test_where_nobody_relays_it_is_told_by_the_host_s_own_line() -> None:
    found = script("handed_over_once", dovecot_relays=[])
    assert found[1] == 'if header :index 2 :matches "Received" "*" {'


def test_mail_that_comes_twice_is_delivered_twice_where_that_is_wanted() -> None:
    assert script("handed_over_once", dovecot_once_seconds=0) == ["keep;"]
