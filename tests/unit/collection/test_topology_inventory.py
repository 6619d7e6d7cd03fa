"""The plugin in ansible-inventory itself."""

from __future__ import annotations

import json
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


def test_a_faulty_topology_stops_the_run_with_every_problem(
    ansible: Ansible, tmp_path: Path
) -> None:
    text = (ROOT / "inventories/three_hosts/topology.yml").read_text()
    path = tmp_path / "topology.yml"
    path.write_text(text.replace("role: mas", "role: max").replace("maeve:", "maeve: #", 1))
    path.write_text(path.read_text().replace("redis_primary: charlotte", "redis_primary: carlotta"))
    done = ansible.run(
        "ansible-inventory", "-i", path, "--list", ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="1"
    )
    assert done.returncode != 0
    assert f'{path}:7: redis_primary "carlotta" is not a host of this site' in done.stderr
    assert f'{path}:10: unknown role "max" of host "charlotte"' in done.stderr
    assert "2 problems" in done.stderr


def test_other_file_names_are_not_ours(ansible: Ansible, tmp_path: Path) -> None:
    path = tmp_path / "site.yml"
    path.write_text((ROOT / "inventories/three_hosts/topology.yml").read_text())
    done = ansible.run("ansible-inventory", "-i", path, "--list")
    assert "site_role" not in done.stdout
    assert "mailfleet.filter.topology' plugin" not in done.stderr
