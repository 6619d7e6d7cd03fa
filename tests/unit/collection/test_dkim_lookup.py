"""A key's record is looked for on every resolver and authoritative server, over real DNS."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_lookup import (
    Result,
    Server,
    look_up,
    same_key,
)

from update_server import UpdateServer

NAME = "r1._domainkey.example.net"
VALUE = "v=DKIM1; k=rsa; p=" + "A" * 392
STRINGS = f'"{VALUE[:255]}" "{VALUE[255:]}"'
SOA = "SOA ns.example.net. hostmaster.example.net. 1 3600 600 86400 2"
ZONE = f"""
@ 60 IN {SOA}
@ 60 IN NS ns.example.net.
ns 60 IN A 127.0.0.1
"""
RIGHT = f"r1._domainkey 60 IN TXT {STRINGS}\n"
OTHER = 'r1._domainkey 60 IN TXT "v=DKIM1; k=rsa; p=BBBB"\n'
PATIENCE = 30.0
"""Seconds of a try, where everybody answers: the machine is busy."""
TIMEOUT = 1.0
"""The same where somebody is silent."""

Serve = Callable[..., UpdateServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server for example.net."""
    with ExitStack() as stack:

        def start(text: str, *, authoritative: bool = False) -> UpdateServer:
            server = UpdateServer({"example.net": text}, authoritative=authoritative)
            stack.callback(server.close)
            return server

        yield start


def ask(
    *resolvers: UpdateServer,
    authoritative: UpdateServer | None = None,
    timeout: float = PATIENCE,
) -> Result:
    (result,) = look_up(
        [(NAME, VALUE)],
        [Server("127.0.0.1", server.port) for server in resolvers],
        timeout,
        authoritative=authoritative is not None,
        authoritative_port=authoritative.port if authoritative else 0,
    )
    return result


def saw(result: Result) -> list[tuple[str, str]]:
    return [(look.server.kind, look.saw) for look in result.looks]


def test_seen_by_all_is_right(serve: Serve) -> None:
    master = serve(ZONE + RIGHT, authoritative=True)
    result = ask(serve(ZONE + RIGHT), serve(ZONE + RIGHT), authoritative=master)
    assert (result.right, result.why) == (True, "")
    assert saw(result) == [
        ("resolver", "right"),
        ("resolver", "right"),
        ("authoritative", "right"),
    ]


@pytest.mark.parametrize(
    ("zone", "what", "words"),
    [
        (ZONE, "nothing", "has no record"),
        (ZONE + OTHER, "another", "has another record"),
        (ZONE + RIGHT + OTHER, "several", "has several records (2 of them)"),
    ],
)
def test_one_resolver_that_differs_is_named(serve: Serve, zone: str, what: str, words: str) -> None:
    odd = serve(zone)
    result = ask(serve(ZONE + RIGHT), odd, authoritative=serve(ZONE + RIGHT, authoritative=True))
    assert not result.right
    assert [look.saw for look in result.looks] == ["right", what, "right"]
    assert result.why == f"resolver 127.0.0.1 port {odd.port} {words}"


def test_a_silent_resolver_is_named(serve: Serve) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        (result,) = look_up(
            [(NAME, VALUE)],
            [Server("127.0.0.1", serve(ZONE + RIGHT).port), Server("127.0.0.1", port)],
            TIMEOUT,
            authoritative=False,
        )
    assert result.why.startswith(f"resolver 127.0.0.1 port {port} gave no answer")


def test_the_authoritative_server_alone_can_differ(serve: Serve) -> None:
    master = serve(ZONE, authoritative=True)
    result = ask(serve(ZONE + RIGHT), authoritative=master)
    assert not result.right
    assert "authoritative ns.example.net. (127.0.0.1 port" in result.why
    assert "has no record" in result.why


def test_who_is_not_authoritative_does_not_count_as_one(serve: Serve) -> None:
    result = ask(serve(ZONE + RIGHT), authoritative=serve(ZONE + RIGHT))
    assert "gave no answer (not authoritative for the name)" in result.why


def test_an_address_that_is_silent_does_not_matter_beside_one_that_answers(serve: Serve) -> None:
    master = serve(ZONE + RIGHT, authoritative=True)
    both = ZONE + RIGHT + "ns 60 IN A 127.0.0.2\n"
    result = ask(serve(both), authoritative=master, timeout=TIMEOUT)
    assert {look.server.address: look.saw for look in result.looks[1:]} == {
        "127.0.0.1": "right",
        "127.0.0.2": "silent",
    }
    assert result.right


def test_a_name_server_that_never_answers_does_matter(serve: Serve) -> None:
    master = serve(ZONE + RIGHT, authoritative=True)
    two = ZONE + RIGHT + "@ 60 IN NS ns2.example.net.\nns2 60 IN A 127.0.0.2\n"
    result = ask(serve(two), authoritative=master, timeout=TIMEOUT)
    assert "ns2.example.net. (127.0.0.2" in result.why
    assert "ns.example.net. (127.0.0.1" not in result.why


def test_an_alias_is_followed(serve: Serve) -> None:
    alias = f"r1._domainkey 60 IN CNAME key.hosted\nkey.hosted 60 IN TXT {STRINGS}\n"
    master = serve(ZONE + alias, authoritative=True)
    result = ask(serve(ZONE + alias), authoritative=master)
    assert result.right, result.why
    assert master.asked == [("key.hosted.example.net.", "TXT")]


def test_servers_that_cannot_be_found_are_a_reason(serve: Serve) -> None:
    result = ask(
        serve(f"@ 60 IN {SOA}\n" + RIGHT), authoritative=serve(ZONE + RIGHT, authoritative=True)
    )
    assert "its authoritative servers could not be found" in result.why


def test_without_a_resolver_nothing_is_seen() -> None:
    (result,) = look_up([(NAME, VALUE)], [], PATIENCE)
    assert result.why == "no resolver is given"


@pytest.mark.parametrize(
    ("found", "same"),
    [
        ("v=DKIM1; k=rsa; p=AAAA", True),
        ("v=DKIM1;k=rsa;p=AA AA;", True),
        ("k=rsa; v=DKIM1; p=AAAA", True),
        ("v=DKIM1; k=rsa; p=AAAB", False),
        ("v=DKIM1; k=rsa; p=", False),
        ("v=DKIM1; k=rsa; t=y; p=AAAA", False),
        ("v=DKIM1; k=rsa; p=AAAA; p=AAAA", False),
        ("AAAA", False),
        ("", False),
    ],
)
def test_records_are_compared_by_their_tags(found: str, same: bool) -> None:
    assert same_key("v=DKIM1; k=rsa; p=AAAA", found) is same


def test_the_module_says_per_server_what_it_saw(
    serve: Serve, run_module: Callable[..., dict[str, Any]]
) -> None:
    good, bad = serve(ZONE + RIGHT), serve(ZONE)
    result = run_module(
        "dkim_seen",
        questions=[{"name": NAME, "value": VALUE}],
        resolvers=[{"address": "127.0.0.1", "port": port} for port in (good.port, bad.port)],
        authoritative=False,
        timeout=PATIENCE,
    )
    assert result["changed"] is False
    (seen,) = result["seen"]
    assert (seen["name"], seen["right"]) == (NAME, False)
    assert [one["saw"] for one in seen["servers"]] == ["right", "nothing"]
    assert seen["why"] == f"resolver 127.0.0.1 port {bad.port} has no record"
