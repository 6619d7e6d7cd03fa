"""dns_update as a host runs it, against a server that takes signed updates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils import dns_server
from ansible_collections.mailfleet.filter.plugins.module_utils.dns_plan import (
    Wanted,
    plan,
)

from update_server import UpdateServer

Module = Callable[..., dict[str, Any]]
SECRET = "c2VjcmV0IG9mIHRoZSB0ZXN0cywgbm90IG9mIGFueW9uZQ=="
SOA = """\
@ 60 IN SOA ns.example.net. hostmaster.example.net. 1 3600 600 86400 2
@ 60 IN NS ns.example.net.
"""
KEY = "v=DKIM1; k=rsa; p=" + "A" * 400
RECORDS: list[dict[str, Any]] = [
    {"name": "example.net", "type": "MX", "ttl": 60, "value": "10 mx.example.net.", "rivals": ""},
    {"name": "example.net", "type": "TXT", "ttl": 60, "value": "v=spf1 -all", "rivals": "v=spf1"},
    {"name": "m._domainkey.example.net", "type": "TXT", "ttl": 60, "value": KEY, "rivals": ""},
    {
        "name": "1.2.0.192.in-addr.arpa",
        "type": "PTR",
        "ttl": 60,
        "value": "mx.example.net.",
        "rivals": "",
    },
]


@pytest.fixture
def server() -> Iterator[UpdateServer]:
    zone = SOA + '@ 60 IN TXT "another-site=verified"\nwww 60 IN A 192.0.2.80\n'
    running = UpdateServer({"example.net.": zone}, key=("site", SECRET))
    yield running
    running.close()


@pytest.fixture
def publish(run_module: Module, server: UpdateServer, tmp_path: Path) -> Module:
    def run(records: list[dict[str, Any]] = RECORDS, **more: Any) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "server": "127.0.0.1",
            "port": server.port,
            "records": records,
            "state": str(tmp_path / "published.json"),
            "timeout": 30,
            **({} if "key_file" in more else {"key_name": "site", "key_secret": SECRET}),
            **more,
        }
        return run_module("dns_update", **arguments)

    return run


def test_published_once_and_a_second_run_changes_nothing(
    publish: Module, server: UpdateServer
) -> None:
    first = publish()
    assert first["changed"] is True
    assert server.data("example.net", "MX") == {"10 mx.example.net."}
    assert server.data("example.net", "TXT") == {'"v=spf1 -all"', '"another-site=verified"'}
    (key,) = server.data("m._domainkey.example.net", "TXT")
    assert key.replace('" "', "").strip('"') == KEY
    assert first["elsewhere"] == ["1.2.0.192.in-addr.arpa PTR"]
    assert len(first["added"]) == 3
    assert len(server.log) == 1
    second = publish()
    assert (second["changed"], second["added"], second["removed"]) == (False, [], [])
    assert len(server.log) == 1


def test_what_was_published_and_is_wanted_no_more_is_removed_and_nothing_else(
    publish: Module, server: UpdateServer
) -> None:
    publish()
    again = publish(RECORDS[:1])
    assert server.data("m._domainkey.example.net", "TXT") == set()
    assert server.data("example.net", "TXT") == {'"another-site=verified"'}
    assert server.data("www.example.net", "A") == {"192.0.2.80"}
    assert len(again["removed"]) == 2
    assert publish(RECORDS[:1])["changed"] is False


def test_a_record_of_ours_that_changes_is_replaced(publish: Module, server: UpdateServer) -> None:
    publish()
    changed = [{**RECORDS[1], "value": "v=spf1 mx -all"}]
    publish([RECORDS[0], *changed])
    assert server.data("example.net", "TXT") == {'"v=spf1 mx -all"', '"another-site=verified"'}


def test_a_foreign_record_in_the_way_stops_everything_until_it_may_be_replaced(
    publish: Module, server: UpdateServer, tmp_path: Path
) -> None:
    zone = next(iter(server.zones.values()))
    apex = zone.find_rdataset("example.net.", "TXT", create=True)
    apex.add(dns_server.rdata_of("TXT", "v=spf1 include:old.example ~all"))
    stopped = publish()
    assert stopped["failed"]
    assert stopped["conflicts"] == ['example.net TXT "v=spf1 include:old.example ~all"']
    assert server.log == []
    assert not (tmp_path / "published.json").exists()
    publish(adopt=True)
    assert server.data("example.net", "TXT") == {'"v=spf1 -all"', '"another-site=verified"'}


def test_check_mode_tells_the_same_and_sends_nothing(
    publish: Module, server: UpdateServer, tmp_path: Path
) -> None:
    told = publish(check_mode=True)
    assert server.log == []
    assert not (tmp_path / "published.json").exists()
    done = publish()
    for what in ("changed", "added", "removed", "diff"):
        assert told[what] == done[what]
    assert "m._domainkey.example.net. 60 IN TXT" in done["diff"]["after"]
    assert publish(check_mode=True)["changed"] is False


def test_a_lifetime_that_differs_is_corrected_where_the_set_is_ours_alone(
    publish: Module, server: UpdateServer
) -> None:
    publish()
    later = [{**record, "ttl": 300} for record in RECORDS]
    again = publish(later)
    assert again["changed"] is True
    assert server.ttl("example.net", "MX") == 300
    assert server.ttl("example.net", "TXT") == 60  # shared with another's record
    assert publish(later)["changed"] is False


def test_a_server_that_does_not_know_the_key_is_told_with_the_fix(
    publish: Module, server: UpdateServer
) -> None:
    wrong = publish(key_secret="d3JvbmcgYnV0IGJhc2U2NCwgYXMgYSBrZXkgc2hvdWxkIGJl")
    assert wrong["failed"]
    assert "d3JvbmcgYnV0" not in json.dumps(wrong)
    assert server.data("example.net", "MX") == set()
    bad = publish(key_secret="no base64!")
    assert "is not base64" in bad["msg"]
    assert "no base64!" not in bad["msg"]


def test_the_key_from_a_file(publish: Module, server: UpdateServer, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f'key "site" {{\n  algorithm hmac-sha256;\n  secret "{SECRET}";\n}};\n')
    done = publish(key_file=str(path))
    assert done["changed"] is True
    assert server.log == [("example.net.", "NOERROR")]
    path.write_text("nothing of the kind, but secret")
    bad = publish(key_file=str(path))
    assert "holds no key" in bad["msg"]
    assert "but secret" not in bad["msg"]


def test_a_zone_that_is_refused_is_named_and_what_was_done_before_is_ours(
    publish: Module, tmp_path: Path
) -> None:
    server = UpdateServer(
        {"example.net.": SOA, "2.0.192.in-addr.arpa.": SOA},
        key=("site", SECRET),
        refused=frozenset({"2.0.192.in-addr.arpa."}),
    )
    try:
        stopped = publish(port=server.port)
        assert "refused the update of 2.0.192.in-addr.arpa.: REFUSED; let the key" in stopped["msg"]
        assert server.log == [("example.net.", "NOERROR"), ("2.0.192.in-addr.arpa.", "REFUSED")]
        published = json.loads((tmp_path / "published.json").read_text())["published"]
        assert {one["name"] for one in published} == {"example.net", "m._domainkey.example.net"}
        fewer = publish(RECORDS[:2], port=server.port)
        assert len(fewer["removed"]) == 1
        assert server.data("m._domainkey.example.net", "TXT") == set()
    finally:
        server.close()


def test_an_alias_in_the_way_is_never_removed(publish: Module, server: UpdateServer) -> None:
    zone = next(iter(server.zones.values()))
    alias = zone.find_rdataset("m._domainkey.example.net.", "CNAME", create=True)
    alias.add(dns_server.rdata_of("CNAME", "keys.provider.example."))
    stopped = publish(adopt=True)
    assert stopped["conflicts"] == ["m._domainkey.example.net TXT CNAME keys.provider.example."]
    assert server.log == []


def test_a_silent_server_is_named(publish: Module) -> None:
    told = publish(port=9, timeout=1)
    assert told["failed"]
    assert told["msg"].startswith("127.0.0.1 port 9 was asked for example.net SOA: ")


def test_a_change_in_between_stops_the_update() -> None:
    server = UpdateServer({"example.net.": SOA})
    try:
        asking = dns_server.Server("127.0.0.1", server.port)
        slot = ("example.net", "MX")
        wanted = {slot: Wanted(60, ("10 mx.example.net.",))}
        made = plan(wanted, {slot: asking.present(slot)}, {})
        zone = next(iter(server.zones.values()))
        zone.find_rdataset("example.net.", "MX", create=True).add(
            dns_server.rdata_of("MX", "5 other.example.")
        )
        with pytest.raises(dns_server.ServerError, match="YXRRSET; somebody made a record"):
            asking.update("example.net.", made.changes)
        assert server.data("example.net", "MX") == {"5 other.example."}
    finally:
        server.close()


MX_RECORD = RECORDS[0]


def by_hand(server: UpdateServer, ttl: int, *values: str) -> None:
    """Records that somebody made at the server: MX of example.net."""
    zone = next(iter(server.zones.values()))
    there = zone.find_rdataset("example.net.", "MX", create=True)
    there.update_ttl(ttl)
    for value in values:
        there.add(dns_server.rdata_of("MX", value), ttl=ttl)


def test_a_record_that_somebody_made_as_wanted_stays_somebodys(
    publish: Module, server: UpdateServer
) -> None:
    by_hand(server, 86400, "10 mx.example.net.")
    first = publish([MX_RECORD])
    assert (first["changed"], server.log) == (True, [])  # the file is new
    assert server.ttl("example.net", "MX") == 86400
    assert publish([MX_RECORD])["changed"] is False
    gone = publish([])
    assert (gone["changed"], gone["removed"], server.log) == (False, [], [])
    assert server.data("example.net", "MX") == {"10 mx.example.net."}


def test_a_record_that_somebody_made_as_wanted_becomes_ours_where_that_is_said(
    publish: Module, server: UpdateServer
) -> None:
    by_hand(server, 86400, "10 mx.example.net.")
    publish([MX_RECORD], adopt=True)
    assert server.ttl("example.net", "MX") == 60
    assert publish([MX_RECORD])["changed"] is False
    publish([])
    assert server.data("example.net", "MX") == set()


def test_beside_somebodys_record_only_ours_is_ever_removed(
    publish: Module, server: UpdateServer
) -> None:
    by_hand(server, 86400, "10 mx.example.net.")
    publish([MX_RECORD, {**MX_RECORD, "value": "20 mx2.example.net."}])
    assert server.data("example.net", "MX") == {"10 mx.example.net.", "20 mx2.example.net."}
    assert server.ttl("example.net", "MX") == 86400
    publish([])
    assert server.data("example.net", "MX") == {"10 mx.example.net."}


def test_an_update_whose_end_nobody_saw_is_ours_all_the_same(
    publish: Module, server: UpdateServer
) -> None:
    server.mute_updates = True
    assert publish([MX_RECORD])["failed"]
    assert server.data("example.net", "MX") == {"10 mx.example.net."}
    server.mute_updates = False
    publish([])
    assert server.data("example.net", "MX") == set()
    assert publish([])["changed"] is False


def test_after_a_refusal_a_record_that_somebody_makes_is_somebodys(
    publish: Module, tmp_path: Path
) -> None:
    zone = "example.net."
    refusing = UpdateServer({zone: SOA}, key=("site", SECRET), refused=frozenset({zone}))
    try:
        assert "REFUSED" in publish([MX_RECORD], port=refusing.port)["msg"]
        assert json.loads((tmp_path / "published.json").read_text())["published"] == []
        by_hand(refusing, 60, "10 mx.example.net.")
        assert publish([MX_RECORD], port=refusing.port)["added"] == []
        assert publish([], port=refusing.port)["removed"] == []
    finally:
        refusing.close()


def wildcard(server: UpdateServer, kind: str, value: str, owner: str = "*.example.net.") -> None:
    zone = next(iter(server.zones.values()))
    zone.find_rdataset(owner, kind, create=True).add(dns_server.rdata_of(kind, value), ttl=60)


@pytest.mark.parametrize(
    ("kind", "value"), [("TXT", "v=spf1 -all"), ("TXT", KEY), ("CNAME", "www.example.net.")]
)
def test_what_a_wildcard_answers_is_not_there(
    publish: Module, server: UpdateServer, kind: str, value: str
) -> None:
    wildcard(server, kind, value)
    key = RECORDS[2:3]
    first = publish(key)
    assert (first["conflicts"], len(first["added"])) == ([], 1)
    (found,) = server.data("m._domainkey.example.net", "TXT")
    assert found.replace('" "', "").strip('"') == KEY
    assert publish(key)["changed"] is False
    publish([])
    assert server.data("m._domainkey.example.net", "TXT") == set()
    (left,) = server.data("*.example.net", kind)
    assert left.replace('" "', "").strip('"') == value


def test_a_record_that_says_what_the_wildcard_says_is_there(
    publish: Module, server: UpdateServer
) -> None:
    spf = [{**RECORDS[1], "name": "www.example.net"}]
    wildcard(server, "TXT", "v=spf1 -all")
    wildcard(server, "TXT", "v=spf1 -all", "www.example.net.")
    assert publish(spf)["added"] == []
    assert server.log == []


def test_a_name_too_long_for_a_question_below_it_is_taken_as_it_is(server: UpdateServer) -> None:
    name = ".".join(["a" * 60] * 3 + ["b" * 56, "example.net"])
    wildcard(server, "TXT", "v=spf1 -all")
    asking = dns_server.Server("127.0.0.1", server.port)
    assert asking.present((name, "TXT")).data == ('"v=spf1 -all"',)
