"""rmilter: redis, greylisting, limits and whom it signed for, each value where it goes."""

from __future__ import annotations

from typing import Any

import pytest

from filter_engine.importers.outcome import Outcome
from filter_engine.importers.rmilter import import_rmilter
from filter_engine.ucl import parse, to_python


def data(outcome: Outcome, name: str) -> Any:
    return to_python(parse(outcome.files[f"local.d/{name}"]))


def test_prefixes() -> None:
    found = import_rmilter(
        "greylisting { timeout = 60s; expire = 2d; };\n"
        'redis { servers_grey = a; servers_id = a; id_prefix = "id."; grey_prefix = "grey.";\n'
        '  white_prefix = "white."; connect_timeout = 3s; };',
        "r.conf",
    )
    assert data(found, "greylist.conf")["key_prefix"] == "grey."
    assert data(found, "replies.conf")["key_prefix"] == "id."
    assert data(found, "redis.conf") == {"servers": "a:6379", "timeout": 3}
    assert [r.subject for r in found.remarks if r.lost] == ["white_prefix"]
    assert not any("white." in text for text in found.files.values())


def test_greylisting() -> None:
    found = import_rmilter(
        "greylisting { enable = yes; timeout = 60s; expire = 2d; whitelist = 192.0.2.1;\n"
        "  awl_enable = yes; awl_hits = 5; awl_ttl = 600s; };\nredis { servers_grey = a; };",
        "r.conf",
    )
    assert data(found, "greylist.conf") == {
        "enabled": True,
        "timeout": 60,
        "expire": 172800,
        "pass_expire": 518400,
        "whitelisted_ip": ["192.0.2.1"],
        "awl_enable": True,
        "awl_hits": 5,
        "awl_ttl": 600,
    }


def test_limits() -> None:
    found = import_rmilter(
        "limits { limit_to = 7:0.5; limit_to_ip = 8:0.5; limit_to_ip_from = 9:0.5;\n"
        "  limit_bounce_to = 2:0.5; limit_bounce_to_ip = 3:0.5; limit_whitelist_ip = 192.0.2.1;\n"
        "  limit_whitelist_rcpt = postmaster; limit_bounce_addrs = x; };\n"
        "redis { servers_limits = a; };",
        "r.conf",
    )
    limits = data(found, "ratelimit.conf")
    assert {name: rate["bucket"]["burst"] for name, rate in limits["rates"].items()} == {
        "to": 7,
        "to_ip": 8,
        "to_ip_from": 9,
        "bounce_to": 2,
        "bounce_to_ip": 3,
    }
    assert {rate["bucket"]["rate"] for rate in limits["rates"].values()} == {"1 / 2s"}
    assert limits["whitelisted_ip"] == ["192.0.2.1"]
    assert limits["whitelisted_rcpts"] == "postmaster"
    assert limits["bounce_senders"] == ["x"]


@pytest.mark.parametrize(
    ("said", "inbound"), [("", False), ("auth_only = yes;", False), ("auth_only = no;", True)]
)
def test_whom_is_signed_for(said: str, inbound: bool) -> None:
    found = import_rmilter(
        f"dkim {{ {said} sign_networks = 192.0.2.128/25;\n"
        '  domain { key = /k; domain = "e.example"; selector = "s"; }; };',
        "r.conf",
    )
    signing = data(found, "dkim_signing.conf")
    assert signing["sign_networks"] == ["192.0.2.128/25"]
    assert signing.get("sign_inbound", False) is inbound
