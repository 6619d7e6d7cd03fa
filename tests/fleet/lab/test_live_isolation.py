"""No packet for a lab address leaves the machine: proved on the machine itself (as root).

What the machine's own network namespace is, is compared before, half up, up and down; and a
packet socket there listens while the lab's namespace shouts at every address of the lab.
"""

import ipaddress
import json
import os
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest

from lab.internet import load_internet
from lab.lab import Lab
from lab.paths import DEFAULT_SITE
from lab.plan import plan_hosts
from lab.site import load_site

ETH_P_ALL = 0x0003
PORT = 40123  # nothing listens there
INTERNET = load_internet()
HOSTS = plan_hosts(load_site(DEFAULT_SITE), INTERNET)
LAB_ADDRESSES = sorted(
    {
        *INTERNET.held_addresses,
        *INTERNET.link.controller,
        *(address for host in HOSTS for address in (host.ipv4, host.ipv6) if address),
    }
)
SHOUT = (
    "import socket, sys\n"
    "for address in sys.argv[2:]:\n"
    "    family = socket.AF_INET6 if ':' in address else socket.AF_INET\n"
    "    with socket.socket(family, socket.SOCK_DGRAM) as shouter:\n"
    "        try:\n"
    "            shouter.sendto(b'lab', (address, int(sys.argv[1])))\n"
    "            print(address)\n"
    "        except OSError:\n"
    "            pass\n"
)


def machine(*argv):
    return subprocess.run(argv, check=True, capture_output=True).stdout


def machine_network():
    """Links, addresses and routes of the machine, without counters and lifetimes."""
    links = [
        (link["ifname"], link.get("address"), link.get("operstate"))
        for link in json.loads(machine("ip", "-json", "link", "show"))
    ]
    addresses = [
        (link["ifname"], address["local"], address["prefixlen"])
        for link in json.loads(machine("ip", "-json", "address", "show"))
        for address in link["addr_info"]
    ]
    routes = [
        {key: value for key, value in route.items() if key != "expires"}
        for family in ("-4", "-6")
        for route in json.loads(machine("ip", "-json", family, "route", "show", "table", "all"))
    ]
    return links, addresses, routes


@contextmanager
def listening():
    """A packet socket on every interface of the machine; yields a function that returns the
    destination addresses of UDP packets to our port seen so far."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as ear:
        ear.setblocking(False)
        seen = []

        def heard():
            while True:
                try:
                    packet, origin = ear.recvfrom(65535)
                except BlockingIOError:
                    return seen
                if origin[1] == 0x0800 and packet[9] == socket.IPPROTO_UDP:
                    header, source_to = (packet[0] & 15) * 4, (16, 20)
                elif origin[1] == 0x86DD and packet[6] == socket.IPPROTO_UDP:
                    header, source_to = 40, (24, 40)
                else:
                    continue
                if int.from_bytes(packet[header + 2 : header + 4], "big") == PORT:
                    seen.append(str(ipaddress.ip_address(packet[slice(*source_to)])))

        yield heard


def shout(lab, addresses):
    """Send a packet to each address from inside the lab's namespace; return those that went."""
    argv = ["python3", "-c", SHOUT, str(PORT), *addresses]
    return lab.run(argv).stdout.decode().split()


@pytest.fixture(scope="module", autouse=True)
def _on_the_machine():
    if machine("ip", "netns", "identify", str(os.getpid())).strip():
        pytest.fail("run this file outside of `lab exec`: it watches the machine's own network")


@pytest.fixture
def lab():
    lab = Lab("leaktest")
    lab.down()
    yield lab
    lab.down()


def test_the_ear_hears():
    with listening() as heard, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as shouter:
        shouter.sendto(b"control", ("127.0.0.1", PORT))
        assert "127.0.0.1" in heard()


def test_the_machine_never_holds_a_lab_address_or_a_way_to_one(lab):
    before = machine_network()
    own = {address for _, address, _ in before[1]}
    assert not own & set(LAB_ADDRESSES)
    lab.namespace.create()
    assert machine_network() == before
    lab.up()
    assert machine_network() == before
    lab.cut("dolores")
    lab.kill("maeve")
    assert machine_network() == before
    lab.down()
    assert machine_network() == before


def test_nothing_leaves_before_the_lab_has_a_bridge(lab):
    lab.namespace.create()
    links = json.loads(lab.run(["ip", "-json", "link", "show"]).stdout)
    assert [link["ifname"] for link in links] == ["lo"]
    assert json.loads(lab.run(["ip", "-json", "route", "show"]).stdout) == []
    gateway = [
        route["gateway"]
        for route in json.loads(machine("ip", "-json", "route", "show", "default"))
        if "gateway" in route
    ]
    with listening() as heard:
        assert shout(lab, [*LAB_ADDRESSES, *gateway]) == []
        assert heard() == []


def test_nothing_leaves_while_the_lab_is_up_or_its_internet_is_dead(lab):
    lab.up()
    with listening() as heard:
        assert set(shout(lab, LAB_ADDRESSES)) == set(LAB_ADDRESSES)
        lab.ssh.run("dolores", ["python3", "-c", SHOUT, str(PORT), *LAB_ADDRESSES, "198.18.0.1"])
        lab.kill("internet")
        shout(lab, LAB_ADDRESSES)
        lab.ssh.run("dolores", ["python3", "-c", SHOUT, str(PORT), *LAB_ADDRESSES, "198.18.0.1"])
        assert heard() == []


def test_every_link_of_the_lab_ends_in_the_lab(lab):
    """Bridge ports are veth pairs; none may have its other end in the machine's namespace."""
    lab.up()
    machine_links = {
        link["ifindex"]: link for link in json.loads(machine("ip", "-json", "link", "show"))
    }
    links = json.loads(lab.run(["ip", "-json", "-details", "link", "show"]).stdout)
    kinds = [link.get("linkinfo", {}).get("info_kind", "loopback") for link in links]
    assert sorted(set(kinds)) == ["bridge", "loopback", "veth"]
    assert kinds.count("veth") == len(HOSTS)
    assert kinds.count("bridge") == 1
    assert not [link for link in machine_links.values() if link.get("link_netnsid") is not None]


def test_up_and_down_are_quick(lab):
    lab.up()  # builds the image if need be
    lab.down()
    ups, downs = [], []
    for _ in range(3):  # what else the machine does may make one slow, not all
        began = time.monotonic()
        lab.up()
        ups.append(time.monotonic() - began)
        began = time.monotonic()
        lab.down()
        downs.append(time.monotonic() - began)
        print(f"{len(HOSTS)} hosts up in {ups[-1]:.1f} s, down in {downs[-1]:.1f} s")
        if min(ups) < 10 and min(downs) < 3:
            break
    assert min(ups) < 10
    assert min(downs) < 3
