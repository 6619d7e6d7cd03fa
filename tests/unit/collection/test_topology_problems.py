"""Every kind of mistake in topology.yml: line, words and fix; and all of them at once."""

from __future__ import annotations

import pytest
from ansible_collections.mailfleet.filter.plugins.plugin_utils.topology_model import (
    Topology,
    TopologyError,
)
from ansible_collections.mailfleet.filter.plugins.plugin_utils.topology_reader import read_topology

GOOD = """\
plugin: mailfleet.filter.topology
domains: [example.net]
vpn: {ipv4: 10.195.171.0/24, ipv6: "fdc1:d89e:b128:6a04::/64"}
redis_primary: charlotte
hosts:
  charlotte:
    role: mas
    public: [203.0.113.54]
    vpn: [10.195.171.241, "fdc1:d89e:b128:6a04::29ab"]
  dolores:
    role: mx
    public: [203.0.113.142, "2001:db8:48d1::142"]
    vpn: [10.195.171.142, "fdc1:d89e:b128:6a04::7de4"]
"""


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(TopologyError) as caught:
        read_topology(text, "topology.yml")
    return [(one.line, f"{one.what}; {one.fix}") for one in caught.value.problems]


def test_the_good_one_is_good() -> None:
    assert isinstance(read_topology(GOOD, "topology.yml"), Topology)


# What is replaced, by what, and the one problem that gives: line and words.
MISTAKES = [
    ("plugin: mailfleet.filter.topology\n", "", 1, 'key "plugin" is missing'),
    ("filter.topology", "filter.topologie", 1, 'write "mailfleet.filter.topology"'),
    ("domains: [example.net]", "domainz: [example.net]\ndomains: [example.net]", 2, '"domains"?'),
    ("domains: [example.net]\n", "", 1, 'key "domains" is missing'),
    ("[example.net]", "[]", 2, "domains is empty"),
    ("[example.net]", "example.net", 2, "domains is not a list"),
    ("[example.net]", "[Example.net]", 2, 'upper case letters; write "example.net"'),
    ("[example.net]", "[example.net.]", 2, 'ends with a dot; write "example.net"'),
    ("[example.net]", "[exa_mple.net]", 2, "is not a domain name"),
    ("[example.net]", "[example]", 2, "is not a full domain name"),
    ("[example.net]", "[bücher.example]", 2, "is not ASCII"),
    ("[example.net]", "[example.net, example.net]", 2, "given twice"),
    ("10.195.171.0/24", "10.195.171.1/24", 3, 'host bits set; write "10.195.171.0/24"'),
    ("10.195.171.0/24", "10.195.171.300/24", 3, "is not a network"),
    ("ipv4: 10.195.171.0/24", 'ipv4: "fdc1::/64"', 3, "is not an IPv4 network"),
    ("ipv4: 10.195.171.0/24, ", "", 3, "vpn has no ipv4 network"),
    ("{ipv4", "{port: 70000, ipv4", 3, '"70000" is not a port'),
    ("{ipv4", "{interface: wireguard-of-the-site, ipv4", 3, "is not an interface name"),
    ("{ipv4", "{prot: 1, ipv4", 3, 'unknown key "prot" in vpn; did you mean "port"?'),
    ("redis_primary: charlotte\n", "", 1, "add: redis_primary: charlotte"),
    ("primary: charlotte", "primary: charlote", 4, 'did you mean "charlotte"?'),
    ("hosts:\n", "local_networks: [192.0.2.1/24]\nhosts:\n", 5, 'write "192.0.2.0/24"'),
    ("hosts:\n", "resolvers: [192.0.2.1:99999]\nhosts:\n", 5, "is not a resolver"),
    ("  dolores:", "  Dolores:", 10, "is not a plain host name"),
    ("    role: mas", "    rolle: mas\n    role: mas", 7, 'did you mean "role"?'),
    ("    role: mas\n", "", 6, 'host "charlotte" has no role'),
    ("role: mas", "role: maas", 7, 'unknown role "maas" of host "charlotte"; did you mean "mas"?'),
    ("role: mas", "role: []", 7, "has no role"),
    ("role: mas", "role: mx", 6, "no host is a MAS"),
    ("role: mx", "role: mas", 6, "no host is an MX"),
    ("    public: [203.0.113.54]\n", "", 6, "has no public addresses"),
    ("[203.0.113.54]", "[203.0.113.54/32]", 8, 'the prefix length: "203.0.113.54"'),
    ("[203.0.113.54]", "[203.0.113.354]", 8, "is not an IP address"),
    ("[203.0.113.54]", "[127.0.0.1]", 8, "is a loopback address"),
    ("[203.0.113.54]", "[fe80::1]", 8, "is a link-local address"),
    ("[203.0.113.54]", "[0.0.0.0]", 8, "is an unspecified address"),
    ("[203.0.113.54]", "[224.0.0.1]", 8, "is a multicast address"),
    ("[203.0.113.54]", "203.0.113.54", 8, "is not a list"),
    ("[203.0.113.54]", "[203.0.113.142]", 12, 'already that of "charlotte" (line 8)'),
    ("[203.0.113.54]", "[203.0.113.54, 203.0.113.54]", 8, "is given twice"),
    ("[203.0.113.54]", "[10.195.171.3]", 8, "lies within the VPN"),
    ("[10.195.171.241", "[10.195.172.241", 9, "is outside 10.195.171.0/24"),
    ("[10.195.171.241", "[10.195.171.255", 9, "is an end of 10.195.171.0/24"),
    ("[10.195.171.241, ", "[", 6, "has 0 VPN addresses of IPv4"),
    ("[10.195.171.241,", "[10.195.171.241, 10.195.171.240,", 6, "has 2 VPN addresses of IPv4"),
    ('    vpn: [10.195.171.241, "fdc1:d89e:b128:6a04::29ab"]\n', "", 6, "has no vpn addresses"),
    ('[203.0.113.142, "2001:db8:48d1::142"]', "[]", 10, "is an MX without public addresses"),
    ("  dolores:", "  mx:", 10, "is a name of the inventory"),
    ("  dolores:", "  dolores:\n    fqdn: charlotte.example.net", 10, "is also that of"),
    ("  dolores:", "  dolores:\n    fqdn: dolores", 11, "is not a full domain name"),
    ("  dolores:", "  charlotte: {}\n  dolores:", 10, "given twice (first in line 6)"),
    ("role: mx", "role: {mx: true}", 11, "is not a single value"),
    ("role: mx", "role:", 11, "is empty"),
    ("role: mx", "role: [mx, mx]", 11, "given twice"),
]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"), MISTAKES, ids=[f"{m[2]}-{m[3][:40]}" for m in MISTAKES]
)
def test_a_mistake_names_its_line_and_fix(old: str, new: str, line: int, words: str) -> None:
    assert old in GOOD
    found = problems(GOOD.replace(old, new, 1))
    assert [(where, words in text) for where, text in found] == [(line, True)], found


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "the file is empty"),
        ("# nothing\n", 1, "the file is empty"),
        ("[a, b]", 1, "is not a mapping"),
        ("plugin: x\n  bad: [", 2, "the file is not YAML"),
        ("plugin: [a, ::1]\n", 1, "quote IPv6 addresses"),
        ("plugin: &a [*b]", 1, "the file is not YAML"),
        ("a: \x07\n", 1, "the file is not YAML"),
        ("[" * 5_000, 1, "the file is not YAML"),
        ("#" + "x" * (1 << 20), 1, "larger than 1 MiB"),
    ],
)
def test_what_is_no_topology_at_all(text: str, line: int, words: str) -> None:
    assert any(where == line and words in message for where, message in problems(text))


@pytest.mark.parametrize("hosts", ["hosts:\n", "hosts: {}\n"])
def test_no_hosts(hosts: str) -> None:
    text = GOOD[: GOOD.index("redis_primary")] + hosts
    assert problems(text) == [(4, "hosts is empty; describe at least one host")]


def test_two_hosts_behind_nat_cannot_meet() -> None:
    text = GOOD.replace("[203.0.113.54]", "[]") + (
        "  maeve:\n    role: mas\n    public: []\n"
        '    vpn: [10.195.171.47, "fdc1:d89e:b128:6a04::961"]\n'
    )
    assert [line for line, _ in problems(text)] == [14]
    alone = text[: text.index("  maeve")]
    assert read_topology(alone, "topology.yml").hosts[0].public == ()


def test_two_hosts_need_a_vpn_and_one_needs_no_vpn_addresses() -> None:
    without = GOOD.replace(GOOD.splitlines(keepends=True)[2], "")
    assert any('key "vpn" is missing' in text for _, text in problems(without))
    one = without[: without.index("  dolores")].replace("role: mas", "role: [mx, mas]")
    assert any("has VPN addresses, but key" in text for _, text in problems(one))


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    text = (
        GOOD.replace("[example.net]", "[Example.net]")
        .replace("10.195.171.0/24", "10.195.171.1/24")
        .replace("role: mas", "rolle: mas")
        .replace("203.0.113.142", "203.0.113.999")
    )
    found = problems(text)
    assert [line for line, _ in found] == [2, 3, 6, 7, 12]
    with pytest.raises(TopologyError, match=r"topology\.yml: 5 problems, nothing was read"):
        read_topology(text, "topology.yml")


def test_a_network_with_host_bits_still_checks_the_addresses() -> None:
    text = (
        GOOD.replace("10.195.171.0/24", "10.195.171.1/24")
        .replace("a04::/64", "a04::1/64")
        .replace("10.195.171.241", "10.195.172.241")
        .replace("a04::7de4", "a05::7de4")
        .replace("hosts:\n", "local_networks: [192.0.2.1/24, 192.0.2.0/24]\nhosts:\n")
    )
    found = problems(text)
    assert [line for line, _ in found] == [3, 3, 5, 5, 10, 14]
    assert 'write "10.195.171.0/24"' in found[0][1]
    assert "is given twice" in found[3][1]
    assert '"10.195.172.241" of host "charlotte" is outside 10.195.171.0/24' in found[4][1]
    assert "is outside fdc1:d89e:b128:6a04::/64" in found[5][1]


def test_a_problem_read_once_is_not_told_twice() -> None:
    """An address that cannot be read is not also reported as missing."""
    found = problems(GOOD.replace("[10.195.171.142,", "[10.195.171.1420,"))
    assert [line for line, _ in found] == [13]
