"""The generated inventory, SSH files and seeds, as their readers see them."""

import stat
import subprocess
import tarfile

import pytest
import yaml

from lab import keys
from lab.containers import containers_conf
from lab.dnssec import DnsKeys, trust_anchor, zone_key
from lab.internet import load_internet
from lab.internet_services import knot_conf, service_files
from lab.inventory import write_inventory
from lab.paths import PROJECT, LabPaths
from lab.plan import plan_hosts
from lab.seed import Seed, SeedFile, identity_files, write_seed
from lab.site import load_site
from lab.ssh import ssh_config
from lab.zones import Zone

INTERNET = load_internet()
SITE = load_site(PROJECT / "inventories" / "three_hosts")
HOSTS = plan_hosts(SITE, INTERNET)
DNS = DnsKeys(zone_key(), keys.tsig_secret())


@pytest.fixture
def lab(tmp_path):
    return LabPaths("paper", tmp_path)


def test_hosts_are_reached_by_public_address_and_the_internet_is_not_of_the_site(lab):
    write_inventory(lab, SITE, HOSTS, INTERNET, DNS)
    group = yaml.safe_load((lab.inventory / "hosts.yml").read_text())["lab"]
    assert group["hosts"]["dolores"] == {"ansible_host": "203.0.113.142"}
    assert group["children"] == {"lab_internet": {"hosts": {"internet": {}}}}
    assert str(lab.ssh_config) in group["vars"]["ansible_ssh_common_args"]


def test_two_labs_never_share_an_open_connection(lab):
    write_inventory(lab, SITE, HOSTS, INTERNET, DNS)
    other = LabPaths("other", lab.project)
    write_inventory(other, SITE, HOSTS, INTERNET, DNS)
    directories = {
        yaml.safe_load((each.inventory / "hosts.yml").read_text())["lab"]["vars"][
            "ansible_control_path_dir"
        ]
        for each in (lab, other)
    }
    assert len(directories) == 2


def test_the_names_of_control_sockets_are_short_enough():
    # sun_path holds 108 bytes; OpenSSH adds 17 while it makes the socket. %C is a SHA-1 in hex,
    # Ansible's names have ten characters.
    sockets = LabPaths("x" * 24).sockets
    for longest in (sockets / ("c" * 40), sockets / "ansible" / ("a" * 10)):
        assert len(str(longest)) + 17 < 108


def test_secrets_are_private_and_different_every_time(lab):
    found = []
    for dns in (DNS, DnsKeys(DNS.zone, keys.tsig_secret())):
        write_inventory(lab, SITE, HOSTS, INTERNET, dns)
        path = lab.inventory / "group_vars" / "all" / "secrets.yml"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        found.append(yaml.safe_load(path.read_text()))
    one, two = found
    assert [user["name"] for user in one["vault_users"]] == ["alice@example.net", "bob@example.net"]
    assert set(one) == {
        "vault_redis_password",
        "vault_filter_engine_controller_password",
        "vault_filter_engine_enable_password",
        "vault_webui_proxy_password",
        "vault_dns_records_key_secret",
        "vault_users",
    }
    for key in set(one) - {"vault_users"}:
        assert one[key] != two[key]
        assert len(one[key]) >= 24


def test_a_private_file_becomes_private_again_when_it_was_not(tmp_path):
    path = tmp_path / "key"
    path.write_text("old")
    path.chmod(0o644)
    keys.write_private(path, "new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)


def test_lab_facts_say_that_it_is_one_and_replace_the_root_of_dns(lab):
    write_inventory(lab, SITE, HOSTS, INTERNET, DNS)
    facts = yaml.safe_load((lab.inventory / "group_vars" / "all" / "lab.yml").read_text())
    assert facts == {
        "site_lab": True,
        "resolver_root_servers": [{"name": "root.lab.example.", "address": "198.51.100.53"}],
        "resolver_trust_anchors": [trust_anchor(DNS.zone.public)],
        "dns_records_server": "198.51.100.53",
        "dns_records_key_name": "site",
        "dns_records_ttl": 60,
        "dns_records_tlsa_ports": [25],
        "filter_engine_greylisting": False,
    }


def test_ssh_understands_its_configuration(lab, tmp_path):
    config = tmp_path / "ssh_config"
    config.write_text(ssh_config(lab, HOSTS))
    shown = subprocess.run(
        ["ssh", "-F", config, "-G", "maeve"], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert "hostname 203.0.113.47" in shown
    assert "user root" in shown
    assert "stricthostkeychecking true" in shown
    assert f"userknownhostsfile {lab.known_hosts}" in shown


def test_a_seed_unpacks_to_the_hosts_identity(tmp_path):
    key = keys.ssh_key_pair()
    files = identity_files(HOSTS[2], INTERNET, "ssh-ed25519 AAAA\n", key.private)
    write_seed(tmp_path / "seed", Seed(files, "route add\n", ["knot.service"]))
    assert stat.S_IMODE((tmp_path / "seed").stat().st_mode) == 0o700
    with tarfile.open(tmp_path / "seed" / "first_boot.tar") as archive:
        members = {member.name: member for member in archive.getmembers()}
        hosts = archive.extractfile("etc/hosts").read().decode()
    assert members["etc/ssh/ssh_host_ed25519_key"].mode == 0o600
    assert members["root/.ssh/authorized_keys"].mode == 0o600
    assert "203.0.113.142 dolores.example.net dolores\n" in hosts
    assert "2001:db8:48d1::142 dolores.example.net dolores\n" in hosts
    assert (tmp_path / "seed" / "enable").read_text() == "knot.service\n"


def test_a_seed_written_again_keeps_nothing_of_the_old_one(tmp_path):
    write_seed(tmp_path / "seed", Seed([SeedFile("/a", "1")], ""))
    (tmp_path / "seed" / "stray").write_text("x")
    write_seed(tmp_path / "seed", Seed([SeedFile("/b", b"2", owner="knot")], ""))
    assert not (tmp_path / "seed" / "stray").exists()
    with tarfile.open(tmp_path / "seed" / "first_boot.tar") as archive:
        assert [(m.name, m.uname, m.uid) for m in archive] == [("b", "knot", 0)]


def test_knot_serves_every_zone_and_the_key_of_the_site_opens_the_sites_alone():
    zones = [Zone("."), Zone("example.net.", of_site=True), Zone("remote.example.")]
    conf = knot_conf(INTERNET, zones)
    assert '  - domain: "."\n    file: "root.zone"\n  - domain: "example.net."\n' in conf
    assert '    file: "example.net.zone"\n    acl: ["this-host", "site"]\n' in conf
    assert conf.count('acl: ["this-host", "site"]') == 1
    assert DNS.update_secret not in conf
    assert 'listen: ["127.0.0.1@53", "198.51.100.53@53"]' in conf
    assert conf.count('address: "127.0.0.1"') == 1


def test_the_receiving_mx_keeps_its_key_to_itself():
    files = {
        file.path: file
        for file in service_files(
            INTERNET, [], keys.self_signed_certificate("mx.remote.example"), DNS
        )
    }
    assert files["/etc/lab-mx/key.pem"].mode == 0o600
    assert b"PRIVATE KEY" in files["/etc/lab-mx/key.pem"].content
    assert b"PRIVATE" not in files["/etc/lab-mx/certificate.pem"].content


@pytest.mark.parametrize(
    ("existing", "limit", "lines"),
    [
        (set(), 20000, ["cgroupfs", "runc", "nofile=20000:20000"]),
        ({"/run/systemd/system", "/sys/fs/cgroup/cgroup.controllers"}, 1048576, []),
        ({"/run/systemd/system"}, -1, ["runc"]),
    ],
)
def test_podman_is_told_only_what_this_kind_of_machine_needs(monkeypatch, existing, limit, lines):
    monkeypatch.setattr("lab.containers.Path.exists", lambda path: str(path) in existing)
    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, limit))
    conf = containers_conf()
    assert (conf is None) == (not lines)
    for word in lines:
        assert word in (conf or "")
    assert ("cgroupfs" in (conf or "")) == ("cgroupfs" in lines)
