"""Role postfix sends mail of others on under an address of the site, and nothing else."""

from __future__ import annotations

import re

import pytest
import yaml

from .interface import ROLES
from .test_submission_headers import render

VARS = yaml.safe_load((ROLES / "postfix/vars/main.yml").read_text())
KEPT = ["example.net", "example.org", ".lists.example.com"]
SRS = {
    name: VARS[name]
    for name in ("__postfix_srs_door", "__postfix_srs_forward", "__postfix_srs_reverse")
}


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


def test_off_nothing_of_it_is_written() -> None:
    assert "srs" not in render("master.cf.j2")
