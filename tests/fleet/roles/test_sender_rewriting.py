"""Role postfix sends mail of others on under an address of the site, and nothing else."""

from __future__ import annotations

import re

import pytest
import yaml
from jinja2 import Environment

from .interface import ROLES
from .test_submission_headers import render

VARS = yaml.safe_load((ROLES / "postfix/vars/main.yml").read_text())
KEPT = ["example.net", "example.org", ".lists.example.com"]
SRS = {
    name: VARS[name]
    for name in ("__postfix_srs_door", "__postfix_srs_forward", "__postfix_srs_reverse")
} | {"__postfix_srs_exit": "smtp:"}


def way(sender: str) -> str:
    """What the table answers for a sender, as regexp_table(5) reads it: without regard to case."""
    for line in render("srs_senders.j2", __postfix_srs_kept=KEPT, **SRS).splitlines():
        found = re.fullmatch(r"/(.+)/\s+(\S+)", line)
        if found and re.search(found[1], sender, re.I):
            return found[2]
    return ""


@pytest.mark.parametrize(
    ("sender", "rewritten"),
    [
        ("ada@origin.example", True),
        ("ada@notexample.net", True),
        ("ada@example.net.evil.example", True),
        ("ada@exampleXnet", True),
        ("ada@sub.example.net", True),
        ("alice@example.net", False),
        ("alice@EXAMPLE.org", False),
        ("bounce@talk.lists.example.com", False),
        ("SRS0=abcd=7A=origin.example=ada@example.net", False),
        # Sent on to us by another site, which did the same.
        ("SRS0=abcd=7A=origin.example=ada@forwarder.example", True),
        ("SRS1=abcd=one.example==efgh=7A=origin.example=ada@two.example", True),
        ("j\u00f6rg@origin.example", True),
        ("ada+list@origin.example", True),
        # PostSRSd divides at the first @.
        ('"a@example.net"@evil.example', False),
        ('"ada lovelace"@origin.example', False),
        ("<>", False),
    ],
)
def test_senders_of_others_take_the_way_where_they_are_rewritten(
    sender: str, rewritten: bool
) -> None:
    assert way(sender).startswith("srs:") is rewritten


def test_the_way_leads_to_the_door_where_senders_are_looked_up() -> None:
    master = render("master.cf.j2", __postfix_srs=True, **SRS)
    _, _, door = way("ada@origin.example").partition("srs:")
    assert door == "[127.0.0.1]:10025"
    lines = master.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("127.0.0.1:10025 "))
    assert "  -o cleanup_service_name=srs_cleanup" in lines[at + 1 : at + 4]
    assert f"sender_canonical_maps=tcp:{SRS['__postfix_srs_forward']}" in master
    # The other doors know nothing of it.
    assert master.count("srs_cleanup") == 2


def test_a_sender_that_cannot_be_rewritten_passes_the_door_once() -> None:
    """Without a filter in the queue file the table would send it round again, fifty times."""
    master = render("master.cf.j2", __postfix_srs=True, **SRS)
    door = master[master.index("\n127.0.0.1:10025 ") : master.index("\nsrs_cleanup ")]
    assert "\n  -o content_filter=smtp:\n" in door
    # Headers of others stay as they are, or their signatures break.
    assert "\n  -o local_header_rewrite_clients=\n" in door


@pytest.mark.parametrize(
    ("given", "exit_"),
    [
        ({}, "smtp:"),
        ({"relayhost": "[smart.example]:587"}, "smtp:[smart.example]:587"),
        ({"default_transport": "relay"}, "relay:"),
        ({"default_transport": "relay:[smart.example]", "relayhost": "x"}, "relay:[smart.example]"),
    ],
)
def test_it_leaves_by_the_site_s_own_way_out(given: dict[str, str], exit_: str) -> None:
    way_out = Environment(autoescape=False).from_string(VARS["__postfix_srs_exit"])
    assert way_out.render(postfix_main=given) == exit_


@pytest.mark.parametrize(
    ("recipient", "asked"),
    [
        ("SRS0=abcd=7A=origin.example=ada@example.net", True),
        ("srs0+abcd=7A=origin.example=ada@EXAMPLE.NET", True),
        ("SRS1=abcd=one.example==efgh=7A=origin.example=ada@example.net", True),
        ("alice@example.net", False),
        ("SRS0=abcd=7A=origin.example=ada@other.example", False),
        ("SRS0=abcd=7A=origin.example=ada@exampleXnet", False),
        ("SRS0=abcd=7A=origin.example=ada@example.net.evil.example", False),
        ("SRS2=abcd@example.net", False),
        ("not.SRS0=abcd=7A=origin.example=ada@example.net", False),
    ],
)
def test_postsrsd_is_asked_about_its_own_addresses_alone(recipient: str, asked: bool) -> None:
    """Else all mail would wait whenever it is not there."""
    table = render("srs_recipients.j2", postfix_srs_domain="example.net", **SRS)
    (pattern,) = re.findall(r"^/(.+)/  \$1$", table, re.M)
    found = re.search(pattern, recipient, re.I)
    assert (found[1] if found else None) == (recipient if asked else None)


def test_off_nothing_of_it_is_written() -> None:
    assert "srs" not in render("master.cf.j2")
