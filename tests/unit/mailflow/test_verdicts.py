"""The table of verdicts names only what the lab's Internet has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab.internet import load_internet
from mailflow.steps import STEPS, add, append, remove, replace
from mailflow.verdicts import Case, load

INTERNET = load_internet()
CASES = load("example.net")
MESSAGE = (
    b"From: a@x.example\r\nList-Id: <l.x.example>\r\n\tfolded\r\nTo: b@x.example\r\n\r\nHello.\r\n"
)


def steps(case: Case) -> Iterator[tuple[str, Any]]:
    for step in case.steps:
        ((name, argument),) = step.items()
        yield name, argument


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) > 50


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_case_names_exists(case: Case) -> None:
    assert case.sender in INTERNET.senders
    for name, argument in steps(case):
        assert name in STEPS
        if name in ("sign", "seal"):
            keys = INTERNET.domains[argument["domain"]].dkim
            assert argument.get("selector", "arc" if name == "seal" else next(iter(keys))) in keys


def test_the_site_s_domain_stands_in_for_the_table_s() -> None:
    forged = next(c for c in load("example.org") if c.name == "forged-authentication-results")
    assert "dolores.example.org" in str(forged.steps)


def test_header_fields_are_put_in_changed_and_taken_out() -> None:
    lab: Any = None  # these steps need none
    assert add(lab, MESSAGE, {"X-A": "1"}).startswith(b"X-A: 1\r\nFrom:")
    assert b"\r\nTo: c@x.example\r\n\r\nHello" in replace(lab, MESSAGE, {"To": "c@x.example"})
    with pytest.raises(KeyError):
        replace(lab, MESSAGE, {"Subject": "x"})
    taken = remove(lab, MESSAGE, "List-Id")
    assert taken == b"From: a@x.example\r\nTo: b@x.example\r\n\r\nHello.\r\n"
    assert append(lab, MESSAGE, "Bye.").endswith(b"Hello.\r\nBye.\r\n")
