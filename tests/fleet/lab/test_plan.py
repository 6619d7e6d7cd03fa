"""Which hosts a lab has and how they are connected."""

import ipaddress

import pytest

from lab.errors import LabError
from lab.internet import load_internet
from lab.paths import PROJECT, LabPaths
from lab.plan import plan_hosts
from lab.site import Site, SiteHost, load_site

DOCUMENTATION = [
    ipaddress.ip_network(network)
    for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


def site(*hosts):
    return Site(("example.net",), hosts)


def host(name="edge", *addresses):
    return SiteHost(name, f"{name}.example.net", ("mx",), addresses)


@pytest.mark.parametrize("directory", sorted((PROJECT / "inventories").glob("*/topology.yml")))
def test_every_example_site_can_be_planned(directory):
    planned = plan_hosts(load_site(directory.parent), load_internet())
    assert planned[0].name == "internet"
    assert len({planned_host.mac for planned_host in planned}) == len(planned)


def test_every_address_of_the_lab_is_from_a_documentation_range():
    internet = load_internet()
    planned = plan_hosts(load_site(PROJECT / "inventories" / "three_hosts"), internet)
    addresses = [*internet.held_addresses, *internet.link.controller]
    for planned_host in planned:
        addresses += [planned_host.ipv4, *([planned_host.ipv6] if planned_host.ipv6 else [])]
    for address in map(ipaddress.ip_address, addresses):
        assert any(address in network for network in DOCUMENTATION), address


def test_the_mac_is_unicast_locally_administered_and_follows_the_address():
    planned = plan_hosts(site(host("edge", "203.0.113.20")), load_internet())
    assert planned[1].mac == "02:00:cb:00:71:14"
    first = int(planned[1].mac.split(":")[0], 16)
    assert (first & 1, first & 2) == (0, 2)


def test_site_hosts_lead_everything_to_the_internet_which_leads_nowhere():
    internet, edge = plan_hosts(
        site(host("edge", "203.0.113.20", "2001:db8:48d1::20")), load_internet()
    )
    assert edge.network_batch.splitlines() == [
        "route replace 0.0.0.0/0 via 203.0.113.2 dev eth0",
        "route replace ::/0 via 2001:db8:48d1::2 dev eth0",
    ]
    assert "route" not in internet.network_batch
    assert "address replace 198.51.100.53/32 dev eth0" in internet.network_batch.splitlines()
    assert (internet.forwards, edge.forwards) == (True, False)


def test_further_public_addresses_of_a_host_are_added_at_boot():
    edge = plan_hosts(site(host("edge", "203.0.113.20", "203.0.113.21")), load_internet())[1]
    assert (edge.ipv4, edge.ipv6) == ("203.0.113.20", None)
    assert "address replace 203.0.113.21/24 dev eth0" in edge.network_batch


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        ([host("edge", "10.0.0.1")], "edge: public address 10.0.0.1 is outside the lab's link"),
        ([host("edge", "10.0.0.1")], "an address of 203.0.113.0/24 and 2001:db8:48d1::/64; copy"),
        ([host("edge", "2001:db8:48d1::20")], "edge: no public IPv4 address"),
        ([host("edge", "203.0.113.2")], "203.0.113.2 belongs to both internet and edge"),
        ([host("edge", "203.0.113.1")], "belongs to both the controller and edge"),
        (
            [host("edge", "203.0.113.20"), host("rim", "203.0.113.20")],
            "203.0.113.20 belongs to both edge and rim",
        ),
        ([host("internet", "203.0.113.20")], "internet belongs to both internet and internet"),
    ],
)
def test_what_cannot_be_built_is_said(hosts, words):
    with pytest.raises(LabError, match=words.replace(".", r"\.")):
        plan_hosts(site(*hosts), load_internet())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "topology.yml: no such file"),
        ("domains: [", "topology.yml: not YAML"),
        ("domains: [example.net]", "topology.yml: KeyError: 'hosts'"),
        ("domains: [example.net]\nhosts: {}", "topology.yml: no hosts"),
        ("domains: []\nhosts: {a: {role: mx, public: [203.0.113.9]}}", "topology.yml: IndexError"),
        ("domains: [example.net]\nhosts: {a: {role: mx}}", "topology.yml: KeyError: 'public'"),
        ("domains: [example.net]\nhosts: {a: {role: mx, public: [300.1.1.1]}}", "300.1.1.1"),
    ],
)
def test_a_bad_topology_is_named_with_its_file(tmp_path, content, words):
    if content is not None:
        (tmp_path / "topology.yml").write_text(content)
    with pytest.raises(LabError) as caught:
        load_site(tmp_path)
    assert words in str(caught.value)


def test_roles_may_be_one_or_several(tmp_path):
    (tmp_path / "topology.yml").write_text(
        "domains: [example.net]\n"
        "hosts:\n"
        "  one: {role: mas, public: [203.0.113.9]}\n"
        "  two: {role: [mas, mx], public: [203.0.113.8], fqdn: mail.example.net}\n"
    )
    loaded = load_site(tmp_path)
    assert [found.name for found in loaded.mail_exchangers] == ["two"]
    assert [found.fqdn for found in loaded.hosts] == ["one.example.net", "mail.example.net"]


@pytest.mark.parametrize("name", ["", "A", "1a", "a/b", "..", "a b", "x" * 25])
def test_a_lab_name_that_could_leave_its_directory_is_refused(name):
    with pytest.raises(LabError):
        LabPaths(name)
