"""Whether the sender's domain can take mail, by DNS."""

from __future__ import annotations

from typing import Any

import pytest

from filter_engine.checks import mx_check as module
from filter_engine.checks.mx_check_options import MxCheckOptions
from filter_engine.config.map_definition import define
from filter_engine.config.model import Config
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.driver import Driver
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action
from filter_engine.ucl.nodes import UclScalar

from .conftest import NOW, Collected, Scan, compose

ONLY_ENVELOPE = {"check_mime_from": False, "check_reply_to": False}


def options(**said: Any) -> MxCheckOptions:
    return MxCheckOptions(**{**ONLY_ENVELOPE, **said})


def mx(*hosts: str, **addresses: tuple[str, ...]) -> dict[str, Any]:
    """The sender's MX hosts; ``a``, ``b``: the addresses of a.example and b.example."""
    records = tuple((10 * number, host) for number, host in enumerate(hosts, 1))
    dns: dict[str, Any] = {"example.com": {"MX": records}} if hosts else {}
    return {**dns, **{f"{name}.example": {"A": ips} for name, ips in addresses.items()}}


@pytest.mark.parametrize(
    ("dns", "expected"),
    [
        (mx("a.example", a=("9.9.9.9",)), {}),
        ({}, {"MX_NONE": ("example.com",)}),
        ({"example.com": {"A": ("9.9.9.9",)}}, {}),
        (mx(""), {"MX_NULL": ("example.com",)}),
        (mx("a.example"), {"MX_BROKEN": ("example.com", "a.example")}),
        (mx("broken.example"), {"MX_DNS_FAIL": ("example.com",)}),
        (mx("a.example", a=("10.1.2.3",)), {"MX_LOCAL_ONLY": ("example.com", "10.1.2.3")}),
        (mx("a.example", a=("127.0.0.1",)), {"MX_LOCAL_ONLY": ("example.com", "127.0.0.1")}),
        (mx("a.example", a=("192.0.2.1",)), {"MX_BOGON_ONLY": ("example.com", "192.0.2.1")}),
        (mx("a.example", "b.example", a=("9.9.9.9",), b=("10.1.2.3",)),
         {"MX_LOCAL_MIX": ("example.com", "10.1.2.3")}),
        (mx("a.example", "b.example", a=("192.0.2.1",), b=("10.1.2.3",)),
         {"MX_LOCAL_MIX": ("example.com", "10.1.2.3"),
          "MX_BOGON_MIX": ("example.com", "192.0.2.1")}),
    ],
)  # fmt: skip
def test_where_mail_would_go(scan: Scan, dns: Any, expected: dict[str, Any]) -> None:
    found = scan("mx_check", dns=dns, options=options())
    assert {name: finding.options for name, (finding,) in found.items()} == expected
    assert all(finding.evidence for (finding,) in found.values())


def test_the_mx_itself_fails(scan: Scan) -> None:
    found = scan("mx_check", mail_from="x@broken.example", options=options())
    assert list(found) == ["MX_DNS_FAIL"]


def test_sources_have_prefixes_and_the_first_counts(scan: Scan) -> None:
    headers = {"From": "a@from.example", "Reply-To": "b@reply.example"}
    found = scan("mx_check", headers)
    assert set(found) == {"MX_NONE", "REPLYTO_MX_NONE", "MIME_FROM_MX_NONE"}
    assert set(scan("mx_check", {"From": "a@example.com"})) == {"MX_NONE"}
    assert scan("mx_check", mail_from="", helo="mx.a.example", options=options())["MX_NONE"][
        0
    ].options == ("a.example",)


def test_not_for_users_and_the_sites_own(scan: Scan) -> None:
    assert scan("mx_check", user="bob", options=options()) == {}
    assert scan("mx_check", local=True, options=options()) == {}
    assert scan("mx_check", local=True, options=options(check_local=True)) != {}


@pytest.mark.parametrize(
    ("name", "entry", "expected", "weight"),
    [
        ("exclude_domains", "*.com", "MX_WHITE", 1.0),
        ("exclude_mxs", "a.*", "MX_WHITE", 1.0),
        ("bad_mxs", "*.example 3", "MX_BAD", 3.0),
        ("bad_ips", "9.9.9.0/24 0.5", "MX_IP_BAD", 0.5),
        ("exclude_ips", "9.9.9.9", "MX_SKIP", 1.0),
    ],
)
def test_maps(scan: Scan, name: str, entry: str, expected: str, weight: float) -> None:
    made = options(**{name: define([UclScalar(entry)])})
    found = scan("mx_check", dns=mx("a.example", a=("9.9.9.9",)), options=made)
    ((symbol, (finding,)),) = found.items()
    assert (symbol, finding.weight) == (expected, weight)


def test_a_null_mx_may_be_rejected() -> None:
    check = REGISTRY["mx_check"]
    made = options(reject_null_mx=True)
    task = Task(
        Message(compose({}, "x")),
        Envelope(mail_from="bob@example.com"),
        {MxCheckOptions: made},
        NOW,
        "test.example",
        states={"mx_check": check.prepare(made, Setup(Config()))} if check.prepare else {},
    )
    sink = Collected(made)
    Driver(task, TableResolver(mx("")), sink).start([check])
    assert (pre := sink.outcomes["mx_check"].pre_result) is not None
    assert pre.action is Action.REJECT
    assert module.mx_check is check.run
