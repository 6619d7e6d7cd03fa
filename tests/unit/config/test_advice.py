"""The advice for what is written in another language's habit names what to write instead."""

from __future__ import annotations

import pytest

from .conftest import Site


@pytest.mark.parametrize(
    ("file", "text", "code", "hint"),
    [
        (
            "options.inc",
            "local_networks = 192.0.2.0/24, 198.51.100.0/24;",
            "syntax",
            "a list needs brackets",
        ),
        ("actions.conf", "reject = 15,5;", "syntax", "write a decimal point"),
        ("groups.conf", "symbols { A { weight = 1,5; } }", "syntax", "write a decimal point"),
        ("options.inc", 'local_networks = [ "192.0.2.0/24" };', "syntax", "the [ of line 1 is"),
        ("options.inc", 'local_networks = { "192.0.2.0/24" };', "syntax", "a list is [first"),
        ("actions.conf", "reject = 15 greylist = 4\n", "wrong-type", "put a ; before greylist"),
        (
            "worker-normal.inc",
            'bind_socket = "127.0.0.1:11333, [::1]:11333";',
            "wrong-type",
            "one socket each: write a list",
        ),
        ("options.inc", 'pidfile = "$RUNDRI/x.pid";', "odd-syntax", "did you mean $RUNDIR?"),
        ("options.inc", "pidfile = ${RUNDR}/x.pid;", "odd-syntax", "did you mean $RUNDIR?"),
        ("options.inc", "task_timeout = 1m;", "odd-syntax", "write 1min for minutes"),
        ("options.inc", "pidfile = “/run/x.pid”;", "odd-syntax", 'write "straight" quotes'),
        (
            "options.inc",
            "pidfile = /run/x.pid task_timeout = 9s\n",
            "odd-syntax",
            "put a ; before task_timeout",
        ),
    ],
)
def test_the_advice_fits(site: Site, file: str, text: str, code: str, hint: str) -> None:
    found = site(local={file: text}).findings
    (told,) = (finding for finding in found if finding.code == code)
    assert hint in told.hint


@pytest.mark.parametrize(
    "text",
    [
        'pidfile = "$RUNDIR/x.pid";',
        'pidfile = "/run/$HOME/x";',
        'pidfile = "a b = c";',
        "pidfile = /run/größe.pid;",
        "pidfile = a=b;",
    ],
)
def test_what_is_not_odd_is_not_told(site: Site, text: str) -> None:
    assert site(local={"options.inc": text}).findings == ()
