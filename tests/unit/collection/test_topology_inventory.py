"""The plugin in ansible-inventory itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from .conftest import ROOT, Ansible


@pytest.mark.parametrize(
    ("site", "groups"),
    [
        (
            "three_hosts",
            {
                "site": ["charlotte", "dolores", "maeve"],
                "mas": ["charlotte"],
                "mx": ["dolores", "maeve"],
            },
        ),
        ("single_host", {"site": ["solo"], "mas": ["solo"], "mx": ["solo"]}),
    ],
)
def test_the_example_sites(ansible: Ansible, site: str, groups: dict[str, list[str]]) -> None:
    topology = ROOT / "inventories" / site / "topology.yml"
    done = ansible.run("ansible-inventory", "-i", topology, "--list")
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    data = json.loads(done.stdout)
    assert {name: data[name]["hosts"] for name in groups} == groups
    hostvars = data["_meta"]["hostvars"]
    assert all("site_local_networks" in hostvars[name] for name in groups["site"])


def test_host_vars_and_a_second_inventory_win(ansible: Ansible, tmp_path: Path) -> None:
    source = ROOT / "inventories/three_hosts/topology.yml"
    (tmp_path / "topology.yml").write_text(source.read_text())
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars" / "maeve.yml").write_text("site_fqdn: mx2.example.net\n")
    second = tmp_path / "second.yml"
    second.write_text("site: {hosts: {maeve: {ansible_host: 203.0.113.47}}}\n")
    arguments = ("-i", tmp_path / "topology.yml", "-i", second, "--host", "maeve")
    found = json.loads(ansible.run("ansible-inventory", *arguments).stdout)
    assert found["site_fqdn"] == "mx2.example.net"
    assert found["ansible_host"] == "203.0.113.47"
    assert found["site_role"] == "mx"


def reached_at(ansible: Ansible, *sources: Path) -> dict[str, str]:
    """Return where Ansible itself would connect to, by host; asked of a real run."""
    arguments = [word for source in sources for word in ("-i", str(source))]
    done = ansible.run(
        "ansible", "site", *arguments, "-c", "local", "-m", "ansible.builtin.debug",
        "-a", "var=ansible_host", "-o", ANSIBLE_STDOUT_CALLBACK="ansible.builtin.oneline",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(re.findall(r'^(\w+) .*"ansible_host": "([^"]*)"', done.stdout, re.M))


def test_hosts_are_reached_by_their_first_public_address_else_by_vpn(
    ansible: Ansible, tmp_path: Path
) -> None:
    text = (ROOT / "inventories/three_hosts/topology.yml").read_text()
    (tmp_path / "topology.yml").write_text(
        text.replace('public: [203.0.113.54, "2001:db8:48d1::54"]', "public: []")
    )
    assert reached_at(ansible, tmp_path) == {
        "charlotte": "10.195.171.241",
        "dolores": "203.0.113.142",
        "maeve": "203.0.113.47",
    }


@pytest.mark.parametrize("lab_last", [True, False])
def test_a_lab_inventory_overrides_where_hosts_are_reached(
    ansible: Ansible, tmp_path: Path, lab_last: bool
) -> None:
    lab = tmp_path / "hosts.yml"
    lab.write_text("lab: {hosts: {maeve: {ansible_host: 198.51.100.7}}}\n")
    sources = [ROOT / "inventories/three_hosts/topology.yml", lab]
    found = reached_at(ansible, *(sources if lab_last else reversed(sources)))
    assert found["maeve"] == "198.51.100.7"
    assert found["dolores"] == "203.0.113.142"


@pytest.mark.parametrize("group", ["all", "mx", "site"])
def test_group_vars_override_where_hosts_are_reached(
    ansible: Ansible, tmp_path: Path, group: str
) -> None:
    source = ROOT / "inventories/three_hosts/topology.yml"
    (tmp_path / "topology.yml").write_text(source.read_text())
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / f"{group}.yml").write_text(
        'ansible_host: "{{ site_vpn_addresses[0] }}"\n'
    )
    assert reached_at(ansible, tmp_path)["dolores"] == "10.195.171.142"


def test_a_faulty_topology_stops_the_run_with_every_problem(
    ansible: Ansible, tmp_path: Path
) -> None:
    text = (ROOT / "inventories/three_hosts/topology.yml").read_text()
    path = tmp_path / "topology.yml"
    path.write_text(text.replace("role: mas", "role: max").replace("maeve:", "maeve: #", 1))
    path.write_text(path.read_text().replace("redis_primary: charlotte", "redis_primary: carlotta"))
    done = ansible.run("ansible-inventory", "-i", path, "--list")
    assert done.returncode == 4
    assert done.stdout == ""
    assert [line.strip() for line in done.stderr.splitlines() if line.strip()] == [
        f"[ERROR]: {path}: 2 problems, nothing was read from it",
        f'{path}:7: redis_primary "carlotta" is not a host of this site; did you mean "charlotte"?',
        f'{path}:10: unknown role "max" of host "charlotte"; did you mean "mx"?',
    ]


@pytest.mark.parametrize("name", ["topology.yml", "topology.yaml"])
def test_a_topology_without_its_plugin_line_is_not_taken_for_groups(
    ansible: Ansible, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    text = (ROOT / "inventories/three_hosts/topology.yml").read_text()
    path.write_text(text.replace("plugin: mailfleet.filter.topology\n", ""))
    done = ansible.run("ansible-inventory", "-i", tmp_path, "--list")
    assert done.returncode == 4
    expected = f'{path}:4: key "plugin" is missing; add: plugin: mailfleet.filter.topology'
    assert done.stderr.count(expected) == 1
    assert "WARNING" not in done.stderr


def test_a_topology_that_is_no_yaml_is_told_once(ansible: Ansible, tmp_path: Path) -> None:
    path = tmp_path / "topology.yml"
    path.write_text("plugin: mailfleet.filter.topology\nvpn: {ipv4: [\n")
    done = ansible.run("ansible-inventory", "-i", path, "--list")
    assert done.returncode == 4
    assert done.stderr.count("the file is not YAML") == 1
    assert "WARNING" not in done.stderr


def test_where_an_unread_source_is_no_failure_it_is_a_warning(
    ansible: Ansible, tmp_path: Path
) -> None:
    path = tmp_path / "topology.yml"
    path.write_text("plugin: mailfleet.filter.topology\ndomains: []\n")
    done = ansible.run(
        "ansible-inventory", "-i", path, "--list", ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="0"
    )
    assert done.returncode == 0
    assert f"{path}:2: domains is empty" in done.stderr


def test_other_file_names_are_not_ours(ansible: Ansible, tmp_path: Path) -> None:
    path = tmp_path / "site.yml"
    path.write_text((ROOT / "inventories/three_hosts/topology.yml").read_text())
    done = ansible.run("ansible-inventory", "-i", path, "--list")
    assert "site_role" not in done.stdout
    assert "mailfleet.filter.topology' plugin" not in done.stderr
