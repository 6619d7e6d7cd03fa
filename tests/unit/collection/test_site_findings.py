"""Rules about the hosts of a site together: each has a site without the fault and one with it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mailfleet.filter.plugins.filter.site_findings import site_findings
from ansible_collections.mailfleet.filter.plugins.plugin_utils.site_host import octets

VPN = {
    "charlotte": "10.195.171.241",
    "dolores": "10.195.171.142",
    "maeve": "10.195.171.47",
}
PRIMARY = VPN["charlotte"]

Site = dict[str, dict[str, Any]]


def host(name: str) -> dict[str, Any]:
    """A host as preflight describes it, without a fault."""
    own = VPN[name]
    peers = ",".join(f"{other}:11333:20" for other in VPN.values() if other != own)
    primary = own == PRIMARY
    signs = name == "charlotte"
    upstream = (
        {"self_scan": True} if signs else {"hosts": f"master-slave:127.0.0.1:11333:30,{peers}"}
    )
    inner = ["127.0.0.1", "[::1]", own]
    return {
        "name": name,
        "roles": ["mas" if signs else "mx"],
        "vpn": [own],
        "redis_role": "primary" if primary else "replica",
        "redis_instances": [
            {"name": "rspamd", "port": 6381, "replicate": False},
            {"name": "fuzzy", "port": 6383, "replicate": True},
        ],
        "redis_tls": False,
        "redis_flavour": "redis",
        "redis_password_digest": "1f",
        "message_size_limit": 26345472 if signs else 26214400,
        "version": "",
        "stand_ins": not signs,
        "lab": False,
        "local": {
            "options.inc": {
                "local_networks": ["127.0.0.0/8"],
                "max_message": "26mb",
                "neighbours": {
                    n: {"host": f"https://{n}.example.net:443", "path": f"/rspamd/{n}"} for n in VPN
                },
            },
            "worker-proxy.inc": {
                "bind_socket": ["127.0.0.1:11332", "[::1]:11332"],
                "upstream": {"local": {"default": True, **upstream}},
            },
            "worker-normal.inc": {"bind_socket": [f"{a}:11333" for a in inner]},
            "worker-controller.inc": {"bind_socket": [f"{a}:11334" for a in inner]},
            "actions.conf": {"reject": 15, "add_header": 6},
            "dkim_signing.conf": {"enabled": signs},
            "redis.conf": {"servers": "127.0.0.1:6381"},
        },
        "override": {
            "worker-fuzzy.inc": {
                "count": 1,
                "bind_socket": [f"{a}:11335" for a in inner],
                "read_servers": "127.0.0.1:6383",
                "write_servers": f"{PRIMARY}:6383",
                "allow_update": ["127.0.0.1", own] if primary else [],
            }
        },
    }


@pytest.fixture
def site() -> Site:
    return {name: host(name) for name in VPN}


def findings(site: Site) -> list[str]:
    before = copy.deepcopy(site)
    found = site_findings(list(site.values()))
    assert site == before
    return found


def only(site: Site) -> str:
    (found,) = findings(site)
    return found


def test_a_site_without_fault(site: Site) -> None:
    assert findings(site) == []


def test_one_host_alone(site: Site) -> None:
    assert findings({"charlotte": site["charlotte"]}) == []


@pytest.mark.parametrize(("default", "named"), [({"default": True}, "local, mine"), ({}, "none")])
def test_one_default_upstream(site: Site, default: dict[str, Any], named: str) -> None:
    upstreams = site["charlotte"]["local"]["worker-proxy.inc"]["upstream"]
    upstreams["local"] = {"self_scan": True, **default}
    upstreams["mine"] = {"hosts": "127.0.0.1:11333", **default}
    assert only(site).startswith("charlotte: the proxy worker needs one default upstream")
    assert f"and has {named}:" in only(site)


def test_a_scanner_that_no_host_is(site: Site) -> None:
    line = "master-slave:127.0.0.1:11333:30,10.195.171.9:11333:20"
    site["maeve"]["local"]["worker-proxy.inc"]["upstream"]["local"]["hosts"] = line
    found = findings(site)
    assert [text for text in found if "10.195.171.9:11333" in text] == found
    assert found[0].startswith("maeve: ")


def test_a_scanner_that_does_not_listen_there(site: Site) -> None:
    site["dolores"]["local"]["worker-normal.inc"]["bind_socket"] = ["127.0.0.1:11333"]
    text = only(site)
    assert text.startswith(f"maeve: scanner {VPN['dolores']}:11333 ")
    assert "filter_engine_listen_addresses" in text


def test_a_scanner_that_is_switched_off(site: Site) -> None:
    site["charlotte"]["override"]["worker-normal.inc"] = {"enabled": False}
    assert only(site).startswith(f"dolores, maeve: scanner {PRIMARY}:11333 ")


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("203.0.113.142", "not on loopback or the VPN"),
        ("*", "not on loopback or the VPN"),
        (VPN["maeve"], "the address of maeve"),
    ],
)
def test_a_worker_on_another_address(site: Site, address: str, what: str) -> None:
    sockets = site["dolores"]["local"]["worker-controller.inc"]["bind_socket"]
    sockets.append(f"{address}:11334")
    assert only(site).startswith(f"dolores: the controller would listen on {address}:11334, {what}")


def test_a_fuzzy_storage_that_is_off_listens_nowhere(site: Site) -> None:
    site["dolores"]["override"]["worker-fuzzy.inc"] = {
        "count": -1,
        "bind_socket": "203.0.113.142:11335",
    }
    assert findings(site) == []


def test_neighbours_over_http_and_with_one_path(site: Site) -> None:
    for one in site.values():
        neighbours = one["local"]["options.inc"]["neighbours"]
        neighbours["maeve"] = {"host": "http://maeve.example.net", "path": "/rspamd/dolores"}
    clear, path = findings(site)
    assert clear.startswith(
        "charlotte, dolores, maeve: filter_engine_neighbours: maeve is not asked"
    )
    assert "dolores and maeve have the same path /rspamd/dolores" in path


def test_one_history_for_several_hosts(site: Site) -> None:
    for name in ("dolores", "maeve"):
        site[name]["local"]["history_redis.conf"] = {"key_prefix": "rs_history{{COMPRESS}}"}
    assert only(site).startswith("dolores, maeve: filter_engine_history_prefix")


@pytest.mark.parametrize("prefix", ["rs_history{{HOSTNAME}}", "rs_history_dolores", ""])
def test_a_history_of_its_own(site: Site, prefix: str) -> None:
    site["dolores"]["local"]["history_redis.conf"] = {"key_prefix": prefix}
    if "{{" in prefix:
        site["maeve"]["local"]["history_redis.conf"] = {"key_prefix": prefix}
    assert findings(site) == []


@pytest.mark.parametrize(
    "servers",
    [
        {"servers": "127.0.0.1:6383"},
        {"read_servers": "127.0.0.1:6383", "write_servers": f"{VPN['maeve']}:6383"},
    ],
)
def test_a_replica_that_is_written(site: Site, servers: dict[str, str]) -> None:
    site["dolores"]["local"]["reputation.conf"] = {"rules": {"ip": {"backend": {"redis": servers}}}}
    found = findings(site)
    assert found[0].startswith(
        "dolores: reputation.conf rules ip backend redis writes to the replica"
    )
    assert PRIMARY not in found[0]


def test_the_primary_writes_to_itself(site: Site) -> None:
    site["charlotte"]["local"]["redis.conf"] = {"servers": "127.0.0.1:6383"}
    assert findings(site) == []


def test_postfix_takes_more_than_is_scanned(site: Site) -> None:
    site["dolores"]["message_size_limit"] = 52428800
    site["maeve"]["message_size_limit"] = 0
    larger, unlimited, room = findings(site)
    assert room.startswith("charlotte: postfix_message_size_limit (26345472) leaves the mail of")
    assert larger.startswith("dolores: postfix_message_size_limit (52428800) is more than")
    assert unlimited.startswith("maeve: postfix_message_size_limit (without limit)")


def test_an_access_server_has_no_room_for_the_exchangers_headers(site: Site) -> None:
    site["charlotte"]["message_size_limit"] = 26345471
    text = only(site)
    assert text.startswith("charlotte: postfix_message_size_limit (26345471) leaves the mail of")
    assert "write 26345472 or more" in text
    site["charlotte"]["message_size_limit"] = 0  # whether that is scanned, is another rule's
    assert "room" not in "".join(findings(site))


def test_clamd_takes_less_than_is_scanned(site: Site) -> None:
    rule = {"clamav": {"type": "clamav", "max_size": 25000000}}
    for one in site.values():
        one["local"]["antivirus.conf"] = rule
    text = only(site)
    assert text.startswith("charlotte, dolores, maeve: filter_engine_antivirus clamav max_size")


def test_thresholds_that_differ(site: Site) -> None:
    site["maeve"]["local"]["actions.conf"] = {"reject": 11, "add_header": 6}
    text = only(site)
    assert text.startswith("charlotte, dolores, maeve: scan for one another")
    assert "charlotte: 15; dolores: 15; maeve: 11" in text
    assert "filter_engine_actions" in text


def test_scores_and_modules_that_differ(site: Site) -> None:
    site["dolores"]["local"]["policies_group.conf"] = {"symbols": {"R_SPF_FAIL": {"weight": 4.5}}}
    site["maeve"]["override"]["mid.conf"] = {"enabled": False, "url": "redis://secret"}
    found = findings(site)
    assert any("symbols of policies_group.conf differs" in text for text in found)
    assert any("enabled of mid.conf differs" in text and "maeve: false" in text for text in found)
    assert "secret" not in "".join(found)


def test_what_is_of_one_host_may_differ(site: Site) -> None:
    site["dolores"]["local"]["logging.inc"] = {"level": "debug"}
    site["dolores"]["local"]["options.inc"]["dns"] = {"nameserver": "127.0.0.1"}
    assert findings(site) == []


def test_without_stand_ins_hosts_may_judge_differently(site: Site) -> None:
    for name in ("dolores", "maeve"):
        site[name]["local"]["worker-proxy.inc"]["upstream"]["local"] = {
            "default": True,
            "self_scan": True,
        }
        site[name]["stand_ins"] = False
    site["maeve"]["local"]["actions.conf"] = {"reject": 11}
    assert findings(site) == []


def test_redis_passwords_that_differ(site: Site) -> None:
    site["maeve"]["redis_password_digest"] = "2e"
    text = only(site)
    assert text.startswith("charlotte, dolores, maeve: redis_password is not the same")
    assert "2e" not in text


@pytest.mark.parametrize(("on", "asks"), [(True, False), (False, True)])
def test_tls_on_one_side_alone(site: Site, on: bool, asks: bool) -> None:
    for one in site.values():
        one["redis_tls"] = on
        one["override"]["worker-fuzzy.inc"]["ssl"] = on
        # Of the host itself, on loopback alone: it has none.
        one["local"]["redis.conf"]["ssl"] = False
    assert findings(site) == []
    site["maeve"]["override"]["worker-fuzzy.inc"]["ssl"] = asks
    text = next(one for one in findings(site) if "TLS" in one)
    assert text.startswith("maeve: worker-fuzzy.inc asks 127.0.0.1:6383 with")
    assert f"redis_tls is {str(on).lower()}" in text


def test_tls_and_flavour_are_the_whole_sites(site: Site) -> None:
    site["maeve"]["redis_flavour"] = "valkey"
    assert "redis_flavour is not the same" in only(site)
    site["maeve"]["redis_flavour"] = "redis"
    site["maeve"]["redis_tls"] = True
    assert any("redis_tls is not the same" in text for text in findings(site))


def test_a_replica_that_takes_changes(site: Site) -> None:
    site["maeve"]["override"]["worker-fuzzy.inc"]["allow_update"] = ["127.0.0.1"]
    assert only(site).startswith("maeve: filter_engine_fuzzy_allow_update is not empty")


@pytest.mark.parametrize("option", [{"gtube_patterns": "all"}, {"enable_test_patterns": "yes"}])
def test_test_patterns_outside_of_a_lab(site: Site, option: dict[str, str]) -> None:
    for one in site.values():
        one["local"]["options.inc"] |= option
    assert only(site).startswith("charlotte, dolores, maeve: test patterns are on")
    for one in site.values():
        one["lab"] = True
    assert findings(site) == []


def test_versions_that_differ(site: Site) -> None:
    site["dolores"]["version"] = "0.2.0"
    assert "charlotte: any, dolores: 0.2.0, maeve: any" in only(site)


def test_all_problems_at_once(site: Site) -> None:
    site["dolores"]["version"] = "0.2.0"
    site["maeve"]["redis_password_digest"] = "2e"
    site["maeve"]["message_size_limit"] = 52428800
    assert len(findings(site)) == 4


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("vpn", None, "dolores: vpn is missing"),
        ("message_size_limit", "large", "dolores: invalid literal"),
        ("local", ["no", "mapping"], "dolores: "),
    ],
)
def test_a_description_that_cannot_be_read(site: Site, key: str, value: Any, words: str) -> None:
    if value is None:
        del site["dolores"][key]
    else:
        site["dolores"][key] = value
    with pytest.raises(AnsibleFilterError, match="site_findings: ") as caught:
        findings(site)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (26214400, 26214400),
        ("26mb", 27262976),
        ("26m", 26000000),
        ("1.5k", 1500),
        ("1gb", 1 << 30),
        ("", None),
        ("much", None),
    ],
)
def test_sizes(size: object, expected: int | None) -> None:
    assert octets(size) == expected


def test_privacy_of_users_mail_may_differ(site: Site) -> None:
    site["charlotte"]["local"]["privacy.conf"] = {"authenticated": True}
    assert not findings(site)
